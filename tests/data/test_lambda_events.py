"""Every recorded AWS event shape of the archive is either read as landed objects or refused clearly."""

from __future__ import annotations

import json
import os
import tarfile
from http import HTTPStatus
from pathlib import Path

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from ingestion.handlers.upload_api import build
from ingestion.triggers import LandedObject, landed_objects
from ledgerlake.aws import Aws
from ledgerlake.errors import ConfigurationError
from ledgerlake.settings import Settings

DATA = Path(os.environ.get("LEDGERLAKE_TEST_DATA") or Path(__file__).parents[2].parent / "shared" / "data")
ARCHIVE = DATA / "lambda_events" / "lambda_events.tar.xz"

READ = {
    "s3Event.json": [("lambda-artifacts-deafc19498e3f2df", "b21b84d653bb07b05b1e6b33684dc11b")],
    "s3EventGlacier.json": [("lambda-artifacts-deafc19498e3f2df", "b21b84d653bb07b05b1e6b33684dc11b")],
    "s3EventDecodedKey.json": [("sourcebucket", "Happy Face.jpg")],
    "s3EventBridgeNotificationObjectCreatedEvent.json": [("example-bucket", "IMG_m7fzo3.jpg")],
    "s3SqsEvent.json": [("xxx", "test.pdf")],
}


def recorded() -> dict[str, str]:
    """File name to text of each recorded event; empty where the archive is missing."""
    if not ARCHIVE.is_file():
        return {}
    with tarfile.open(ARCHIVE) as archive:
        return {
            Path(member.name).name: (archive.extractfile(member) or pytest.fail(member.name)).read().decode()
            for member in archive
            if member.isfile() and member.name.endswith(".json")
        }


EVENTS = recorded()
pytestmark = pytest.mark.skipif(not EVENTS, reason=f"no recorded events: {ARCHIVE} is missing")


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_a_recorded_shape_is_read_or_refused_clearly(name: str) -> None:
    event = json.loads(EVENTS[name])
    if name in READ:
        assert [(each.bucket, each.key) for each in landed_objects(event)] == READ[name]
        assert all(isinstance(each, LandedObject) and each.at for each in landed_objects(event))
        return
    with pytest.raises(ConfigurationError, match=r"this is no notice of a landed object: .+ subscribe the queue"):
        landed_objects(event)


def test_the_archive_holds_all_the_shapes_that_are_read() -> None:
    assert set(READ) <= set(EVENTS)
    assert len(EVENTS) > 100  # the archive's own count is 104 with its licence


@pytest.mark.parametrize("name", sorted(name for name in EVENTS if name.startswith("apiGatewayProxyV2")))
def test_the_upload_api_answers_a_recorded_request_for_something_else_with_a_problem(name: str) -> None:
    names = ("LANDING_BUCKET", "RAW_BUCKET", "TABLES_BUCKET", "LEDGER_TABLE", "LANDING_QUEUE_URL", "STREAM_NAME")
    env = {f"LEDGERLAKE_{each}": "x" for each in (*names, "DATABASE")}
    settings = Settings.from_mapping(env)
    answer = build(settings, Aws(settings)).resolve(json.loads(EVENTS[name]), LambdaContext())
    assert answer["statusCode"] == HTTPStatus.NOT_FOUND
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert json.loads(answer["body"])["status"] == HTTPStatus.NOT_FOUND
