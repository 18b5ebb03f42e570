"""Upload events from SQS, for an installation too small for Kinesis; same rows as `kinesis_source`.

A queue has no offsets and forgets what it delivered, so an offset is only a name for "all that was received by then".
A message is deleted once its micro-batch is done; after a crash it becomes visible again. That is enough: an event
is the doorbell, and the sweep of raw finds what a lost one announced.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql.datasource import DataSource, DataSourceStreamReader, InputPartition
from pyspark.sql.types import StructType

from ledgerlake.aws import Aws, transient
from ledgerlake.errors import TransientError
from ledgerlake.settings import Settings
from streaming_jobs.kinesis_source import SCHEMA, Records

logger = logging.getLogger(__name__)

RECEIVE = 10
"""Messages of one call: the most SQS allows, to receive as well as to delete."""

CALLS = 20
"""Calls of one poll, so that a long queue does not hold up its first messages."""


@dataclass(frozen=True, slots=True)
class Received:
    """One delivery of a message."""

    body: str
    sent_millis: int
    handle: str


class SqsReader(DataSourceStreamReader):
    """What Spark calls; it travels by pickle, hence no client before its first use."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._aws: Aws | None = None
        self._latest = ""
        self._buffer: dict[str, list[Received]] = {}  # in order of arrival
        self._due = 0.0

    def __getstate__(self) -> dict[str, Any]:
        return SqsReader(self.settings).__dict__

    @property
    def sqs(self) -> Any:
        """The queue's client, made where it is used."""
        if self._aws is None:
            self._aws = Aws(self.settings)
        return self._aws.sqs

    def initialOffset(self) -> dict[str, str]:
        """Before every message."""
        return {"received": ""}

    def latestOffset(self) -> dict[str, str]:
        """Receives what is there and names it; Spark asks every 10 ms, SQS bills each call."""
        time.sleep(max(0.0, self._due - time.monotonic()))
        self._due = time.monotonic() + self.settings.poll_millis / 1000
        try:
            with transient("receive upload events from SQS"):
                received = self._receive()
        except TransientError as error:
            logger.warning("%s; trying again", error)
            received = []
        if received:
            self._latest = str(uuid.uuid4())
            self._buffer[self._latest] = received
        return {"received": self._latest}

    def partitions(self, start: dict[str, str], end: dict[str, str]) -> Sequence[InputPartition]:
        """One partition: what came after `start`, up to `end`. The first call after a restart says where we are."""
        self._latest = self._latest or end["received"]
        done = set(self._up_to(start))
        planned = [name for name in self._up_to(end) if name not in done] if start != end else []
        return [Records([(each.body, each.sent_millis) for name in planned for each in self._buffer[name]])]

    def read(self, partition: InputPartition) -> Iterator[tuple[str, int]]:
        """The rows of one partition."""
        assert isinstance(partition, Records)  # noqa: S101  # Spark hands back what `partitions` returned
        return iter(partition.rows)

    def commit(self, end: dict[str, str]) -> None:
        """Deletes the messages of every batch up to `end`."""
        for name in self._up_to(end):
            handles = [each.handle for each in self._buffer.pop(name)]
            for first in range(0, len(handles), RECEIVE):
                self._delete(handles[first : first + RECEIVE])

    def _up_to(self, offset: dict[str, str]) -> list[str]:
        names = list(self._buffer)
        return names[: names.index(offset["received"]) + 1] if offset["received"] in self._buffer else []

    def _receive(self) -> list[Received]:
        received: list[Received] = []
        for _ in range(CALLS):
            answer = self.sqs.receive_message(
                QueueUrl=self.settings.events_queue_url,
                MaxNumberOfMessages=RECEIVE,
                MessageSystemAttributeNames=["SentTimestamp"],
            )
            messages = answer.get("Messages", [])
            received += [
                Received(each["Body"], int(each["Attributes"]["SentTimestamp"]), each["ReceiptHandle"])
                for each in messages
            ]
            if len(messages) < RECEIVE:
                break
        return received

    def _delete(self, handles: list[str]) -> None:
        entries = [{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(handles)]
        try:
            with transient("delete upload events from SQS"):
                self.sqs.delete_message_batch(QueueUrl=self.settings.events_queue_url, Entries=entries)
        except TransientError as error:
            logger.warning("%s; they will be delivered again, which changes nothing", error)


class SqsSource(DataSource):
    """`spark.readStream.format("ledgerlake_sqs").option("settings", JSON of Settings.to_mapping())`."""

    @classmethod
    def name(cls) -> str:
        """The format's name."""
        return "ledgerlake_sqs"

    def schema(self) -> str:
        """See `kinesis_source.SCHEMA`."""
        return SCHEMA

    def streamReader(self, schema: StructType) -> DataSourceStreamReader:  # noqa: ARG002  # Spark's signature
        """A reader of the queue that the settings name."""
        return SqsReader(Settings.from_mapping(json.loads(self.options["settings"])))
