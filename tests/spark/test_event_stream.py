"""Spark drives the sources: events reach a micro-batch fast, and exactly once as long as the checkpoint is kept."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.datasource import DataSource

from streaming_jobs.kinesis_source import KinesisSource
from streaming_jobs.sqs_source import SqsSource

SOURCES: dict[str, type[DataSource]] = {"kinesis": KinesisSource, "sqs": SqsSource}


@contextmanager
def streaming(spark: SparkSession, settings: Any, checkpoint: Path, seen: list[str]) -> Iterator[None]:
    source = SOURCES[settings.source]
    spark.dataSource.register(source)

    def keep(rows: DataFrame, _: int) -> None:
        seen.extend(row["event"] for row in rows.collect())

    rows = spark.readStream.format(source.name()).option("settings", json.dumps(settings.to_mapping())).load()
    query = rows.writeStream.foreachBatch(keep).option("checkpointLocation", checkpoint.as_uri()).start()
    try:
        yield
    finally:
        query.stop()


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> float:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "waited in vain"
        time.sleep(0.01)
    return time.monotonic() - began


def ring(cloud: Any, source: str, *events: str) -> None:
    for event in events:
        if source == "sqs":
            cloud.aws.sqs.send_message(QueueUrl=cloud.settings.events_queue_url, MessageBody=event)
        else:
            stream = cloud.settings.stream_name
            cloud.aws.kinesis.put_record(StreamName=stream, PartitionKey=event, Data=event.encode())


@pytest.mark.parametrize("source", sorted(SOURCES))
def test_events_arrive_within_a_second_and_a_restart_goes_on(
    spark: SparkSession,
    fresh_cloud: Any,
    tmp_path: Path,
    source: str,
) -> None:
    settings = replace(fresh_cloud.settings, source=source)
    seen: list[str] = []
    with streaming(spark, settings, tmp_path, seen):
        ring(fresh_cloud, source, "first")
        wait_for(lambda: seen == ["first"])
        waits = []
        for number in range(8):
            ring(fresh_cloud, source, str(number))
            waits.append(wait_for(lambda: seen[-1] == str(number)))  # noqa: B023  # called at once
    assert sorted(waits)[len(waits) // 2] < 1.5
    ring(fresh_cloud, source, "while it was down")
    again: list[str] = []
    with streaming(spark, settings, tmp_path, again):
        wait_for(lambda: "while it was down" in again)
    assert again in (["while it was down"], ["7", "while it was down"])  # stopped before it noted that 7 was done


def test_without_its_checkpoint_kinesis_tells_everything_again(
    spark: SparkSession,
    fresh_cloud: Any,
    tmp_path: Path,
) -> None:
    for checkpoint in ("first", "second"):
        seen: list[str] = []
        ring(fresh_cloud, "kinesis", checkpoint)
        with streaming(spark, fresh_cloud.settings, tmp_path / checkpoint, seen):
            wait_for(lambda: checkpoint in seen)  # noqa: B023  # called at once
    assert sorted(seen) == ["first", "second"]
