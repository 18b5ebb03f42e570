"""Reading a stream whose shards split, merge, close and expire, against a model of what Kinesis documents.

The emulators lose or move the records of a closed shard, so the model stands in for them here: a closed shard keeps
its records, its last read has no next iterator, and its children take what is put later.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerlake.settings import Settings
from streaming_jobs.kinesis_source import Consumer, KinesisReader, Offset, Shard, readable

CREATED = datetime(2026, 1, 1, tzinfo=UTC)
PAGE = 1


@dataclass
class ModelShard:
    parents: tuple[str, ...] = ()
    closed: bool = False
    records: list[tuple[int, str]] = field(default_factory=list)


@dataclass
class ModelKinesis:
    """One stream, as AWS documents it; sequence numbers grow over all shards."""

    shards: dict[str, ModelShard] = field(default_factory=lambda: {"shardId-000": ModelShard()})
    put: int = 0
    created: datetime = CREATED

    def open_shards(self) -> list[str]:
        return [name for name, shard in self.shards.items() if not shard.closed]

    def put_record(self, shard: str) -> None:
        self.put += 1
        self.shards[shard].records.append((self.put, f"{shard}:{self.put}"))

    def reshard(self, parents: tuple[str, ...], children: int) -> None:
        for parent in parents:
            self.shards[parent].closed = True
        for _ in range(children):
            self.shards[f"shardId-{len(self.shards):03d}"] = ModelShard(parents)

    def describe_stream_summary(self, **_: Any) -> dict[str, Any]:
        return {"StreamDescriptionSummary": {"StreamCreationTimestamp": self.created}}

    def get_paginator(self, _: str) -> ModelKinesis:
        return self

    def paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
        for name, shard in self.shards.items():
            ending = {"EndingSequenceNumber": "9"} if shard.closed else {}
            names = dict(zip(("ParentShardId", "AdjacentParentShardId"), shard.parents, strict=False))
            yield {"Shards": [{"ShardId": name, "SequenceNumberRange": ending, **names}]}

    def get_shard_iterator(self, **asked: Any) -> dict[str, Any]:
        if asked["ShardId"] not in self.shards:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetShardIterator")
        return {"ShardIterator": f"{asked['ShardId']}/{asked.get('StartingSequenceNumber', '0')}"}

    def get_records(self, **asked: Any) -> dict[str, Any]:
        name, _, after = asked["ShardIterator"].partition("/")
        shard = self.shards[name]
        left = [record for record in shard.records if record[0] > int(after)]
        page = left[:PAGE]
        last = page[-1][0] if page else int(after)
        ended = shard.closed and len(left) <= PAGE
        return {
            "Records": [
                {"SequenceNumber": str(number), "Data": data.encode(), "ApproximateArrivalTimestamp": CREATED}
                for number, data in page
            ],
            "NextShardIterator": None if ended else f"{name}/{last}",
            "MillisBehindLatest": 0 if len(left) <= PAGE else 1000,
        }


def poll(consumer: Consumer, times: int = 1) -> Offset:
    for _ in range(times):
        consumer.relist_at = 0.0
        consumer.poll()
    return dict(consumer.position)


def data(consumer: Consumer, start: Offset, end: Offset) -> list[str]:
    return [record.data for record in consumer.between(start, end)]


actions = st.lists(
    st.tuples(st.sampled_from(["put", "put", "put", "split", "merge", "poll", "batch", "restart"]), st.integers(0, 99)),
    max_size=60,
)


@settings(max_examples=60)
@given(actions)
def test_every_record_is_planned_exactly_once_and_after_those_of_its_parents(drawn: list[tuple[str, int]]) -> None:
    kinesis = ModelKinesis()
    consumer = Consumer(kinesis, "uploads")
    committed: Offset = {}
    seen: list[str] = []
    for action, number in [*drawn, *[("poll", 0), ("batch", 0)] * 80]:
        open_shards = kinesis.open_shards()
        match action:
            case "put":
                kinesis.put_record(open_shards[number % len(open_shards)])
            case "split":
                kinesis.reshard((open_shards[number % len(open_shards)],), 2)
            case "merge" if len(open_shards) > 1:
                kinesis.reshard((open_shards[0], open_shards[1]), 1)
            case "poll":
                poll(consumer)
            case "batch":
                planned = dict(consumer.position)
                first = data(consumer, committed, planned)
                assert data(consumer, committed, planned) == first
                seen += first
                consumer.commit(planned)
                committed = planned
            case "restart":
                consumer = Consumer(kinesis, "uploads")
                consumer.start(committed)
    assert sorted(seen) == sorted(text for shard in kinesis.shards.values() for _, text in shard.records)
    for name, shard in kinesis.shards.items():
        mine = [place for place, text in enumerate(seen) if text.startswith(f"{name}:")]
        before = [place for place, text in enumerate(seen) if text.partition(":")[0] in shard.parents]
        assert not mine or not before or min(mine) > max(before)


def test_a_range_that_was_planned_before_a_restart_is_read_again_exactly() -> None:
    kinesis = ModelKinesis()
    for _ in range(7):
        kinesis.put_record("shardId-000")
    before = Consumer(kinesis, "uploads")
    start, end = poll(before, 2), poll(before, 4)
    planned = data(before, start, end)
    kinesis.put_record("shardId-000")
    after_restart = Consumer(kinesis, "uploads")
    after_restart.start(end)
    assert data(after_restart, start, end) == planned == [f"shardId-000:{number}" for number in (3, 4, 5, 6)]


def test_without_a_checkpoint_reading_starts_at_the_oldest_record() -> None:
    kinesis = ModelKinesis()
    for _ in range(3):
        kinesis.put_record("shardId-000")
    consumer = Consumer(kinesis, "uploads")
    assert len(data(consumer, {}, poll(consumer, 3))) == 3


def test_the_offset_of_a_stream_that_was_deleted_says_nothing_about_a_new_one_of_its_name() -> None:
    old = ModelKinesis()
    for _ in range(5):
        old.put_record("shardId-000")
    offset = poll(Consumer(old, "uploads"), 5)
    new = ModelKinesis(created=datetime(2026, 1, 2, tzinfo=UTC))
    new.put_record("shardId-000")
    consumer = Consumer(new, "uploads")
    consumer.start(offset)
    assert data(consumer, offset, poll(consumer)) == ["shardId-000:1"]


def test_a_shard_that_expired_is_forgotten_once_its_records_are_committed() -> None:
    kinesis = ModelKinesis()
    kinesis.put_record("shardId-000")
    kinesis.reshard(("shardId-000",), 2)
    consumer = Consumer(kinesis, "uploads")
    end = poll(consumer, 3)
    del kinesis.shards["shardId-000"]
    poll(consumer)
    assert set(consumer.position) == set(end)
    consumer.commit(end)
    assert {name.rpartition("/")[2] for name in consumer.position} == {"shardId-001", "shardId-002"}


def test_a_child_waits_for_both_of_its_parents() -> None:
    listing = [Shard("a", closed=True), Shard("b", closed=True), Shard("c", ("a", "b"))]
    assert [shard.shard_id for shard in readable(listing, set())] == ["a", "b"]
    assert [shard.shard_id for shard in readable(listing, {"a"})] == ["b"]
    assert [shard.shard_id for shard in readable(listing, {"a", "b"})] == ["c"]


def test_a_reader_travels_by_pickle_even_after_it_was_used() -> None:
    names = (
        "LANDING_BUCKET",
        "RAW_BUCKET",
        "TABLES_BUCKET",
        "LEDGER_TABLE",
        "LANDING_QUEUE_URL",
        "STREAM_NAME",
        "DATABASE",
    )
    reader = KinesisReader(Settings.from_mapping({f"LEDGERLAKE_{name}": "x" for name in names}))
    assert reader.consumer.stream == "x"
    again = pickle.loads(pickle.dumps(reader))  # noqa: S301  # our own
    assert again.settings == reader.settings
    assert again.initialOffset() == {}
