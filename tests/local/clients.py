"""A stranger's client of the upload API, and the small things that tests of ingestion share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from aws_lambda_powertools.utilities.typing import LambdaContext

from cli import resources
from cli.cloud import installation
from ingestion.grant import UploadGrant, grant_upload
from ingestion.intake import Intake
from ingestion.request import UploadRequest
from ingestion.triggers import LandedObject
from ingestion.values import Caller
from ledgerlake.events import UploadEvent
from ledgerlake.layout import landing_key
from ledgerlake.settings import Settings
from tests.conftest import Cloud

DATASET = "payments"
HEADER = "payment_id,booking_date,debtor_iban,creditor_iban,amount,currency,status,reference,updated_at\n"
ROW = "P{:010d},2026-03-31,DE02120300000000202051,DE02500105170137075030,{}.50,EUR,BOOKED,r,2026-03-31T10:00:00Z\n"
CALLER = Caller("alice", "acme", "192.0.2.7")
CONTEXT = LambdaContext()


def a_file(first: int = 1, rows: int = 3) -> bytes:
    """A file of payments."""
    return (HEADER + "".join(ROW.format(first + row, row) for row in range(rows))).encode()


def an_intake(cloud: Cloud, **settings: Any) -> Intake:
    """Ingestion on a fresh cloud, under the contracts that the project ships."""
    contracts = str(Path(__file__).parents[2] / "contracts")
    changed = replace(cloud.settings, contracts=contracts, **settings)
    return Intake(changed, replace(cloud.aws, settings=changed))


_installations = count(1)


def a_fresh(cloud: Cloud) -> Cloud:
    """An empty installation on running servers, for one example of a property."""
    env = {**cloud.env, **installation(cloud.env["AWS_ENDPOINT_URL"], f"example-{next(_installations)}")}
    settings = Settings.from_mapping(env)
    aws = replace(cloud.aws, settings=settings)
    resources.create(aws)
    return replace(cloud, env=env, settings=settings, aws=aws)


def a_request(data: bytes, **changes: Any) -> UploadRequest:
    """A request for these bytes."""
    request = UploadRequest(DATASET, "march.csv", len(data), hashlib.sha256(data).hexdigest(), "text/csv")
    return replace(request, **changes)


def send(granted: UploadGrant, data: bytes, **headers: str) -> list[httpx.Response]:
    """Sends the file as the grant says; `headers` replace the grant's own."""
    return [
        httpx.request(
            step.method,
            step.url,
            content=data[step.offset : step.offset + step.size],
            headers={**step.headers, **{name.replace("_", "-"): text for name, text in headers.items()}},
        )
        for step in granted.steps
    ]


@dataclass(frozen=True)
class Landed:
    """A file that was granted and sent, and what tells of it."""

    granted: UploadGrant
    notice: LandedObject

    @property
    def upload_id(self) -> str:
        return self.granted.grant.upload_id


def land(intake: Intake, data: bytes, request: UploadRequest | None = None, caller: Caller = CALLER) -> Landed:
    """Grants and sends a file."""
    granted = grant_upload(intake, request or a_request(data), caller)
    answers = send(granted, data)
    assert [answer.status_code for answer in answers] == [200] * len(answers), answers[0].text
    grant = granted.grant
    return Landed(granted, LandedObject(intake.settings.landing_bucket, landing_key(grant.dataset, grant.upload_id)))


def s3_event(notice: LandedObject) -> dict[str, Any]:
    """What S3 would send of it."""
    return {
        "Records": [
            {
                "eventSource": "aws:s3",
                "eventName": "ObjectCreated:Put",
                "s3": {"bucket": {"name": notice.bucket}, "object": {"key": notice.key}},
            },
        ],
    }


def sqs_event(*bodies: Mapping[str, Any] | str) -> dict[str, Any]:
    """A batch as Lambda hands it to a function."""
    return {
        "Records": [
            {
                "messageId": f"m{number}",
                "eventSource": "aws:sqs",
                "body": body if isinstance(body, str) else json.dumps(body),
            }
            for number, body in enumerate(bodies)
        ],
    }


def objects(intake: Intake, bucket: str, prefix: str = "") -> dict[str, bytes]:
    """Every object of a bucket by key."""
    pages = intake.aws.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return {
        each["Key"]: intake.aws.s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()
        for page in pages
        for each in page.get("Contents", [])
    }


def ledger_items(intake: Intake) -> list[dict[str, Any]]:
    """Every item of the ledger, in order."""
    pages = intake.aws.dynamodb.get_paginator("scan").paginate(TableName=intake.settings.ledger_table)
    items = [item for page in pages for item in page["Items"]]
    return sorted(items, key=lambda item: (item["pk"]["S"], item["sk"]["S"]))


def announced(intake: Intake) -> list[UploadEvent]:
    """Every upload event on the stream."""
    kinesis, name = intake.aws.kinesis, intake.settings.stream_name
    records = []
    for shard in kinesis.list_shards(StreamName=name)["Shards"]:
        cursor = kinesis.get_shard_iterator(
            StreamName=name,
            ShardId=shard["ShardId"],
            ShardIteratorType="TRIM_HORIZON",
        )["ShardIterator"]
        records += kinesis.get_records(ShardIterator=cursor)["Records"]
    return [UploadEvent.from_json(record["Data"]) for record in records]
