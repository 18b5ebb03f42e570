"""The templates, deployed to an emulator: an upload goes through what they made, and through nothing else."""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from deploy import SETTINGS

from cli.main import main
from cli.notifications import scheduled_event, sqs_event
from cli.prepare import contracts, prepare
from cli.shell import Exit
from ledgerlake.aws import Aws
from ledgerlake.events import UploadEvent
from ledgerlake.layout import table_uri
from ledgerlake.settings import Settings
from streaming_jobs.glue_entry import job_arguments
from streaming_jobs.lake import Lake
from streaming_jobs.microbatch import catch_up
from tables.contract_store import ContractStore
from tables.delta import query
from tests.conftest import Cloud
from tests.local.clients import CONTEXT, a_file
from tests.local.deployed import Deployed, deploy
from tests.local.events import api_event
from tests.local.test_upload_api import a_body
from tests.templates import ROOT

GIVEN = {
    "Stage": "dev",
    "ArtifactBucket": "artifacts",
    "ArtifactPrefix": "v1",
    "Wheel": "ledgerlake.whl",
    "JwtIssuer": "https://issuer.example",
    "JwtAudience": "client",
}


@dataclass(frozen=True)
class Functions:
    """The deployed functions, each with the settings that the template gave to it."""

    deployed: Deployed
    endpoint: str

    def settings(self, function: str) -> Settings:
        """Of a function's environment; the endpoint stands for AWS."""
        return Settings.from_mapping({**self.deployed.environment(function), "AWS_ENDPOINT_URL": self.endpoint})

    def call(self, function: str, event: dict[str, Any]) -> dict[str, Any]:
        """What the function's own handler answers to an event."""
        module, _, name = self.deployed.handler(function).rpartition(".")
        made = importlib.import_module(module)
        assert callable(getattr(made, name))
        settings = self.settings(function)
        return dict(made.build(settings, Aws(settings), emit=lambda _: None)(event, CONTEXT))


@pytest.fixture(scope="module", params=["kinesis", "sqs"])
def functions(request: pytest.FixtureRequest, cloud: Cloud) -> Functions:
    endpoint = cloud.env["AWS_ENDPOINT_URL"]
    made = deploy(endpoint, {**GIVEN, "Name": f"lake{request.param}", "EventSource": request.param})
    s3, bucket = made.client("s3"), made.outputs["storage"]["TablesBucket"]
    for path in (ROOT / "contracts").glob("*.yaml"):
        s3.put_object(Bucket=bucket, Key=f"contracts/{path.name}", Body=path.read_bytes())
    return Functions(made, endpoint)


def ask(functions: Functions, data: bytes) -> dict[str, Any]:
    """Asks the deployed API for an upload, as API Gateway would pass it on."""
    name = f"{functions.deployed.outputs['ingestion']['LedgerTable'].removesuffix('-ledger')}-upload-api"
    answer = functions.call(name, api_event("POST", "/v1/uploads", a_body(data)))
    assert answer["statusCode"] == 201, answer
    return dict(json.loads(answer["body"]))


def test_an_upload_goes_through_the_resources_that_the_templates_made(functions: Functions) -> None:
    deployed, data = functions.deployed, a_file()
    granted = ask(functions, data)
    (step,) = granted["steps"]
    assert httpx.put(step["url"], headers=step["headers"], content=data).status_code == 200

    prefix = deployed.outputs["ingestion"]["LedgerTable"].removesuffix("-ledger")
    settings = functions.settings(f"{prefix}-admit")
    aws = Aws(settings)
    told = aws.sqs.receive_message(QueueUrl=settings.landing_queue_url, MaxNumberOfMessages=10)["Messages"]
    assert functions.call(f"{prefix}-admit", sqs_event(settings, told)) == {"batchItemFailures": []}
    assert [event.upload_id for event in heard(settings, aws)] == [granted["upload_id"]]

    job = Settings.from_mapping({**job_arguments(deployed.job_arguments()), "AWS_ENDPOINT_URL": functions.endpoint})
    assert (job.source, job.raw_bucket, job.database) == (settings.source, settings.raw_bucket, settings.database)
    prepare(job, Aws(job), contracts(job, Aws(job)))
    (outcome,) = catch_up(Lake(job, Aws(job), ContractStore(job, Aws(job))))
    assert (outcome.upload_id, outcome.state, outcome.rows) == (granted["upload_id"], "applied", 3)
    rows = query("SELECT count(*) AS n FROM payments", {"payments": table_uri(job.tables_bucket, "payments")}, job)
    assert rows["n"].to_pylist() == [3]
    entry = aws.glue.get_table(DatabaseName=deployed.outputs["catalog"]["Database"], Name="payments")["Table"]
    assert entry["StorageDescriptor"]["Location"] == table_uri(job.tables_bucket, "payments")

    assert functions.call(f"{prefix}-sweep", scheduled_event()) == {"found": 0, "rung": 0}


def heard(settings: Settings, aws: Aws) -> list[UploadEvent]:
    """The upload events on the deployed stream or queue."""
    if settings.source == "sqs":
        told = aws.sqs.receive_message(QueueUrl=settings.events_queue_url, MaxNumberOfMessages=10)["Messages"]
        return [UploadEvent.from_json(each["Body"]) for each in told]
    found: list[UploadEvent] = []
    for shard in aws.kinesis.list_shards(StreamName=settings.stream_name)["Shards"]:
        place = {"StreamName": settings.stream_name, "ShardId": shard["ShardId"]}
        iterator = aws.kinesis.get_shard_iterator(**place, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        records = aws.kinesis.get_records(ShardIterator=iterator)["Records"]
        found += [UploadEvent.from_json(record["Data"]) for record in records]
    return found


def test_the_doctor_names_what_is_wrong_with_a_deployment(
    functions: Functions,
    capsys: pytest.CaptureFixture[str],
) -> None:
    outputs = {name: text for room in functions.deployed.outputs.values() for name, text in room.items()}
    exported = {name: outputs[key] for name, key in SETTINGS.items() if outputs.get(key)}
    source = "sqs" if outputs["EventsQueueUrl"] else "kinesis"
    contracts_at = f"s3://{outputs['TablesBucket']}/contracts"
    env = {
        **exported,
        "AWS_ENDPOINT_URL": functions.endpoint,
        "LEDGERLAKE_API_URL": "http://127.0.0.1:9",
        "LEDGERLAKE_CONTRACTS": contracts_at,
        "LEDGERLAKE_SOURCE": source,
    }

    def faults() -> set[str]:
        capsys.readouterr()
        assert main(["doctor", "--json"], env) == Exit.FAILED
        return {each["check"] for each in json.loads(capsys.readouterr().out) if not each["good"]}

    job = functions.deployed.client("glue")
    job.start_job_run(JobName=env["LEDGERLAKE_GLUE_JOB"])
    settings = Settings.from_mapping(env)
    prepare(settings, Aws(settings), contracts(settings, Aws(settings)))
    # moto's CloudFormation leaves out locks, GlueVersion and point-in-time recovery, and nothing answers as the API.
    unmade = {"immutable raw", "stream's job", "ledger's recovery", "upload API"}
    assert faults() == unmade
    s3 = functions.deployed.client("s3")
    s3.put_bucket_notification_configuration(Bucket=settings.landing_bucket, NotificationConfiguration={})
    s3.delete_object(Bucket=settings.tables_bucket, Key="contracts/payments.yaml")
    job.delete_table(DatabaseName=settings.database, Name="accounts")
    assert faults() == {*unmade, "notices of landing", "catalog"}
