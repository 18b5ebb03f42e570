"""Announce: an upload event rings the stream. At least once: whoever hears it twice does nothing twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ledgerlake.aws import Aws, transient
from ledgerlake.errors import TransientError
from ledgerlake.events import UploadEvent
from ledgerlake.settings import Settings

ATTEMPTS = 5
_KINESIS_BATCH = 500
_SQS_BATCH = 10
"""What PutRecords and SendMessageBatch take in one call."""


def publish(
    aws: Aws, settings: Settings, events: Sequence[UploadEvent], wait: Callable[[float], None] = time.sleep
) -> None:
    """Puts the events on the stream, or on the queue of a small installation; only what failed is sent again.

    `wait` lets so many seconds pass before another attempt, twice as many each time.

    Raises:
        TransientError: some were still refused after `ATTEMPTS`, or the service was out of reach.
    """
    send, size = (_send_kinesis, _KINESIS_BATCH) if settings.source == "kinesis" else (_send_sqs, _SQS_BATCH)
    for start in range(0, len(events), size):
        _deliver(partial(send, aws, settings), list(events[start : start + size]), wait)


def _deliver(
    send: Callable[[list[UploadEvent]], list[UploadEvent]], events: list[UploadEvent], wait: Callable[[float], None]
) -> None:
    for attempt in range(ATTEMPTS):
        if attempt:
            wait(0.05 * 2**attempt)
        with transient("announce uploads"):
            events = send(events)
        if not events:
            return
    msg = f"{len(events)} upload events were refused {ATTEMPTS} times; the sweeper rings them again"
    raise TransientError(msg)


def _send_kinesis(aws: Aws, settings: Settings, events: list[UploadEvent]) -> list[UploadEvent]:
    """Returns those that failed. One dataset's events share a shard, so they come in order unless one is retried."""
    records = [{"Data": event.to_json().encode(), "PartitionKey": event.dataset} for event in events]
    answer = aws.kinesis.put_records(StreamName=settings.stream_name, Records=records)
    return [event for event, result in zip(events, answer["Records"], strict=True) if result.get("ErrorCode")]


def _send_sqs(aws: Aws, settings: Settings, events: list[UploadEvent]) -> list[UploadEvent]:
    """Returns those that failed."""
    entries = [{"Id": str(index), "MessageBody": event.to_json()} for index, event in enumerate(events)]
    answer: dict[str, Any] = aws.sqs.send_message_batch(QueueUrl=settings.events_queue_url, Entries=entries)
    failed = {failure["Id"] for failure in answer.get("Failed", [])}
    return [event for index, event in enumerate(events) if str(index) in failed]
