"""The stream: one Spark query over all datasets that turns upload events into micro-batches.

Two things start an apply, never both at once: the query's micro-batches, and every few seconds a sweep of raw, which
finds what failed before and what no event announced. The checkpoint only spares reading old events again.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterable, Mapping

from pyspark.sql import DataFrame, Row
from pyspark.sql.datasource import DataSource
from pyspark.sql.streaming.query import StreamingQuery

from ledgerlake.errors import ConfigurationError, LedgerlakeError
from ledgerlake.events import UploadEvent
from ledgerlake.layout import checkpoint_uri
from streaming_jobs import measures
from streaming_jobs.kinesis_source import KinesisSource
from streaming_jobs.lake import Lake
from streaming_jobs.microbatch import apply_microbatch, sweep
from streaming_jobs.sqs_source import SqsSource

logger = logging.getLogger(__name__)

SOURCES: Mapping[str, type[DataSource]] = {"kinesis": KinesisSource, "sqs": SqsSource}
"""Where upload events come from, by `settings.source`."""

SWEEP_SECONDS = 5.0
"""So often raw is looked at without an event."""

LET_IN_SECONDS = 0.02
"""Between two datasets of a sweep, so that a micro-batch never waits for more than one of them."""


def run(lake: Lake, stop: threading.Event) -> None:
    """Applies uploads until `stop` is set; a run that has begun is finished first.

    Raises:
        ConfigurationError: there is no Spark session.
        StreamingQueryException: the query ended by itself; start the process again.
    """
    turn, behind = threading.Lock(), threading.Event()
    query = start(lake, stop, turn, behind)
    logger.info("the stream is ready")
    try:
        while query.isActive and not stop.is_set():
            behind.clear()
            if not sweep_all(lake, stop, turn):
                pause(stop, behind)
        if not stop.is_set():
            query.awaitTermination()  # raises what ended it
    finally:
        stop.set()
        with turn:
            logger.info("the stream stops")
        query.stop()


def sweep_all(lake: Lake, stop: threading.Event, turn: threading.Lock) -> bool:
    """One sweep of every dataset; whether one of them had something to apply, and so may have more."""
    found = False
    try:
        for dataset in lake.contracts.names():
            if stop.wait(LET_IN_SECONDS):
                break
            with turn:
                found = bool(sweep(lake, dataset)) or found
    except LedgerlakeError as error:
        logger.warning("raw was not swept: %s", error)
    return found


def pause(stop: threading.Event, behind: threading.Event) -> None:
    """Waits for the next sweep; less where a micro-batch left something to do."""
    until = time.monotonic() + SWEEP_SECONDS
    while time.monotonic() < until and not behind.is_set() and not stop.wait(0.1):
        pass


def start(lake: Lake, stop: threading.Event, turn: threading.Lock, behind: threading.Event) -> StreamingQuery:
    """The running query.

    Each micro-batch waits for its `turn`, does nothing once `stop` is set, and sets `behind` if something that it was
    told of is not applied in the end.
    """
    if lake.spark is None:
        raise ConfigurationError("the stream needs a Spark session: see streaming_jobs.session.start_session")

    def apply(rows: DataFrame, _: int) -> None:
        arrived = rows.collect()
        with turn:
            if not stop.is_set():
                began, events = time.monotonic(), read_events(arrived)
                done = {(outcome.dataset, outcome.seq) for outcome in apply_microbatch(lake, events)}
                measures.of_microbatch(lake, time.monotonic() - began)
                if any((event.dataset, event.seq) not in done for event in events):
                    behind.set()

    source = SOURCES[lake.settings.source]
    lake.spark.dataSource.register(source)
    checkpoint = lake.settings.checkpoint or checkpoint_uri(lake.settings.tables_bucket)
    events = lake.spark.readStream.format(source.name()).option("settings", json.dumps(lake.settings.to_mapping()))
    return (
        events.load()
        .writeStream.queryName("ledgerlake")
        .foreachBatch(apply)
        .option("checkpointLocation", f"{checkpoint}/{lake.settings.source}")
        .start()
    )


def read_events(rows: Iterable[Row]) -> list[UploadEvent]:
    """The events of a micro-batch; what is none is logged and left out, since the truth is in raw."""
    events = []
    for row in rows:
        try:
            events.append(UploadEvent.from_json(row["event"]))
        except (ValueError, TypeError) as error:
            logger.warning("not an upload event, ignored: %.200r (%s)", row["event"], error)
    return events
