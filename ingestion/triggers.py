"""Notice: whatever tells that a file landed becomes a `LandedObject`; anything else is refused by name.

Understood, in any nesting: S3 notifications, SQS and SNS around them, EventBridge's "Object Created". Delivery is at
least once and unordered; S3's own `s3:TestEvent` announces nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus

from ledgerlake.clock import from_text
from ledgerlake.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class LandedObject:
    """An object that was written to a bucket, with its key in plain text. `at` is None where nobody says when."""

    bucket: str
    key: str
    at: datetime | None = None


def landed_objects(event: object) -> tuple[LandedObject, ...]:
    """Every object that an event, or the body of a message, says was created; in its order.

    Raises:
        ConfigurationError: the event is of another kind; it says which, and what the queue should be subscribed to.
    """
    return tuple(_read(event))


def _read(event: object) -> Iterator[LandedObject]:
    match event:
        case str():
            yield from _read(_parsed(event))
        case {"Event": "s3:TestEvent"}:
            return
        case {"Records": [*records]}:
            for record in records:
                yield from _read_record(record)
        case {"Type": "Notification", "TopicArn": str(), "Message": message}:
            yield from _read(message)
        case {"source": "aws.s3", "detail-type": "Object Created", "detail": detail, **rest}:
            yield _from_eventbridge(detail, str(rest.get("time", "")))
        case _:
            raise _refused(event)


def _read_record(record: object) -> Iterator[LandedObject]:
    match record:
        case {"eventSource": "aws:s3", "eventName": str(name), "s3": dict(s3), **rest} if _is_creation(name):
            yield _from_notification(s3, str(rest.get("eventTime", "")))
        case {"eventSource": "aws:sqs", "body": body} | {"EventSource": "aws:sns", "Sns": {"Message": body}}:
            yield from _read(body)
        case _:
            raise _refused(record)


def _is_creation(name: str) -> bool:
    return name.startswith("ObjectCreated:")


def _from_notification(s3: Mapping[str, Any], time: str) -> LandedObject:
    """Keys are URL-encoded here, blanks as `+`; decoded exactly once.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    """
    try:
        return LandedObject(s3["bucket"]["name"], unquote_plus(s3["object"]["key"], errors="strict"), _moment(time))
    except (KeyError, TypeError, ValueError) as error:
        raise _refused(s3) from error


def _from_eventbridge(detail: Mapping[str, Any], time: str) -> LandedObject:
    """Keys are not encoded here.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    """
    try:
        return LandedObject(str(detail["bucket"]["name"]), str(detail["object"]["key"]), _moment(time))
    except (KeyError, TypeError, ValueError) as error:
        raise _refused(detail) from error


def _moment(time: str) -> datetime | None:
    return from_text(time) if time else None


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise _refused(text) from error


def _refused(event: object) -> ConfigurationError:
    msg = (
        f"this is no notice of a landed object: {_kind(event)}. Accepted are S3 notifications of "
        "s3:ObjectCreated:*, directly or through SQS and SNS, and EventBridge's 'Object Created' of aws.s3; "
        "subscribe the queue to those"
    )
    return ConfigurationError(msg)


def _kind(event: object) -> str:
    """A short name of what came instead, without its content, which may be confidential."""
    if not isinstance(event, Mapping):
        return f"{type(event).__name__} that is not JSON of an event" if isinstance(event, str) else repr(type(event))
    for names in (("detail-type",), ("eventName",), ("eventSource",), ("EventSource",), ("Type",), ("routeKey",)):
        values = [str(event[name]) for name in names if isinstance(event.get(name), str)]
        if values:
            return f"{names[0]} {values[0]!r}"
    return f"an object with the members {', '.join(sorted(map(str, event))[:8]) or '(none)'}"
