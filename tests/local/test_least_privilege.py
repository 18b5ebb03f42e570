"""Each role may do what its code asks for and nothing else; what no test can make it ask for has a reason."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.checks import lake as lake_checks
from cli.notifications import scheduled_event
from cli.prepare import contracts, prepare
from cli.shell import Shell
from ingestion.handlers import admit, canary, quarantine_api, sweep, upload_api
from ingestion.intake import Intake
from ingestion.triggers import LandedObject
from ledgerlake.aws import Aws
from ledgerlake.clock import utc_now
from ledgerlake.layout import landing_key
from ledgerlake.settings import Settings
from streaming_jobs import measures
from streaming_jobs.kinesis_source import KinesisReader
from streaming_jobs.lake import Lake
from streaming_jobs.lineage_token import bearer
from streaming_jobs.microbatch import catch_up
from streaming_jobs.sqs_source import SqsReader
from tables.contract_store import ContractStore
from tests.conftest import Cloud
from tests.endpoint import endpoint
from tests.journey import journey
from tests.local.calls import Recorder, missing, recorded, unused
from tests.local.clients import CONTEXT, DATASET, a_file, land, ledger_items, objects, s3_event, sqs_event
from tests.local.events import api_event
from tests.local.roles import UNUSED, statements
from tests.local.test_upload_api import a_body
from tests.templates import ROOT, resources


@dataclass(frozen=True)
class Lived:
    """An installation in which everything happened, and what each role was asked for meanwhile."""

    settings: Settings
    recorders: Mapping[str, Recorder]


def installed(cloud: Cloud, source: str) -> Settings:
    """Settings of an installation whose contracts lie in S3, as in AWS."""
    bucket = cloud.settings.tables_bucket
    for path in (ROOT / "contracts").glob("*.yaml"):
        cloud.aws.s3.put_object(Bucket=bucket, Key=f"contracts/{path.name}", Body=path.read_bytes())
    token = cloud.aws.secretsmanager.create_secret(Name=f"{bucket}-lineage", SecretString="T")["ARN"]
    changed = replace(cloud.settings, source=source, contracts=f"s3://{bucket}/contracts", tracing="on")
    return replace(changed, multipart_bytes=5 * 1024**2, poll_millis=1, lineage_token=token)


@pytest.fixture
def lived(fresh_cloud: Cloud) -> Lived:
    settings = installed(fresh_cloud, "kinesis")
    operator, recorders = replace(fresh_cloud.aws, settings=settings), dict[str, Recorder]()
    with recorded(fresh_cloud, settings) as (aws, recorders["catalog.OperatorRole"]):
        everything_of_operators(aws)
    with recorded(fresh_cloud, settings) as (aws, recorders["ingestion.UploadRole"]):
        notices = everything_of_the_api(aws)
    with recorded(fresh_cloud, settings) as (aws, recorders["ingestion.AdmitRole"]):
        everything_of_admission(aws, operator, notices[:-1])
    with recorded(fresh_cloud, settings) as (aws, recorders["streaming.JobRole"]):
        everything_of_the_stream(aws)
    with recorded(fresh_cloud, settings) as (aws, decided):
        everything_about_a_held_file(aws)
    recorders["ingestion.UploadRole"].to_s3 += decided.to_s3
    recorders["ingestion.UploadRole"].to_others += decided.to_others
    with recorded(fresh_cloud, settings) as (aws, recorders["ingestion.QuarantineRole"]):
        everything_about_a_refused_row(aws, operator)
    with recorded(fresh_cloud, settings) as (aws, recorders["ingestion.SweepRole"]):
        everything_of_the_sweeper(aws, operator)
    return Lived(settings, recorders)


def everything_of_operators(aws: Aws) -> None:
    """Tables are made and registered; then the doctor looks at all but the API, which does not run."""
    prepare(aws.settings, aws, contracts(aws.settings, aws))
    shell = Shell(Path(), {**os.environ, **aws.settings.to_mapping()})
    assert [
        found for check in lake_checks.CHECKS if check is not lake_checks.api and not (found := check(shell)).good
    ] == []


def everything_of_the_api(aws: Aws) -> list[LandedObject]:
    """A file in one piece, one in parts, one that is no CSV, one to be held, and one that nobody is told of."""
    call = calling(upload_api, aws)
    notices = []
    for data, declared in (
        (a_file(), {}),
        (a_file(rows=48_000), {}),
        (b"%PDF-1.7", {}),
        (a_file(first=60_000).replace(b",1.50,", b",?,"), {"declared_rows": 9}),
        (a_file(first=70_000), {}),
    ):
        granted = call("POST", "/v1/uploads", a_body(data, **declared))
        for step in granted["steps"]:
            part = data[step["offset"] : step["offset"] + step["size"]]
            assert httpx.put(step["url"], headers=step["headers"], content=part).status_code == 200
        if len(granted["steps"]) > 1:
            call("POST", f"/v1/uploads/{granted['upload_id']}/complete")
        call("GET", f"/v1/uploads/{granted['upload_id']}")
        key = landing_key(DATASET, granted["upload_id"])
        notices.append(LandedObject(aws.settings.landing_bucket, key))
    call("GET", "/v1/uploads", dataset=DATASET)
    call("GET", "/v1/datasets")
    call("GET", f"/v1/datasets/{DATASET}")
    call("POST", f"/v1/datasets/{DATASET}/check", {"content": base64.b64encode(a_file()).decode()})
    return notices


def calling(handler: Any, aws: Aws) -> Callable[..., Any]:
    """Calls routes of a function of the API as somebody who may do everything."""
    api = handler.build(aws.settings, aws, emit=lambda _: None)

    def call(method: str, path: str, body: Any = None, **query: str) -> Any:
        answer = api.resolve(api_event(method, path, body, query, scope=aws.settings.decide_scope), CONTEXT)
        assert answer["statusCode"] < 300, answer
        return json.loads(answer["body"])

    return call


def everything_about_a_held_file(aws: Aws) -> None:
    """It is listed and released; the release is applied, and has a receipt."""
    call = calling(upload_api, aws)
    (held,) = call("GET", f"/v1/datasets/{DATASET}/holds")["uploads"]
    call("POST", f"/v1/uploads/{held['upload_id']}/release", {"reason": "seen"})
    receipt = call("GET", f"/v1/uploads/{held['upload_id']}/receipt")
    assert call("POST", "/v1/receipts/verify", receipt) == {"genuine": True}
    call("GET", "/v1/receipts/key")


def everything_about_a_refused_row(aws: Aws, operator: Aws) -> None:
    """It is found, and corrected."""
    lake = Lake(operator.settings, operator, ContractStore(operator.settings, operator))
    assert {outcome.state for outcome in catch_up(lake)} == {"applied"}
    call = calling(quarantine_api, aws)
    (refused,) = call("GET", f"/v1/datasets/{DATASET}/quarantine")["uploads"]
    path = f"/v1/uploads/{refused['upload_id']}/quarantine"
    assert call("GET", path)["open"] == 1
    call("POST", f"{path}/correct", {"reason": "typing", "content": a_file(first=60_001, rows=1).decode()})


def everything_of_admission(aws: Aws, operator: Aws, notices: list[LandedObject]) -> None:
    """Files accepted, refused, delivered twice, sent by nobody, and admitted after the ledger was lost."""
    handler = admit.build(aws.settings, aws, emit=lambda _: None)
    stray = LandedObject(aws.settings.landing_bucket, landing_key(DATASET, "00000000-0000-7000-8000-000000000000"))
    operator.s3.put_object(Bucket=stray.bucket, Key=stray.key, Body=b"?")
    for notice in (notices[0], notices[0], *notices[1:-1], stray):
        assert handler(sqs_event(s3_event(notice)), CONTEXT) == {"batchItemFailures": []}
    lose_the_ledger(operator)
    assert handler(sqs_event(s3_event(notices[-1])), CONTEXT) == {"batchItemFailures": []}


def everything_of_the_stream(aws: Aws) -> None:
    """Uploads applied in the driver, events read, measurements put, the token for lineage fetched."""
    lake = Lake(aws.settings, aws, ContractStore(aws.settings, aws))
    assert {outcome.state for outcome in catch_up(lake)} == {"applied", "held"}
    measures.of_microbatch(lake, 1.0)
    read(KinesisReader(aws.settings))
    token = bearer(aws, {})
    assert token is not None
    assert token.header() == "Bearer T"


def read(reader: KinesisReader | SqsReader) -> None:
    """Reads what there is and is done with it."""
    start, end = reader.initialOffset(), reader.latestOffset()
    assert reader.partitions(start, end)
    reader.commit(end)


def everything_of_the_sweeper(aws: Aws, operator: Aws) -> None:
    """A file that nobody told of, one that is refused, one applied by nobody; then the same with a lost ledger."""
    handler = sweep.build(aws.settings, aws, clock=lambda: utc_now() + timedelta(days=1), emit=lambda _: None)
    lose_the_ledger(operator)
    stray = landing_key(DATASET, "00000000-0000-7000-8000-000000000001")
    operator.s3.put_object(Bucket=aws.settings.landing_bucket, Key=stray, Body=b"?")
    assert handler(scheduled_event(), CONTEXT)["found"] == 2
    assert handler(scheduled_event(), CONTEXT) == {"found": 0, "rung": 5}  # the last is young
    assert not objects(Intake(operator.settings, operator), aws.settings.landing_bucket, "landing/")


def lose_the_ledger(operator: Aws) -> None:
    """Deletes every item."""
    for item in ledger_items(Intake(operator.settings, operator)):
        key = {"pk": item["pk"], "sk": item["sk"]}
        operator.dynamodb.delete_item(TableName=operator.settings.ledger_table, Key=key)


def test_every_role_may_do_what_its_code_asks_for_and_nothing_else(lived: Lived) -> None:
    for role, recorder in lived.recorders.items():
        allowed = statements(role, lived.settings)
        assert missing(allowed, recorder.calls) == [], role
        if role in UNUSED:  # an operator's commands are many, and not all of them are called here
            assert unused(allowed, recorder.calls) == set(UNUSED[role]), role


def test_a_small_installation_may_announce_and_hear_by_its_queue(fresh_cloud: Cloud) -> None:
    settings = installed(fresh_cloud, "sqs")
    landed = land(Intake(settings, replace(fresh_cloud.aws, settings=settings)), a_file())
    with recorded(fresh_cloud, settings) as (aws, admission):
        event = sqs_event(s3_event(landed.notice))
        assert admit.build(settings, aws, emit=lambda _: None)(event, CONTEXT) == {"batchItemFailures": []}
    with recorded(fresh_cloud, settings) as (aws, stream):
        read(SqsReader(aws.settings))
    for role, recorder, sid in (
        ("ingestion.AdmitRole", admission, "Announce"),
        ("streaming.JobRole", stream, "Events"),
    ):
        allowed = statements(role, settings)
        assert missing(allowed, recorder.calls) == [], role
        assert sid not in {unasked for unasked, _ in unused(allowed, recorder.calls)}, role


def test_the_canary_may_do_what_its_code_asks_for_and_nothing_else(fresh_cloud: Cloud, tmp_path: Path) -> None:
    answer = json.dumps({"access_token": "T"}).encode()
    with journey(fresh_cloud.env, tmp_path) as made, made.applying(), endpoint(200, body=answer) as (issuer, _):
        client = json.dumps({"token_url": issuer, "client_id": "canary", "client_secret": "s"})
        name = f"{fresh_cloud.settings.ledger_table}-canary"
        secret = fresh_cloud.aws.secretsmanager.create_secret(Name=name, SecretString=client)["ARN"]
        settings = replace(fresh_cloud.settings, api_url=made.client.url, canary_secret=secret)
        with recorded(fresh_cloud, settings) as (aws, recorder):
            canary.build(aws.settings, aws, emit=lambda _: None)({}, CONTEXT)
    allowed = statements("ingestion.CanaryRole", settings)
    assert missing(allowed, recorder.calls) == []
    assert unused(allowed, recorder.calls) == set(UNUSED["ingestion.CanaryRole"])


def test_every_role_of_a_function_or_the_job_has_its_calls_compared() -> None:
    users = [each["Properties"]["Role"]["Fn::GetAtt"][0] for each in resources("AWS::Serverless::Function").values()]
    assert UNUSED.keys() == {*(f"ingestion.{name}" for name in users), "streaming.JobRole"}
