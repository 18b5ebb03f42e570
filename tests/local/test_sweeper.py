"""Nothing waits for ever: a sweep finds what nobody noticed, finishes what was cut off, rings what was not heard."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import cast

import pytest

from ingestion.admission import admit
from ingestion.handlers.sweep import build
from ingestion.intake import Intake
from ingestion.sweeper import sweep
from ledgerlake.aws import Aws
from ledgerlake.clock import utc_now
from ledgerlake.errors import TransientError
from ledgerlake.layout import LANDING_PREFIX, manifest_key
from tests.conftest import Cloud
from tests.local.clients import CONTEXT, DATASET, Landed, a_file, an_intake, announced, land, objects
from tests.local.test_crashes import Budget, FailingAws
from tests.local.test_rebuild import an_outcome, record

NOW = timedelta()


def later(intake: Intake) -> Intake:
    """The same ingestion, an hour later."""
    return Intake(intake.settings, intake.aws, lambda: utc_now() + timedelta(hours=1))


def accepted(intake: Intake, number: int) -> Landed:
    landed = land(intake, a_file(10 * number))
    assert admit(intake, landed.notice)
    return landed


def applied(intake: Intake, landed: Landed) -> None:
    """The stream has applied the upload."""
    row = intake.ledger.read(landed.upload_id)
    assert row
    assert row.manifest
    record(intake, an_outcome(row.manifest, 1))


def test_what_landed_unnoticed_is_admitted_once_it_is_old_enough(fresh_cloud: Cloud) -> None:
    intake = an_intake(fresh_cloud)
    landed = land(intake, a_file())
    assert sweep(intake).found == ()
    (found,) = sweep(later(intake)).found
    assert (found.row.upload_id, found.row.state) == (landed.upload_id, "accepted")
    assert not objects(intake, intake.settings.landing_bucket, LANDING_PREFIX)


def test_only_what_no_table_applied_is_rung_again(fresh_cloud: Cloud) -> None:
    intake = an_intake(fresh_cloud)
    uploads = [accepted(intake, number) for number in range(1, 5)]
    for each in uploads[:2]:
        applied(intake, each)
    assert sweep(intake).rung == ()
    swept = sweep(later(intake))
    assert [manifest.seq for manifest in swept.rung] == [3, 4]
    assert swept.lag == {DATASET: 2}
    assert sorted(event.seq for event in announced(intake)) == [1, 2, 3, 3, 4, 4]


def test_an_acceptance_without_its_manifest_is_completed(fresh_cloud: Cloud) -> None:
    intake = an_intake(fresh_cloud)
    landed = land(intake, a_file())
    died_after_the_transaction = Intake(intake.settings, cast("Aws", FailingAws(intake.aws, Budget(4, after=False))))
    with pytest.raises(TransientError):
        admit(died_after_the_transaction, landed.notice)
    row = intake.ledger.read(landed.upload_id)
    assert row
    assert row.state == "accepted"
    assert manifest_key(DATASET, 1) not in objects(intake, intake.settings.raw_bucket)
    intake.aws.s3.delete_object(Bucket=landed.notice.bucket, Key=landed.notice.key)
    assert [manifest.seq for manifest in sweep(later(intake)).rung] == [1]
    assert objects(intake, intake.settings.raw_bucket)[manifest_key(DATASET, 1)].decode() == row.texts["manifest"]
    assert [event.seq for event in announced(intake)] == [1]


def test_one_that_cannot_be_admitted_stops_no_other_and_fails_the_sweep(fresh_cloud: Cloud) -> None:
    lines: list[str] = []
    intake = an_intake(fresh_cloud)
    intake.aws.s3.put_object(Bucket=intake.settings.landing_bucket, Key="landing/no-upload", Body=b"?")
    landed = land(intake, a_file())
    handle = build(intake.settings, intake.aws, later(intake).clock, lines.append)
    with pytest.raises(TransientError, match="landing/no-upload"):
        handle({}, CONTEXT)
    row = intake.ledger.read(landed.upload_id)
    assert row
    assert row.state == "accepted"
    measured = json.loads(lines[0])
    assert {name: measured[name] for name in ("dataset", "uploads_found", "lag_uploads")} == {
        "dataset": DATASET,
        "uploads_found": 1,
        "lag_uploads": 1,
    }


def test_a_sweep_of_nothing_finds_nothing(fresh_cloud: Cloud) -> None:
    intake = an_intake(fresh_cloud)
    assert build(intake.settings, intake.aws, emit=lambda _: None)({}, CONTEXT) == {"found": 0, "rung": 0}
