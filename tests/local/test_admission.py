"""Acceptance is exactly once: one number, one manifest, one raw file, however often and wherever it is delivered."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from ingestion.admission import admit
from ingestion.handlers.admit import build
from ingestion.intake import Intake
from ingestion.triggers import LandedObject
from ledgerlake.errors import ConfigurationError
from ledgerlake.events import Manifest
from ledgerlake.layout import LANDING_PREFIX, landing_key, manifest_key, raw_key, rejected_key
from tests.conftest import Cloud
from tests.local.clients import (
    CALLER,
    CONTEXT,
    DATASET,
    a_file,
    a_request,
    an_intake,
    announced,
    land,
    ledger_items,
    objects,
    s3_event,
    sqs_event,
)

SECOND = timedelta(seconds=1)


def manifests(intake: Intake) -> list[Manifest]:
    """All manifests in raw, in order of their keys."""
    kept = objects(intake, intake.settings.raw_bucket, f"raw/{DATASET}/manifests/")
    return [Manifest.from_json(kept[key]) for key in sorted(kept)]


def test_a_landed_file_becomes_a_raw_file_a_manifest_and_an_event(fresh_cloud: Cloud) -> None:
    intake, data = an_intake(fresh_cloud), a_file()
    landed = land(
        intake,
        data,
        a_request(data, file_name="M\u0061\u0308rz.csv", declared_rows=3, declared_totals={"amount": "4.50"}),
    )
    admitted = admit(intake, LandedObject(landed.notice.bucket, landed.notice.key, datetime.now(UTC)))
    assert admitted
    assert admitted.first
    (manifest,) = manifests(intake)
    assert manifest == admitted.row.manifest
    assert (manifest.seq, manifest.file_name, manifest.declared_rows, manifest.declared_totals) == (
        1,
        "M\u00e4rz.csv",
        3,
        {"amount": "4.50"},
    )
    assert (manifest.principal, manifest.tenant, manifest.source_ip) == ("alice", "acme", "192.0.2.7")
    assert manifest.granted_at <= manifest.landed_at <= manifest.accepted_at
    raw = objects(intake, intake.settings.raw_bucket)
    assert raw[raw_key(DATASET, landed.upload_id)] == data
    assert raw[manifest_key(DATASET, 1)].decode() == admitted.row.texts["manifest"]
    assert intake.contracts.pinned(DATASET, manifest.contract_sha256) == intake.contracts.current(DATASET)
    assert announced(intake) == [manifest.event]
    assert not objects(intake, intake.settings.landing_bucket, LANDING_PREFIX)


def test_sixteen_deliveries_at_once_give_one_number(fresh_cloud: Cloud) -> None:
    intake = an_intake(fresh_cloud)
    landed = land(intake, a_file())
    with ThreadPoolExecutor(16) as pool:
        admitted = list(pool.map(lambda _: admit(intake, landed.notice), range(16)))
    assert {each.row.texts["manifest"] for each in admitted if each}  # those that came too late have nothing to say
    assert [manifest.upload_id for manifest in manifests(intake)] == [landed.upload_id]
    assert intake.ledger.counter(DATASET) == 1
    assert {event.seq for event in announced(intake)} == {1}
    assert list(objects(intake, intake.settings.landing_bucket, LANDING_PREFIX)) == []


def test_eight_files_delivered_twice_by_eight_at_once_are_numbered_without_a_gap(fresh_cloud: Cloud) -> None:
    intake = an_intake(fresh_cloud)
    landed = [land(intake, a_file(first=10 * number)) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda each: admit(intake, each.notice), landed * 2))
    numbered = manifests(intake)
    assert [manifest.seq for manifest in numbered] == list(range(1, 9))
    assert {manifest.upload_id for manifest in numbered} == {each.upload_id for each in landed}
    assert intake.ledger.counter(DATASET) == len(landed)
    assert [intake.ledger.read(each.upload_id).state for each in landed] == ["accepted"] * 8  # type: ignore[union-attr]


def test_a_late_delivery_rings_again_and_changes_nothing(fresh_cloud: Cloud) -> None:
    intake = an_intake(fresh_cloud)
    landed = land(intake, a_file())
    admit(intake, landed.notice)
    before = objects(intake, intake.settings.raw_bucket), ledger_items(intake)
    again = admit(intake, landed.notice)
    assert again
    assert not again.first
    assert (objects(intake, intake.settings.raw_bucket), ledger_items(intake)) == before


def test_the_same_delivery_sent_as_eight_uploads_at_once_is_accepted_once(fresh_cloud: Cloud) -> None:
    intake = an_intake(fresh_cloud)
    landed = [land(intake, a_file()) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        admitted = [each.row for each in pool.map(lambda each: admit(intake, each.notice), landed) if each]
    (accepted,) = manifests(intake)
    assert (accepted.seq, intake.ledger.counter(DATASET)) == (1, 1)
    refused = [row.rejection for row in admitted if row.rejection]
    assert [each.check for each in refused] == ["duplicate"] * 7
    assert all(accepted.upload_id in each.message for each in refused)
    assert list(objects(intake, intake.settings.landing_bucket, LANDING_PREFIX)) == []


def test_the_same_bytes_under_another_declaration_are_another_delivery(fresh_cloud: Cloud) -> None:
    intake, data = an_intake(fresh_cloud), a_file()
    for declared in ({"amount": "4.49"}, {"amount": "4.50"}):
        admit(intake, land(intake, data, a_request(data, declared_totals=declared)).notice)
    assert [manifest.declared_totals for manifest in manifests(intake)] == [{"amount": "4.49"}, {"amount": "4.50"}]


def _zip(data: bytes, *names: str) -> bytes:
    with io.BytesIO() as packed:
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in names:
                archive.writestr(name, data)
        return packed.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(a_file()),
        _zip(a_file(), "march.csv"),
        b"\xef\xbb\xbf" + a_file(),
        a_file(rows=0),
        a_file().replace(b",r,", b",\x80,"),
    ],
    ids=["gzip", "zip", "byte order mark", "header only", "second encoding"],
)
def test_what_the_contract_allows_is_accepted_and_kept_as_it_came(fresh_cloud: Cloud, data: bytes) -> None:
    intake = an_intake(fresh_cloud)
    landed = land(intake, data)
    admitted = admit(intake, landed.notice)
    assert admitted
    assert admitted.row.state == "accepted", admitted.row.rejection
    assert objects(intake, intake.settings.raw_bucket)[raw_key(DATASET, landed.upload_id)] == data


@pytest.mark.parametrize(
    ("data", "check", "said"),
    [
        (b" \n\n", "empty", "no content"),
        (gzip.compress(b""), "empty", "no content"),
        (b"%PDF-1.7\n" + bytes(100), "format", "takes csv files; this one looks like a PDF"),
        (b"PAR1" + bytes(100), "format", "looks like Parquet"),
        (_zip(a_file(), "a.csv", "b.csv"), "container", "has 2 files"),
        (gzip.compress(a_file())[:-9], "container", "damaged"),
        (gzip.compress(a_file() + b"\n" * 64 * 1024**2), "container", "unpack to more than"),
        (a_file().replace(b"currency", b"curency"), "header", "currency"),
        (a_file().replace(b",r,", b",\x81,"), "text", "not in utf-8 or cp1252"),
    ],
    ids=["blank", "gzip of nothing", "PDF", "Parquet", "two members", "cut off", "bomb", "column", "encoding"],
)
def test_a_bad_file_is_kept_with_its_reason_and_never_numbered(
    fresh_cloud: Cloud,
    data: bytes,
    check: str,
    said: str,
) -> None:
    intake = an_intake(fresh_cloud)
    landed = land(intake, data)
    for first in (True, False):
        admitted = admit(intake, landed.notice)
        assert admitted
        assert admitted.first == first
        assert admitted.row.state == "rejected"
        rejection = admitted.row.rejection
        assert rejection
        assert rejection.check == check
        assert said in rejection.message
    row = intake.ledger.read(landed.upload_id)
    assert row
    raw = objects(intake, intake.settings.raw_bucket)
    assert raw == {
        rejected_key(DATASET, landed.upload_id, "file"): data,
        rejected_key(DATASET, landed.upload_id, "reason.json"): row.texts["rejection"].encode(),
    }
    assert not objects(intake, intake.settings.landing_bucket, LANDING_PREFIX)
    assert announced(intake) == []


@pytest.mark.parametrize(("data", "check"), [(a_file()[:-1], "size"), (a_file().replace(b"EUR", b"USD"), "hash")])
def test_bytes_that_are_not_those_granted_are_rejected_even_when_s3_let_them_pass(
    fresh_cloud: Cloud,
    data: bytes,
    check: str,
) -> None:
    intake = an_intake(fresh_cloud)
    landed = land(intake, a_file())
    intake.aws.s3.put_object(Bucket=landed.notice.bucket, Key=landed.notice.key, Body=data)
    admitted = admit(intake, landed.notice)
    assert admitted
    assert admitted.row.rejection
    assert admitted.row.rejection.check == check


def test_an_object_that_nobody_was_granted_is_kept_with_its_reason(fresh_cloud: Cloud) -> None:
    intake, stranger = an_intake(fresh_cloud), "01990000-0000-7000-8000-000000000000"
    notice = LandedObject(intake.settings.landing_bucket, landing_key(DATASET, stranger))
    intake.aws.s3.put_object(Bucket=notice.bucket, Key=notice.key, Body=a_file())
    admitted = admit(intake, notice)
    assert admitted
    assert admitted.row.rejection
    assert admitted.row.rejection.check == "grant"
    assert objects(intake, intake.settings.raw_bucket)[rejected_key(DATASET, stranger, "file")] == a_file()
    assert intake.ledger.read(stranger) is None
    assert admit(intake, notice) is None


@pytest.mark.parametrize("key", ["landing/payments/x", "elsewhere/a", "landing/../x"])
def test_a_notice_of_something_else_is_an_error_of_the_installation(fresh_cloud: Cloud, key: str) -> None:
    intake = an_intake(fresh_cloud)
    with pytest.raises(ConfigurationError, match="send notifications of objects under landing/ only"):
        admit(intake, LandedObject(intake.settings.landing_bucket, key))
    with pytest.raises(ConfigurationError, match="not in the landing bucket"):
        admit(intake, LandedObject("another", landing_key(DATASET, "01990000-0000-7000-8000-000000000000")))


def test_of_a_batch_only_the_message_that_failed_goes_back(fresh_cloud: Cloud) -> None:
    lines: list[str] = []
    intake = an_intake(fresh_cloud)
    handle = build(intake.settings, intake.aws, emit=lines.append)
    good, bad = land(intake, a_file()), land(intake, b"%PDF-")
    answer = handle(sqs_event(s3_event(good.notice), "hello", s3_event(bad.notice), {"Event": "s3:TestEvent"}), CONTEXT)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    measured = [set(json.loads(line)) - {"_aws", "dataset", "stage"} for line in lines]
    assert measured == [
        {"uploads_accepted", "uploads_rejected", "bytes_accepted"},
        {"stage_seconds"},
        {"uploads_rejected"},
        {"admission_failures"},
    ]
    assert json.loads(lines[-1])["admission_failures"] == 1
    assert handle(sqs_event("hello"), CONTEXT) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}


def test_events_go_to_the_queue_of_a_small_installation(fresh_cloud: Cloud) -> None:
    intake = an_intake(fresh_cloud, source="sqs")
    admitted = admit(intake, land(intake, a_file()).notice)
    assert admitted
    assert admitted.row.manifest
    queue = intake.settings.events_queue_url
    (message,) = intake.aws.sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1)["Messages"]
    assert message["Body"] == admitted.row.manifest.event.to_json()


def test_the_tenant_of_a_grant_is_that_of_its_manifest(fresh_cloud: Cloud) -> None:
    intake = an_intake(fresh_cloud)
    admitted = admit(intake, land(intake, a_file()).notice)
    assert admitted
    assert admitted.row.manifest
    assert admitted.row.manifest.tenant == CALLER.tenant
