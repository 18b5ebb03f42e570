"""Upload events from Kinesis, as a Spark streaming source in plain Python.

An offset maps each shard to the sequence number read last (`""`: nothing yet). Offsets are planned: `latestOffset`
reads ahead and says how far it got, `partitions` carries the records of a planned range, and a range that was
planned before a restart is read again, exactly. A child shard is read once its parents are read to their end. Without
a checkpoint the source starts at the oldest record that Kinesis still has: the tables skip what they applied.
Shard names are prefixed by the stream's creation time, so that a checkpoint never misleads a stream made anew.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql.datasource import DataSource, DataSourceStreamReader, InputPartition
from pyspark.sql.types import StructType

from ledgerlake.aws import Aws, ClientError, error_code, transient
from ledgerlake.errors import TransientError
from ledgerlake.settings import Settings

logger = logging.getLogger(__name__)

SCHEMA = "event STRING, arrived_millis LONG"
"""One upload event as JSON text, and when the source's service received it (Unix time)."""

RELIST_SECONDS = 10.0
"""Shards are listed so often, and whenever one of them ends."""

Offset = dict[str, str]


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a shard."""

    sequence: int
    data: str
    arrived_millis: int


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard as listed. `closed`: it takes no more records, but may still hold some."""

    shard_id: str
    parents: tuple[str, ...] = ()
    closed: bool = False


class Records(InputPartition):
    """The records of one planned micro-batch; they travel inside the partition, so that reading cannot differ."""

    def __init__(self, rows: Sequence[tuple[str, int]]) -> None:
        super().__init__(None)
        self.rows = tuple(rows)


def readable(listing: Sequence[Shard], ended: set[str]) -> list[Shard]:
    """The shards to read now, oldest first: not read to their end, and no listed parent still is."""
    listed = {shard.shard_id for shard in listing}
    waiting = listed - ended
    return [
        shard
        for shard in sorted(listing, key=lambda each: each.shard_id)
        if shard.shard_id not in ended and not waiting.intersection(shard.parents)
    ]


def after(sequence: str, than: str) -> bool:
    """Whether a sequence number comes after another; they are decimal numbers of up to 128 bits, `""` comes first."""
    return int(sequence or -1) > int(than or -1)


@dataclass
class Consumer:
    """Reads one stream ahead, from `position`; `buffer` keeps what is read and not yet committed."""

    kinesis: Any
    stream: str
    position: Offset = field(default_factory=dict)
    floor: Offset = field(default_factory=dict)
    buffer: dict[str, list[Record]] = field(default_factory=dict)
    iterators: dict[str, str] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    listing: list[Shard] = field(default_factory=list)
    relist_at: float = 0.0

    def start(self, position: Offset) -> None:
        """Goes on after `position`, of which nothing is buffered."""
        self.position, self.floor = dict(position), dict(position)

    def poll(self) -> None:
        """One read of every readable shard; where one ended, its children are found by the next poll."""
        if time.monotonic() >= self.relist_at:
            self.listing = list_shards(self.kinesis, self.stream)
            self.relist_at = time.monotonic() + RELIST_SECONDS
        for shard in readable(self.listing, self.ended):
            self._read(shard)

    def between(self, start: Offset, end: Offset) -> list[Record]:
        """The records after `start` up to `end`, shards from old to new; from memory, or else from Kinesis again."""
        found: list[Record] = []
        for shard in sorted(end):
            low, high = start.get(shard, ""), end[shard]
            if not after(high, low):
                continue
            if shard in self.floor and not after(self.floor[shard], low):
                found += [each for each in self.buffer.get(shard, []) if int(low or -1) < each.sequence <= int(high)]
            else:
                found += reread(self.kinesis, self.stream, shard, low, high)
        return found

    def commit(self, end: Offset) -> None:
        """Forgets what no batch will ask for again."""
        for shard, sequence in end.items():
            kept = [each for each in self.buffer.get(shard, []) if each.sequence > int(sequence or -1)]
            self.buffer[shard], self.floor[shard] = kept, sequence
        listed = {shard.shard_id for shard in self.listing}
        for shard in [each for each in self.position if listed and each not in listed and not self.buffer.get(each)]:
            self.position.pop(shard)  # Kinesis drops an ended shard with its last record

    def _read(self, shard: Shard) -> None:
        name = shard.shard_id
        at = self.position.setdefault(name, "")
        self.floor.setdefault(name, at)
        try:
            iterator = self.iterators.pop(name, None) or iterator_after(self.kinesis, self.stream, name, at)
            answer = self.kinesis.get_records(ShardIterator=iterator)
        except ClientError as error:
            if error_code(error) == "ExpiredIteratorException":
                return
            if error_code(error) != "ResourceNotFoundException":
                raise
            self._end(name)
            return
        records = [as_record(each) for each in answer["Records"]]
        if records:
            self.buffer.setdefault(name, []).extend(records)
            self.position[name] = str(records[-1].sequence)
        following = answer.get("NextShardIterator")
        if following and not (shard.closed and not records and answer.get("MillisBehindLatest") == 0):
            self.iterators[name] = following
        else:
            self._end(name)

    def _end(self, shard: str) -> None:
        self.ended.add(shard)
        self.relist_at = 0.0


def list_shards(kinesis: Any, stream: str) -> list[Shard]:
    """All shards that Kinesis still knows, named by the stream's creation and their id."""
    summary = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    created = int(summary["StreamCreationTimestamp"].timestamp())
    pages = kinesis.get_paginator("list_shards").paginate(StreamName=stream)
    return [as_shard(each, created) for page in pages for each in page["Shards"]]


def as_shard(answer: dict[str, Any], created: int) -> Shard:
    """A shard as boto3 returns it, of a stream created then."""
    parents = [answer.get(member) for member in ("ParentShardId", "AdjacentParentShardId")]
    return Shard(
        f"{created}/{answer['ShardId']}",
        tuple(f"{created}/{parent}" for parent in parents if parent),
        closed="EndingSequenceNumber" in answer["SequenceNumberRange"],
    )


def iterator_after(kinesis: Any, stream: str, shard: str, sequence: str) -> str:
    """An iterator that starts after `sequence`, or at the oldest record where that is unknown or no longer kept."""
    place = {"StreamName": stream, "ShardId": shard.rpartition("/")[2]}
    if sequence:
        start = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": sequence}
        try:
            return str(kinesis.get_shard_iterator(**place, **start)["ShardIterator"])
        except ClientError as error:
            if error_code(error) != "InvalidArgumentException":
                raise
    return str(kinesis.get_shard_iterator(**place, ShardIteratorType="TRIM_HORIZON")["ShardIterator"])


def reread(kinesis: Any, stream: str, shard: str, low: str, high: str) -> Iterator[Record]:
    """The records of a shard after `low` up to `high`; what Kinesis has dropped since, the sweep of raw finds."""
    try:
        iterator: str | None = iterator_after(kinesis, stream, shard, low)
    except ClientError as error:
        if error_code(error) != "ResourceNotFoundException":
            raise
        return
    while iterator:
        answer = kinesis.get_records(ShardIterator=iterator)
        records = [as_record(each) for each in answer["Records"]]
        yield from (each for each in records if int(low or -1) < each.sequence <= int(high))
        reached = records and records[-1].sequence >= int(high)
        at_tip = not records and not answer.get("MillisBehindLatest")
        iterator = None if reached or at_tip else answer.get("NextShardIterator")


def as_record(answer: dict[str, Any]) -> Record:
    """A record as boto3 returns it."""
    return Record(
        int(answer["SequenceNumber"]),
        answer["Data"].decode(errors="replace"),
        int(answer["ApproximateArrivalTimestamp"].timestamp() * 1000),
    )


class KinesisReader(DataSourceStreamReader):
    """What Spark calls; it travels by pickle, hence no client before its first use."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._consumer: Consumer | None = None
        self._due = 0.0

    def __getstate__(self) -> dict[str, Any]:
        return KinesisReader(self.settings).__dict__

    @property
    def consumer(self) -> Consumer:
        """The stream's reader, made where it is used."""
        if self._consumer is None:
            self._consumer = Consumer(Aws(self.settings).kinesis, self.settings.stream_name)
        return self._consumer

    def initialOffset(self) -> Offset:
        """Before every record."""
        return {}

    def latestOffset(self) -> Offset:
        """Reads ahead and returns how far; Spark asks every 10 ms, Kinesis allows five reads a second and shard."""
        time.sleep(max(0.0, self._due - time.monotonic()))
        self._due = time.monotonic() + self.settings.poll_millis / 1000
        try:
            with transient("read upload events from Kinesis"):
                self.consumer.poll()
        except TransientError as error:
            logger.warning("%s; trying again", error)
        return dict(self.consumer.position)

    def partitions(self, start: Offset, end: Offset) -> Sequence[InputPartition]:
        """One partition: the records of the planned range. The first call after a restart tells where to go on."""
        if not self.consumer.position:
            self.consumer.start(end)
        records = self.consumer.between(start, end)
        return [Records([(each.data, each.arrived_millis) for each in records])]

    def read(self, partition: InputPartition) -> Iterator[tuple[str, int]]:
        """The rows of one partition."""
        assert isinstance(partition, Records)  # noqa: S101  # Spark hands back what `partitions` returned
        return iter(partition.rows)

    def commit(self, end: Offset) -> None:
        """The batch up to `end` is done."""
        self.consumer.commit(end)


class KinesisSource(DataSource):
    """`spark.readStream.format("ledgerlake_kinesis").option("settings", JSON of Settings.to_mapping())`."""

    @classmethod
    def name(cls) -> str:
        """The format's name."""
        return "ledgerlake_kinesis"

    def schema(self) -> str:
        """See `SCHEMA`."""
        return SCHEMA

    def streamReader(self, schema: StructType) -> DataSourceStreamReader:  # noqa: ARG002  # Spark's signature
        """A reader of the stream that the settings name."""
        return KinesisReader(Settings.from_mapping(json.loads(self.options["settings"])))
