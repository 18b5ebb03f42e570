"""What a role would be asked for: each request to AWS as the IAM actions and resources that it needs.

Everything is seen, whoever sends it: boto3, delta-rs, and clients with a presigned URL, which acts for its signer.
Source: https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from ledgerlake.aws import Aws
from ledgerlake.settings import Settings
from tests.conftest import Cloud
from tests.local.proxy import Request, proxied
from tests.templates import PSEUDO, Json, listed

ARN = f"{PSEUDO['AWS::Region']}:{PSEUDO['AWS::AccountId']}"


@dataclass(frozen=True, order=True)
class Call:
    """One thing that has to be allowed; `resource` is None where the request does not say it."""

    action: str
    resource: str | None


@dataclass
class Recorder:
    """The requests that went through, in order: those to S3, and those to other services."""

    to_s3: list[Request] = field(default_factory=list)
    to_others: list[Request] = field(default_factory=list)

    def s3(self, request: Request) -> bool:
        """Notes a request to S3."""
        self.to_s3.append(request)
        return True

    def others(self, request: Request) -> bool:
        """Notes a request to another service."""
        self.to_others.append(request)
        return True

    @property
    def calls(self) -> list[Call]:
        """What had to be allowed for them."""
        s3 = [call for request in self.to_s3 for call in _s3_calls(request)]
        return s3 + [call for request in self.to_others for call in _calls(request)]

    def taken(self) -> Recorder:
        """What was noted so far, which is forgotten here."""
        taken = Recorder(self.to_s3[:], self.to_others[:])
        del self.to_s3[: len(taken.to_s3)], self.to_others[: len(taken.to_others)]
        return taken


@contextmanager
def recorded(cloud: Cloud, settings: Settings) -> Iterator[tuple[Aws, Recorder]]:
    """Clients of a cloud, whose requests are noted for the length of a block."""
    recorder = Recorder()
    with (
        proxied(cloud.env["AWS_ENDPOINT_URL_S3"], recorder.s3) as s3,
        proxied(cloud.env["AWS_ENDPOINT_URL"], recorder.others) as others,
    ):
        yield Aws(replace(settings, s3_endpoint_url=s3, endpoint_url=others)), recorder


def _s3_calls(request: Request) -> Iterator[Call]:
    parts = urlsplit(request.path)
    bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
    asked = parse_qs(parts.query, keep_blank_values=True)
    where = f"arn:aws:s3:::{bucket}"
    if not key:
        if request.method == "POST" and "delete" in asked:
            keys = re.findall(rb"<Key>([^<]+)</Key>", request.body)
            yield from (Call("s3:DeleteObject", f"{where}/{each.decode()}") for each in keys)
        else:
            yield Call("s3:ListBucketMultipartUploads" if "uploads" in asked else "s3:ListBucket", where)
        return
    if source := request.headers.get("x-amz-copy-source"):
        yield Call("s3:GetObject", f"arn:aws:s3:::{unquote(source).lstrip('/')}")
    action = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "POST": "PutObject"}.get(request.method)
    if request.method == "DELETE":
        action = "AbortMultipartUpload" if "uploadId" in asked else "DeleteObject"
    if request.method == "GET" and "uploadId" in asked:
        action = "ListMultipartUploadParts"
    yield Call(f"s3:{action}", f"{where}/{key}")


def _calls(request: Request) -> Iterator[Call]:
    if request.path == "/TraceSegments":
        yield Call("xray:PutTraceSegments", None)
        return
    service, operation, body = asked_of(request)
    kind = next(each for name, each in _SERVICES.items() if service.startswith(name))
    yield from kind(operation, body)


def asked_of(request: Request) -> tuple[str, str, Json]:
    """Service, operation and members of a request that is not one to S3 or X-Ray."""
    target = request.headers.get("x-amz-target") or urlsplit(request.path).path.rpartition("/service/")[2]
    service, operation = re.split(r"\.|/operation/", target, maxsplit=1)
    return service, operation, json.loads(request.body) if request.body[:1] == b"{" else {}


def _dynamodb(operation: str, body: Json) -> Iterator[Call]:
    if operation == "TransactWriteItems":
        for each in body["TransactItems"]:
            yield from (Call(f"dynamodb:{kind}Item", _table(item["TableName"])) for kind, item in each.items())
    elif operation == "BatchGetItem":
        yield from (Call("dynamodb:BatchGetItem", _table(name)) for name in body["RequestItems"])
    else:
        yield Call(f"dynamodb:{operation}", _table(body["TableName"]))


def _table(name: str) -> str:
    return f"arn:aws:dynamodb:{ARN}:table/{name}"


def _kinesis(operation: str, body: Json) -> Iterator[Call]:
    name = body.get("StreamName")
    yield Call(f"kinesis:{operation}", f"arn:aws:kinesis:{ARN}:stream/{name}" if name else None)


def _sqs(operation: str, body: Json) -> Iterator[Call]:
    name = body["QueueUrl"].rpartition("/")[2]
    yield Call(f"sqs:{operation.removesuffix('Batch')}", f"arn:aws:sqs:{ARN}:{name}")


def _secret(operation: str, body: Json) -> Iterator[Call]:
    yield Call(f"secretsmanager:{operation}", body["SecretId"])


def _cloudwatch(operation: str, _: Json) -> Iterator[Call]:
    yield Call(f"cloudwatch:{operation}", None)


def _glue(operation: str, body: Json) -> Iterator[Call]:
    database = body.get("DatabaseName") or body["DatabaseInput"]["Name"]
    table = body.get("Name") or body.get("TableInput", {}).get("Name")
    places = ["catalog", f"database/{database}", *([f"table/{database}/{table}"] if table else [])]
    yield from (Call(f"glue:{operation}", f"arn:aws:glue:{ARN}:{place}") for place in places)


def _kms(operation: str, body: Json) -> Iterator[Call]:
    """By an alias a role is allowed what it is allowed by the key, which the alias does not say."""
    yield Call(f"kms:{operation}", None if body["KeyId"].startswith("alias/") else body["KeyId"])


_SERVICES: Mapping[str, Any] = {
    "DynamoDB": _dynamodb,
    "Kinesis": _kinesis,
    "AmazonSQS": _sqs,
    "GraniteService": _cloudwatch,
    "AWSGlue": _glue,
    "TrentService": _kms,
    "secretsmanager": _secret,
}


def allows(statement: Json, call: Call) -> bool:
    """Whether a statement allows a call."""
    resources = listed(statement["Resource"])
    return call.action in listed(statement["Action"]) and (
        call.resource is None or any(fnmatchcase(call.resource, each) for each in resources)
    )


def missing(statements: list[Json], calls: Iterable[Call]) -> list[Call]:
    """The calls that no statement allows."""
    return sorted(call for call in set(calls) if not any(allows(each, call) for each in statements))


def unused(statements: list[Json], calls: Collection[Call]) -> set[tuple[str, str]]:
    """Statement and action of everything that is allowed and was never asked for."""
    return {
        (each["Sid"], action)
        for each in statements
        for action in listed(each["Action"])
        if not any(allows({**each, "Action": action}, call) for call in calls)
    }
