"""Every recorded AWS event shape of the archive is either read as landed objects or refused clearly."""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path

import pytest

from ingestion.triggers import LandedObject, landed_objects
from ledgerlake.errors import ConfigurationError

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
