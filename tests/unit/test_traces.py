"""One trace for each upload, whoever tells of it, in the form that X-Ray's own API description accepts."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from ledgerlake.aws import Aws
from ledgerlake.clock import new_upload_id
from ledgerlake.settings import Settings
from monitoring.traces import AT_ONCE, STAGES, Stage, put, trace_id
from tests.unit.test_requests import SETTINGS

MOMENT = datetime(2026, 3, 31, 12, tzinfo=UTC)
TRACING = replace(SETTINGS, tracing="on")
ID = new_upload_id(MOMENT)


def _stage(name: str, upload_id: str = ID, *, bad: bool = False) -> Stage:
    return Stage(name, upload_id, "payments", MOMENT, MOMENT + timedelta(seconds=2), bad)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    return Aws(TRACING)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1)))  # the zone is added below
def test_the_trace_of_an_upload_begins_in_its_second(naive: datetime) -> None:
    moment = naive.replace(tzinfo=UTC)
    upload_id = new_upload_id(moment)
    found = re.fullmatch(r"1-([0-9a-f]{8})-([0-9a-f]{24})", trace_id(upload_id))
    assert found
    assert int(found[1], 16) == int(moment.timestamp())
    assert int(found[2], 16) == UUID(upload_id).int % 2**96


def test_the_stages_of_an_upload_are_one_chain() -> None:
    segments = [json.loads(_stage(name).segment()) for name in STAGES]
    assert {each["trace_id"] for each in segments} == {trace_id(ID)}
    assert [each.get("parent_id") for each in segments] == [None, *(each["id"] for each in segments[:-1])]
    assert all(re.fullmatch("[0-9a-f]{16}", each["id"]) for each in segments)
    assert segments[0]["annotations"] == {"upload_id": ID, "dataset": "payments"}
    assert segments[0]["end_time"] - segments[0]["start_time"] == 2


def test_telling_a_stage_again_says_the_same() -> None:
    assert _stage("admit").segment() == _stage("admit").segment()
    assert json.loads(_stage("apply", bad=True).segment())["error"]


def test_many_stages_are_sent_as_many_as_x_ray_takes(aws: Aws, caplog: pytest.LogCaptureFixture) -> None:
    stages = [_stage("apply", new_upload_id(MOMENT)) for _ in range(AT_ONCE + 1)]
    with Stubber(aws.xray) as xray:
        for some in (stages[:AT_ONCE], stages[AT_ONCE:]):
            documents = [stage.segment() for stage in some]
            refused = [] if len(some) > 1 else [{"Id": "1", "ErrorCode": "ParseError", "Message": "no"}]
            xray.add_response(
                "put_trace_segments",
                {"UnprocessedTraceSegments": refused},
                {"TraceSegmentDocuments": documents},
            )
        put(aws, TRACING, stages)
        xray.assert_no_pending_responses()
    assert "a stage was not traced" in caplog.text


def test_an_installation_that_does_not_trace_sends_nothing(aws: Aws) -> None:
    with Stubber(aws.xray):  # any call would fail
        put(aws, SETTINGS, [_stage("apply")])


def test_x_ray_out_of_reach_or_busy_is_logged_and_given_up(aws: Aws, caplog: pytest.LogCaptureFixture) -> None:
    with Stubber(aws.xray) as xray:
        xray.add_client_error("put_trace_segments", "ThrottledException")
        put(aws, TRACING, [_stage("apply")])
    assert "1 stages were not traced" in caplog.text
    away = Aws(replace(TRACING, endpoint_url="http://127.0.0.1:9"))
    put(away, TRACING, [_stage("apply")])
    assert EndpointConnectionError.fmt.partition(":")[0] in caplog.text


def test_the_setting_is_on_or_off() -> None:
    with pytest.raises(Exception, match="LEDGERLAKE_TRACING='maybe': must be one of on, off"):
        Settings.from_mapping({**SETTINGS.to_mapping(), "LEDGERLAKE_TRACING": "maybe"})
