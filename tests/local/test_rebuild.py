"""The ledger is a cache: lost, or set back to an older state, it is made again from what lies in S3."""

from __future__ import annotations

from dataclasses import asdict

import pyarrow as pa
import pytest

from ingestion.admission import admit
from ingestion.intake import Intake
from ingestion.rebuild import rebuild
from ingestion.restorations import restore_outcome
from ledgerlake.errors import ConfigurationError
from ledgerlake.events import Manifest, Outcome
from ledgerlake.layout import acceptance_item, app_id, counter_item, grant_key, table_uri, upload_item
from tables.delta import append, open_table
from tables.plan import apply, plan
from tables.system_tables import OF_MANIFEST, UPLOADS
from tests.conftest import Cloud
from tests.local.clients import DATASET, Landed, a_file, an_intake, land, ledger_items, objects


def lose(intake: Intake) -> None:
    """Every item of the ledger is gone."""
    for item in ledger_items(intake):
        key = {"pk": item["pk"], "sk": item["sk"]}
        intake.aws.dynamodb.delete_item(TableName=intake.settings.ledger_table, Key=key)


def some_uploads(intake: Intake) -> list[Landed]:
    """Two accepted, one rejected, one only granted and landed."""
    landed = [land(intake, data) for data in (a_file(1), a_file(11), b"%PDF-", a_file(21))]
    for each in landed[:3]:
        admit(intake, each.notice)
    return landed


def seqs(intake: Intake) -> list[int]:
    kept = objects(intake, intake.settings.raw_bucket, f"raw/{DATASET}/manifests/")
    return [Manifest.from_json(kept[key]).seq for key in sorted(kept)]


def test_a_lost_ledger_is_rebuilt_as_it_was_and_rebuilding_twice_changes_nothing(fresh_cloud: Cloud) -> None:
    intake = an_intake(fresh_cloud)
    some_uploads(intake)
    before = ledger_items(intake)
    rebuild(intake.settings, intake.aws)
    assert ledger_items(intake) == before
    lose(intake)
    rebuilt = rebuild(intake.settings, intake.aws)
    assert (rebuilt.grants, rebuilt.acceptances, rebuilt.rejections, rebuilt.datasets) == (4, 2, 1, (DATASET,))
    assert ledger_items(intake) == before
    rebuild(intake.settings, intake.aws)
    assert ledger_items(intake) == before


def test_numbers_go_on_after_a_rebuild(fresh_cloud: Cloud) -> None:
    intake = an_intake(fresh_cloud)
    landed = some_uploads(intake)
    lose(intake)
    rebuild(intake.settings, intake.aws)
    admit(intake, landed[3].notice)
    assert seqs(intake) == [1, 2, 3]


def test_without_a_rebuild_a_landed_file_is_admitted_from_its_grant_with_the_next_number(fresh_cloud: Cloud) -> None:
    intake = an_intake(fresh_cloud)
    landed = some_uploads(intake)
    lose(intake)
    admitted = admit(intake, landed[3].notice)
    assert admitted
    assert admitted.row.manifest
    assert admitted.row.manifest.seq == 3  # after the two in raw
    assert intake.ledger.counter(DATASET) == 3  # likewise


def test_a_delivery_of_what_raw_has_already_gives_no_second_number(fresh_cloud: Cloud) -> None:
    intake = an_intake(fresh_cloud)
    landed = some_uploads(intake)
    intake.aws.s3.put_object(Bucket=landed[0].notice.bucket, Key=landed[0].notice.key, Body=a_file(1))
    lose(intake)
    admitted = admit(intake, landed[0].notice)
    assert admitted
    assert not admitted.first
    assert seqs(intake) == [1, 2]


def test_a_grant_that_was_cleaned_away_is_read_from_its_manifest(fresh_cloud: Cloud) -> None:
    intake = an_intake(fresh_cloud)
    landed = some_uploads(intake)
    before = intake.ledger.read(landed[0].upload_id)
    lose(intake)
    intake.aws.s3.delete_object(Bucket=intake.settings.landing_bucket, Key=grant_key(landed[0].upload_id))
    rebuild(intake.settings, intake.aws)
    assert intake.ledger.read(landed[0].upload_id) == before


def test_a_ledger_set_back_is_refused_by_raw_and_mended_by_a_rebuild(fresh_cloud: Cloud) -> None:
    intake = an_intake(fresh_cloud)
    landed = some_uploads(intake)
    table = {"TableName": intake.settings.ledger_table}
    for key in (upload_item(landed[1].upload_id), acceptance_item(DATASET, 2)):
        intake.aws.dynamodb.delete_item(**table, Key={name: {"S": text} for name, text in key.items()})
    intake.aws.dynamodb.put_item(
        **table,
        Item={**{name: {"S": text} for name, text in counter_item(DATASET).items()}, "last_seq": {"N": "1"}},
    )
    with pytest.raises(ConfigurationError, match="ledgerlake ledger rebuild"):
        admit(intake, landed[3].notice)
    assert seqs(intake) == [1, 2]
    rebuild(intake.settings, intake.aws)
    admitted = admit(intake, landed[3].notice)
    assert admitted
    assert admitted.row.manifest
    assert admitted.row.manifest.seq == 3  # 2 is another's, as raw says
    assert seqs(intake) == [1, 2, 3]


def an_outcome(manifest: Manifest, version: int | None) -> Outcome:
    """The upload was applied, but for a row in quarantine."""
    money = {"amount": {"file": "4.50", "merged": "3.00", "superseded": "0", "duplicate": "0", "quarantined": "1.50"}}
    return Outcome(
        manifest.dataset,
        manifest.seq,
        manifest.upload_id,
        "applied",
        3,
        2,
        0,
        0,
        1,
        money,
        [],
        manifest.contract_sha256,
        "1.0.0",
        manifest.accepted_at,
        version,
        notes={"cp1252": "line 2 is read as cp1252"},
    )


def test_what_became_of_an_upload_comes_back_from_the_uploads_table(fresh_cloud: Cloud) -> None:
    intake = an_intake(fresh_cloud)
    row = intake.ledger.read(some_uploads(intake)[0].upload_id)
    assert row
    assert row.manifest
    outcome = an_outcome(row.manifest, 7)
    record(intake, outcome)
    before = ledger_items(intake)
    apply(plan(intake.contracts.current(DATASET), intake.settings))
    uploads = open_table(table_uri(intake.settings.tables_bucket, "uploads"), intake.settings)
    assert uploads
    told = {**{name: getattr(row.manifest, name) for name in OF_MANIFEST}, **asdict(outcome)}
    append(uploads, pa.Table.from_pylist([told], UPLOADS), app_id=app_id(DATASET), version=1, metadata=None)
    assert rebuild(intake.settings, intake.aws).outcomes == 1
    assert ledger_items(intake) == before
    lose(intake)
    rebuild(intake.settings, intake.aws)
    assert ledger_items(intake) == before


def record(intake: Intake, outcome: Outcome) -> None:
    """What the stream tells the ledger."""
    restore_outcome(intake.ledger, outcome)
