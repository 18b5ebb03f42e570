"""The sources' readers against the emulator, without Spark: what its engine would ask for, in its order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from streaming_jobs.kinesis_source import KinesisReader, Records
from streaming_jobs.sqs_source import SqsReader


@pytest.fixture
def settings(fresh_cloud: Any) -> Any:
    return replace(fresh_cloud.settings, poll_millis=1)


def rows(reader: Any, start: dict[str, str], end: dict[str, str]) -> list[str]:
    return sorted(row[0] for part in reader.partitions(start, end) if isinstance(part, Records) for row in part.rows)


def put(cloud: Any, *events: str) -> None:
    for event in events:
        cloud.aws.kinesis.put_record(StreamName=cloud.settings.stream_name, PartitionKey=event, Data=event.encode())


def test_kinesis_records_come_once_in_planned_ranges(fresh_cloud: Any, settings: Any) -> None:
    reader = KinesisReader(settings)
    start = reader.initialOffset()
    put(fresh_cloud, "a", "b", "c")
    middle = reader.latestOffset()
    put(fresh_cloud, "d")
    end = reader.latestOffset()
    assert rows(reader, start, middle) == ["a", "b", "c"]
    reader.commit(middle)
    assert rows(reader, middle, end) == ["d"]
    assert rows(reader, end, end) == []


def test_a_new_reader_reads_a_planned_range_again_and_goes_on(fresh_cloud: Any, settings: Any) -> None:
    first = KinesisReader(settings)
    put(fresh_cloud, *"abcdefgh")
    start = first.latestOffset()
    put(fresh_cloud, *"ijklmnop")
    end = first.latestOffset()
    put(fresh_cloud, *"qrst")
    second = KinesisReader(settings)
    assert rows(second, start, end) == list("ijklmnop")
    assert rows(second, end, second.latestOffset()) == list("qrst")


def test_records_put_before_and_after_a_merge_of_shards_arrive(fresh_cloud: Any, settings: Any) -> None:
    reader = KinesisReader(settings)
    put(fresh_cloud, *"abcdefgh")
    start = reader.latestOffset()
    put(fresh_cloud, *"ijkl")
    names = [each["ShardId"] for each in shards(fresh_cloud)]
    both = {"ShardToMerge": names[0], "AdjacentShardToMerge": names[1]}
    fresh_cloud.aws.kinesis.merge_shards(StreamName=settings.stream_name, **both)
    put(fresh_cloud, *"mnop")
    reader.consumer.relist_at = 0.0
    for _ in range(4):
        end = reader.latestOffset()
    # The emulator copies a closed shard's records into its child as well: at least once, as promised.
    assert set(rows(reader, start, end)) >= set("ijklmnop")


def test_records_put_after_a_split_of_a_shard_arrive(fresh_cloud: Any, settings: Any) -> None:
    reader = KinesisReader(settings)
    put(fresh_cloud, "a")
    reader.latestOffset()
    shard = shards(fresh_cloud)[0]
    low, high = (int(shard["HashKeyRange"][f"{end}HashKey"]) for end in ("Starting", "Ending"))
    start = reader.latestOffset()
    halves = {"ShardToSplit": shard["ShardId"], "NewStartingHashKey": str((low + high) // 2)}
    fresh_cloud.aws.kinesis.split_shard(StreamName=settings.stream_name, **halves)
    put(fresh_cloud, *"ijklmnop")
    reader.consumer.relist_at = 0.0
    for _ in range(4):
        end = reader.latestOffset()
    assert set(rows(reader, start, end)) >= set("ijklmnop")


def shards(cloud: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cloud.aws.kinesis.list_shards(StreamName=cloud.settings.stream_name)["Shards"]
    return found


def send(cloud: Any, *bodies: str) -> None:
    for body in bodies:
        cloud.aws.sqs.send_message(QueueUrl=cloud.settings.events_queue_url, MessageBody=body)


def left_in_queue(cloud: Any) -> int:
    url, names = (
        cloud.settings.events_queue_url,
        ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )
    counts = cloud.aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(count) for count in counts.values())


def test_an_sqs_message_is_deleted_only_once_its_batch_is_done(fresh_cloud: Any, settings: Any) -> None:
    reader = SqsReader(settings)
    start = reader.initialOffset()
    send(fresh_cloud, *(f"{number:02}" for number in range(25)))
    end = reader.latestOffset()
    assert rows(reader, start, end) == [f"{number:02}" for number in range(25)]
    assert reader.latestOffset() == end
    assert left_in_queue(fresh_cloud) == 25
    reader.commit(end)
    assert left_in_queue(fresh_cloud) == 0


def test_sqs_batches_do_not_overlap(fresh_cloud: Any, settings: Any) -> None:
    reader = SqsReader(settings)
    send(fresh_cloud, "a")
    first = reader.latestOffset()
    send(fresh_cloud, "b")
    second = reader.latestOffset()
    assert rows(reader, reader.initialOffset(), first) == ["a"]
    assert rows(reader, first, second) == ["b"]
    reader.commit(first)
    assert left_in_queue(fresh_cloud) == 1


def test_an_sqs_range_planned_before_a_restart_is_empty_and_nothing_is_deleted(fresh_cloud: Any, settings: Any) -> None:
    before = SqsReader(settings)
    send(fresh_cloud, "a")
    end = before.latestOffset()
    after = SqsReader(settings)
    assert rows(after, before.initialOffset(), end) == []
    assert after.latestOffset() == end
    after.commit(end)
    assert left_in_queue(fresh_cloud) == 1
