"""The cost model counts what a recorded upload really asked AWS for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from cli.costs import PER_COMMIT, PER_FILE, PER_LOOK
from cli.prepare import contracts, prepare
from ingestion.handlers import admit, upload_api
from ingestion.handlers.entry import Handler
from ingestion.intake import Intake
from ingestion.triggers import LandedObject
from ledgerlake.aws import Aws
from ledgerlake.layout import landing_key
from streaming_jobs import measures
from streaming_jobs.lake import Lake
from streaming_jobs.microbatch import apply_microbatch, sweep
from tables.contract_store import ContractStore
from tests.conftest import Cloud
from tests.local.billing import billed
from tests.local.calls import recorded
from tests.local.clients import CONTEXT, DATASET, a_file, announced, ledger_items, s3_event, sqs_event
from tests.local.events import api_event
from tests.local.test_least_privilege import installed
from tests.local.test_upload_api import a_body


@dataclass(frozen=True)
class Warm:
    """Functions and a driver that have seen uploads before."""

    call: Callable[..., Any]
    admission: Handler
    lake: Lake
    cloud: Aws

    def upload(self, number: int) -> None:
        """One small file: asked for, sent, admitted, announced, applied, asked about; then raw is looked at."""
        data, settings = a_file(first=100 * number, rows=50), self.lake.settings
        granted = self.call("POST", "/v1/uploads", a_body(data))
        (step,) = granted["steps"]
        assert httpx.put(step["url"], headers=step["headers"], content=data).status_code == 200
        notice = LandedObject(settings.landing_bucket, landing_key(DATASET, granted["upload_id"]))
        assert self.admission(sqs_event(s3_event(notice)), CONTEXT) == {"batchItemFailures": []}
        (*_, event) = announced(Intake(settings, self.cloud))
        assert len(event.to_json()) <= 1024  # one unit of Kinesis
        assert [each.state for each in apply_microbatch(self.lake, [event])] == ["applied"]
        measures.of_microbatch(self.lake, 1.0)
        assert self.call("GET", f"/v1/uploads/{granted['upload_id']}")["state"] == "applied"
        self.look()

    def look(self) -> None:
        """The stream looks at raw without an event."""
        assert sweep(self.lake, DATASET) == ()


def warm(aws: Aws, cloud: Aws) -> Warm:
    """An installation's functions and driver, as they are made once."""
    api = upload_api.build(aws.settings, aws, emit=lambda _: None)

    def call(method: str, path: str, body: Any = None) -> Any:
        answer = api.resolve(api_event(method, path, body, {}), CONTEXT)
        assert answer["statusCode"] < 300, answer
        return json.loads(answer["body"])

    lake = Lake(aws.settings, aws, ContractStore(aws.settings, aws))
    return Warm(call, admit.build(aws.settings, aws, emit=lambda _: None), lake, cloud)


@dataclass(frozen=True)
class Counted:
    """What each of some uploads in a row was billed, each with the look that follows it, and a look at nothing new."""

    uploads: Sequence[Mapping[str, int]]
    look: Mapping[str, int]


@pytest.fixture
def counted(fresh_cloud: Cloud) -> Counted:
    settings = installed(fresh_cloud, "kinesis")
    with recorded(fresh_cloud, settings) as (aws, recorder):
        prepare(settings, fresh_cloud.aws, contracts(settings, fresh_cloud.aws))
        running, ledger = warm(aws, fresh_cloud.aws), Intake(settings, fresh_cloud.aws)
        running.upload(0)
        recorder.taken()
        bills: list[Mapping[str, int]] = []
        for number in range(1, 5):
            running.upload(number)
            bills.append(billed(recorder.taken(), ledger_items(ledger)))
        running.look()
        return Counted(bills, billed(recorder.taken(), ledger_items(ledger)))


def test_the_model_counts_what_a_recorded_upload_asked_for(counted: Counted) -> None:
    assert {price: units for price, units in counted.look.items() if units} == PER_LOOK
    commits = 2  # in each log before the first of these uploads: its table was made, and one upload applied
    for upload in counted.uploads:
        own = {price: units - PER_LOOK.get(price, 0) for price, units in upload.items()}
        own["s3_get"] -= PER_COMMIT * commits
        assert own == PER_FILE
        commits += 1
