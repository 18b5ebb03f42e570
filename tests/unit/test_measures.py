"""What the stream tells of a run: one line of log for each upload, counts, lateness by the contract, traces."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.stub import Stubber

from ledgerlake.aws import Aws
from streaming_jobs import measures
from streaming_jobs.lake import Lake
from streaming_jobs.runs import Run
from tables.contract_store import ContractStore
from tables.odcs import load
from tests.unit.test_lineage import a_manifest, an_outcome
from tests.unit.test_requests import SETTINGS

NOW = datetime(2026, 3, 31, 12, 1, tzinfo=UTC)
CONTRACT = load((Path(__file__).parents[2] / "contracts" / "payments.yaml").read_text(), "payments.yaml")
assert CONTRACT.latency_seconds == 30


@dataclass
class Told:
    """What AWS was told."""

    lake: Lake
    metrics: dict[str, float] = field(default_factory=dict)
    segments: list[dict[str, Any]] = field(default_factory=list)

    def note(self, params: dict[str, Any], **_: object) -> None:
        for datum in params.get("MetricData", ()):
            stage = "".join(f" {each['Value']}" for each in datum["Dimensions"] if each["Name"] == "stage")
            self.metrics[datum["MetricName"] + stage] = datum["Value"]
        self.segments += [json.loads(text) for text in params.get("TraceSegmentDocuments", ())]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    settings = replace(SETTINGS, tracing="on")
    aws = Aws(settings)
    made = Told(Lake(settings, aws, ContractStore(settings, aws), clock=lambda: NOW))
    with Stubber(aws.cloudwatch) as cloudwatch, Stubber(aws.xray) as xray:
        for client, name in ((aws.cloudwatch, "cloudwatch.PutMetricData"), (aws.xray, "xray.PutTraceSegments")):
            client.meta.events.register(f"provide-client-params.{name}", made.note)
        cloudwatch.add_response("put_metric_data", {})
        xray.add_response("put_trace_segments", {})
        yield made


def _tell(told: Told, *seconds: float) -> None:
    """A run of uploads that were applied so many seconds after they landed."""
    uploads = tuple(a_manifest(number) for number in range(1, len(seconds) + 1))
    applied = [
        replace(an_outcome(upload.seq, 7), applied_at=upload.landed_at + timedelta(seconds=each))
        for upload, each in zip(uploads, seconds, strict=True)
    ]
    measures.of_run(told.lake, Run(CONTRACT, uploads), applied, [], uploads[0].accepted_at + timedelta(seconds=2))


def test_an_upload_is_late_if_it_took_longer_than_its_contract_promises(told: Told) -> None:
    _tell(told, 29.9, 30, 30.1, 45)
    assert (told.metrics["uploads_applied"], told.metrics["uploads_late"]) == (4, 2)
    assert (told.metrics["objective_uploads"], told.metrics["objective_late"]) == (4, 2)
    assert told.metrics["freshness_seconds"] == 45


def test_a_run_that_worked_counts_no_failure(told: Told) -> None:
    _tell(told, 1)
    assert told.metrics["apply_failures"] == 0
    assert told.metrics["stage_seconds wait"] == 2


def test_each_upload_has_a_line_that_names_it(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    _tell(told, 1, 2)
    lines = [record for record in caplog.records if record.name == "streaming_jobs.measures"]
    assert [record.getMessage() for record in lines] == ["applied in version 7"] * 2
    assert [record.__dict__["upload_id"] for record in lines] == [a_manifest(1).upload_id, a_manifest(2).upload_id]
    assert [record.__dict__["seq"] for record in lines] == [1, 2]


def test_the_trace_of_each_upload_tells_how_it_waited_and_was_applied(told: Told) -> None:
    _tell(told, 3)
    wait, apply = told.segments
    assert (wait["name"], apply["name"]) == ("ledgerlake wait", "ledgerlake apply")
    assert apply["parent_id"] == wait["id"]
    assert wait["end_time"] == apply["start_time"]
