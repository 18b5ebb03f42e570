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
from streaming_jobs.microbatch import apply_microbatch, catch_up
from streaming_jobs.sqs_source import SqsSource

logger = logging.getLogger(__name__)

SOURCES: Mapping[str, type[DataSource]] = {"kinesis": KinesisSource, "sqs": SqsSource}
"""Where upload events come from, by `settings.source`."""

SWEEP_SECONDS = 5.0
"""So often raw is looked at without an event."""


def run(lake: Lake, stop: threading.Event) -> None:
    """Applies uploads until `stop` is set; a micro-batch that has begun is finished first.

    Raises:
        ConfigurationError: there is no Spark session.
        StreamingQueryException: the query ended by itself; start the process again.
    """
    turn = threading.Lock()
    with turn:
        sweep(lake)
    query = start(lake, stop, turn)
    logger.info("the stream is ready")
    try:
        while query.isActive and not stop.wait(SWEEP_SECONDS):
            with turn:
                sweep(lake)
        if not stop.is_set():
            query.awaitTermination()  # raises what ended it
    finally:
        stop.set()
        with turn:
            logger.info("the stream stops")
        query.stop()


def sweep(lake: Lake) -> None:
    """`catch_up`, whose failure as a whole (contracts that cannot be read) is no reason to end the stream."""
    try:
        catch_up(lake)
    except LedgerlakeError as error:
        logger.warning("raw was not swept: %s", error)


def start(lake: Lake, stop: threading.Event, turn: threading.Lock) -> StreamingQuery:
    """The running query; each micro-batch waits for its `turn`, and does nothing once `stop` is set."""
    if lake.spark is None:
        raise ConfigurationError("the stream needs a Spark session: see streaming_jobs.session.start_session")

    def apply(rows: DataFrame, _: int) -> None:
        arrived = rows.collect()
        with turn:
            if not stop.is_set():
                began = time.monotonic()
                apply_microbatch(lake, read_events(arrived))
                measures.of_microbatch(lake, time.monotonic() - began)

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
