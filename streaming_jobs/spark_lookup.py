"""What a fold must know of the past, read by the executors: rows of the table, remembered events, or both."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812  # the name everybody knows it by

from ledgerlake.layout import app_id, events_table
from streaming_jobs.lookup import OPEN
from streaming_jobs.open_tables import newest
from streaming_jobs.spark_job import Job
from streaming_jobs.spark_tables import column, fitted, read, within
from tables import delta
from tables.mode import OP, UPSERT


@dataclass(frozen=True)
class Past:
    """Rows of memory, and about how many bytes of files they come from."""

    rows: DataFrame
    size: int


def memory_of(job: Job, rows: DataFrame) -> Past | None:
    """As `lookup.memory_of`: what the run's mode asks to know before it folds `rows`.

    Spark reads the very version of the table that the job was made for, and events up to its progress.
    """
    memory = job.mode.memory(job.stored)
    if memory is None:
        return None
    changes, in_rows = job.shapes.changes, job.shapes.rows
    wanted = pa.schema([(changes if name in changes.names else in_rows).field(name) for name in memory.columns])
    found, size = [], 0
    if memory.table:
        there = read(job.spark, job.uri(job.run.dataset), job.at).withColumn(OP.name, F.lit(UPSERT))
        found.append(there.filter(_still_open(job)) if memory.open_only else there)
        size += delta.size(job.data)
    if memory.events:
        name = events_table(job.run.dataset)
        size += delta.size(newest(job.lake, job.run.dataset, name))
        applied = delta.applied(job.data, app_id(job.run.dataset))
        found.append(read(job.spark, job.uri(name)).filter(F.col("_seq") <= applied))
    both = reduce(DataFrame.unionByName, [fitted(each, wanted.append(OP)) for each in found])
    return Past(both if memory.whole else _of_keys(both, rows, job), size)


def _still_open(job: Job) -> Column:
    return F.col(OPEN).isNull() | (F.col(OPEN) > F.lit(job.run.turn.at))


def _of_keys(past: DataFrame, rows: DataFrame, job: Job) -> DataFrame:
    """The rows of `past` whose keys are in the run."""
    key = job.contract.primary_key
    keys = rows.select(*(column(name).alias(f"_sought{at}") for at, name in enumerate(key)))
    same = [column(name).eqNullSafe(F.col(f"_sought{at}")) for at, name in enumerate(key)]
    near = past.filter(within(rows, job.shapes.rows, key))
    return near.join(keys, reduce(Column.__and__, same), "left_semi")
