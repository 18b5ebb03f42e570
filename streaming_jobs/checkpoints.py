"""Keeps the logs of the tables short to read: without checkpoints every commit makes each later one dearer.

Spark writes them, for Trino and Athena cannot be relied on to read those of deltalake (trinodb/trino#18760). They are
no commits: nothing depends on when, how often or by whom they are written.
"""

from __future__ import annotations

from dataclasses import replace

from pyspark.sql import SparkSession

from ledgerlake.layout import table_uri
from streaming_jobs.lake import Lake
from streaming_jobs.open_tables import Opened, spark_uri
from streaming_jobs.session import large_path_problem

EVERY = 50
"""Commits after which a log is worth a checkpoint, which costs about a second."""

QUIET = 5
"""As `EVERY`, of a table that nobody waits for: it has had no commit since the last look. Each one beyond the last
checkpoint makes the table about a millisecond slower to open, for every reader."""


def shorten(lake: Lake, dataset: str) -> tuple[str, ...]:
    """Writes a checkpoint of each table whose log grew by `EVERY` commits since `dataset` opened it; returns them.

    `QUIET` are enough for a table as the last call left it. Call it between runs, again and again. Without a Spark
    that is fit to write, nothing happens.
    """
    there = {table: opened for (owner, table), opened in lake.handles.items() if owner == dataset}
    long = tuple(table for table, opened in there.items() if _is_long(opened))
    for table, opened in there.items():
        lake.handles[dataset, table] = replace(opened, seen=opened.handle.version())
    if not long or lake.spark is None or large_path_problem(lake.spark) is not None:
        return ()
    for table in long:
        _checkpoint(lake.spark, spark_uri(table_uri(lake.settings.tables_bucket, table)))
        del lake.handles[dataset, table]  # only a table opened anew reads less
    return long


def _is_long(opened: Opened) -> bool:
    version = opened.handle.version()
    return bool(version - opened.at >= (QUIET if version == opened.seen else EVERY))


def _checkpoint(spark: SparkSession, uri: str) -> None:
    nothing = spark._jvm.scala.Option.empty()  # type: ignore[union-attr]  # noqa: SLF001  # Delta has no Python API for it
    log = spark._jvm.org.apache.spark.sql.delta.DeltaLog.forTable(spark._jsparkSession, uri)  # type: ignore[union-attr]  # noqa: SLF001
    log.update(False, nothing, nothing)  # by the order of its parameters
    log.checkpoint()
