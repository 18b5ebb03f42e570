"""Whatever tells that a file landed is understood; what says something else is refused by name."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.triggers import LandedObject, landed_objects
from ledgerlake.errors import ConfigurationError

keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
AT = datetime(2026, 3, 31, 12, 0, 0, 192_000, tzinfo=UTC)


def a_record(key: str, name: str = "ObjectCreated:Put") -> dict[str, Any]:
    return {
        "eventSource": "aws:s3",
        "eventName": name,
        "eventTime": "2026-03-31T12:00:00.192Z",
        "s3": {"bucket": {"name": "landing"}, "object": {"key": quote_plus(key, safe="/"), "size": 7}},
    }


def in_sns(message: object) -> dict[str, Any]:
    return {"Type": "Notification", "TopicArn": "arn:aws:sns:eu-central-1:1:t", "Message": json.dumps(message)}


def in_sqs(*bodies: object) -> dict[str, Any]:
    return {"Records": [{"eventSource": "aws:sqs", "messageId": "1", "body": json.dumps(body)} for body in bodies]}


@given(st.lists(keys, min_size=1, max_size=3))
def test_a_key_is_decoded_once_through_every_wrapping(names: list[str]) -> None:
    notice = {"Records": [a_record(name) for name in names]}
    expected = tuple(LandedObject("landing", name, AT) for name in names)
    assert landed_objects(notice) == expected
    assert landed_objects(json.dumps(notice)) == expected
    assert landed_objects(in_sqs(notice)) == expected
    assert landed_objects(in_sqs(in_sns(notice))) == expected
    assert landed_objects(in_sqs(notice, in_sns(notice))) == expected * 2


def test_eventbridge_does_not_encode_its_keys() -> None:
    event = {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "time": "2026-03-31T12:00:00Z",
        "detail": {"bucket": {"name": "landing"}, "object": {"key": "a%20b+c"}},
    }
    assert landed_objects(event) == (LandedObject("landing", "a%20b+c", datetime(2026, 3, 31, 12, tzinfo=UTC)),)
    assert landed_objects(in_sqs(event))[0].key == "a%20b+c"


def test_the_test_event_that_s3_sends_first_announces_nothing() -> None:
    event = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-03-31T12:00:00Z", "Bucket": "landing"}
    assert landed_objects(event) == ()
    assert landed_objects(in_sqs(in_sns(event))) == ()


@pytest.mark.parametrize(
    ("event", "named"),
    [
        ({"Records": [a_record("k", "ObjectRemoved:Delete")]}, "ObjectRemoved:Delete"),
        (in_sqs("hello world"), "not JSON of an event"),
        ("{", "not JSON of an event"),
        ({"source": "aws.s3", "detail-type": "Object Deleted", "detail": {}}, "Object Deleted"),
        ({"source": "aws.s3", "detail-type": "Object Created", "detail": {}}, "an object with the members"),
        ({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {}}]}, "members"),
        ({"Records": [{"eventSource": "aws:kinesis"}]}, "aws:kinesis"),
        ({}, "members (none)"),
        ([], "list"),
        (None, "NoneType"),
        (7, "int"),
    ],
)
def test_anything_else_is_refused_by_name(event: object, named: str) -> None:
    with pytest.raises(ConfigurationError, match="subscribe the queue to those") as refused:
        landed_objects(event)
    assert named in str(refused.value)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["Records", "s3", "body", "eventSource", "Type", "Message", "detail", "x"]),
                inner,
                max_size=4,
            )
        ),
    ),
)
def test_no_shape_whatever_ends_otherwise_than_read_or_refused(event: object) -> None:
    try:
        assert isinstance(landed_objects(event), tuple)
    except ConfigurationError as refused:
        assert "this is no notice of a landed object" in str(refused)  # noqa: PT017  # either ending is right
