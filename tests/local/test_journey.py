"""From the API to the table and back: real HTTP, real S3, the real handlers, every promise to the cent."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from benchmarks import payments
from cli import services
from cli.demo_files import DemoFile, expected, first_wave, second_wave
from cli.resources import dead_letter_url
from tests.conftest import Cloud
from tests.journey import Journey, journey


@pytest.fixture
def running(fresh_cloud: Cloud, tmp_path: Path) -> Iterator[Journey]:
    with journey({**fresh_cloud.env, "LEDGERLAKE_LINEAGE": str(tmp_path / "lineage.jsonl")}, tmp_path) as made:
        yield made


def _send(running: Journey, file: DemoFile) -> str:
    rows, totals = file.declared_rows, file.declared_totals
    return running.send(file.content, name=file.name, declared_rows=rows, declared_totals=totals)


def _counts(upload: dict[str, Any]) -> tuple[int, ...]:
    outcome = upload["outcome"] or {}
    return tuple(outcome.get(name, 0) for name in ("rows", "merged", "superseded", "duplicate", "quarantined"))


def test_every_file_ends_as_it_must_and_the_table_is_right_to_the_cent(running: Journey) -> None:
    files = (*first_wave(), *second_wave())
    counts, table = expected(files)
    ids = [_send(running, file) for file in first_wave()]
    running.apply()
    before = running.version()
    ids += [_send(running, file) for file in second_wave()]
    running.apply()

    uploads = [running.client.status(upload_id) for upload_id in ids]
    assert [each["state"] for each in uploads] == [file.ends for file in files]
    for upload, count in zip(uploads, counts, strict=True):
        if upload["state"] == "applied":
            assert _counts(upload) == (count.rows, count.merged, count.superseded, count.duplicate, count.quarantined)
            money = upload["outcome"]["money"]["amount"]
            assert (Decimal(money["file"]), Decimal(money["merged"])) == (count.file_amount, count.merged_amount)
    rows = running.rows("SELECT payment_id, amount, updated_at FROM payments")
    assert {row["payment_id"]: (row["amount"], row["updated_at"]) for row in rows} == {
        key: (row.amount, row.updated_at) for key, row in table.items()
    }
    _, as_it_was = expected(first_wave())
    (earlier,) = running.rows("SELECT count(*) AS n, sum(amount) AS amount FROM payments", payments=before)
    assert (earlier["n"], earlier["amount"]) == (len(as_it_was), sum(row.amount or 0 for row in as_it_was.values()))


def test_lineage_says_which_file_made_which_version(running: Journey) -> None:
    ids = [_send(running, file) for file in first_wave()[:2]]
    running.apply()
    with (running.folder / "lineage.jsonl").open() as lines:
        start, complete = (json.loads(line) for line in lines)
    assert (start["eventType"], complete["eventType"]) == ("START", "COMPLETE")
    assert [each["name"] for each in complete["inputs"]] == [f"raw/payments/files/{each}" for each in ids]
    assert complete["outputs"][0]["facets"]["version"]["datasetVersion"] == str(running.version())


def test_a_restarted_pump_announces_everything_again_and_nothing_changes(running: Journey, fresh_cloud: Cloud) -> None:
    upload_id = _send(running, first_wave()[0])
    running.apply()
    version, rows = running.version(), running.rows("SELECT * FROM payments ORDER BY payment_id")
    services.stop_service(running.state, "pump", at_once=True)
    services.start_pump(running.state, fresh_cloud.env)
    again = _send(running, second_wave()[0])
    assert running.client.status(again)["seq"] == 2
    assert running.client.status(upload_id)["state"] == "applied"
    assert running.version() == version
    assert running.rows("SELECT * FROM payments ORDER BY payment_id") == rows


def test_a_file_over_the_limit_is_sent_in_parts_and_arrives_whole(fresh_cloud: Cloud, tmp_path: Path) -> None:
    with journey({**fresh_cloud.env, "LEDGERLAKE_MULTIPART_BYTES": str(5 * 1024**2)}, tmp_path) as running:
        content = payments.csv(payments.table(range(60_000)))
        upload_id = running.send(content)
        running.apply()
        assert len(content) > 5 * 1024**2
        assert _counts(running.client.status(upload_id))[:2] == (60_000, 60_000)


def test_a_message_that_no_attempt_can_digest_ends_in_the_dead_letter_queue(
    running: Journey,
    fresh_cloud: Cloud,
) -> None:
    sqs, queue = fresh_cloud.aws.sqs, fresh_cloud.settings.landing_queue_url
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "0"})  # all attempts at once
    sqs.send_message(QueueUrl=queue, MessageBody="neither JSON nor a notification")
    upload_id = _send(running, first_wave()[0])
    deadline = time.monotonic() + 30
    found: list[dict[str, Any]] = []
    while not found and time.monotonic() < deadline:
        found = sqs.receive_message(QueueUrl=dead_letter_url(queue), WaitTimeSeconds=1).get("Messages", [])
    assert [each["Body"] for each in found] == ["neither JSON nor a notification"]
    assert running.client.status(upload_id)["state"] == "accepted"


INVOICES = """apiVersion: v3.2.0
kind: DataContract
id: 00000000-0000-4000-8000-000000000001
name: Invoices
version: 1.0.0
status: active
schema:
  - name: invoices
    customProperties:
      - {property: mode, value: upsert}
    properties:
      - {name: number, logicalType: string, primaryKey: true, required: true}
      - name: net
        logicalType: number
        physicalType: decimal(12,2)
        required: true
        customProperties:
          - {property: money, value: true}
"""


def test_a_dataset_is_added_by_writing_one_yaml_file(fresh_cloud: Cloud, tmp_path: Path) -> None:
    folder = tmp_path / "contracts"
    folder.mkdir()
    (folder / "invoices.yaml").write_text(INVOICES)
    with journey({**fresh_cloud.env, "LEDGERLAKE_CONTRACTS": str(folder)}, tmp_path) as running:
        upload_id = running.send(b"number,net\r\nA1,10.50\r\nA2,oops\r\nA1,11.50\r\n", "invoices", "invoices.csv")
        running.apply()
        assert _counts(running.client.status(upload_id)) == (3, 1, 0, 1, 1)
        assert running.rows("SELECT number, net FROM invoices") == [{"number": "A1", "net": Decimal("11.50")}]
        entry = fresh_cloud.aws.glue.get_table(DatabaseName=fresh_cloud.settings.database, Name="invoices")
        assert [each["Name"] for each in entry["Table"]["StorageDescriptor"]["Columns"]][:2] == ["number", "net"]
