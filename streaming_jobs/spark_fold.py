"""The fold of a large run: the mode's own function, on the executors, on the rows of some keys at a time.

Rows and what must be known of the past are put into buckets by a hash of their key, so that a bucket has all of its
keys and fits a worker. What the folds say is staged as Parquet and read from there by everything that follows: a
MERGE reads its source twice, and must see the same rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812  # the name everybody knows it by
from pyspark.sql.pandas.types import from_arrow_schema

from streaming_jobs import spark_tallies
from streaming_jobs.spark_job import Job, Shapes
from streaming_jobs.spark_lookup import Past
from streaming_jobs.spark_tables import column, fitted
from streaming_jobs.spark_tallies import Counted
from streaming_jobs.staging import failures_of_tasks
from streaming_jobs.tallies import Tally, tallies
from tables.contract import Contract
from tables.mode import DELETE, OP, Turn
from tables.modes import MODES

BUCKET_BYTES = 16 << 20
"""Files of a bucket: as Arrow, and with what a fold makes of it, about twenty times as much memory."""

MAX_BUCKETS = 1 << 14
CHANGES, DELETES, EVENTS, TALLIES = "changes", "deletes", "events", "tallies"
_RUN = 0
"""The upload number of what is counted of a run as a whole; uploads count from 1."""


@dataclass(frozen=True)
class Folded:
    """What a run does (`tables.mode.Fold`), staged. `counted` has the fates of its rows, by upload number and part."""

    changes: DataFrame
    events: DataFrame
    counted: Counted

    def has(self, part: str) -> bool:
        """Whether there are `CHANGES`, `DELETES` among them, or `EVENTS`."""
        return self.counted.get(_RUN, {}).get(part, Tally(0, {})).rows > 0


def fold(job: Job, rows: DataFrame, past: Past | None, folder: str) -> Folded:
    """Folds accepted rows, and stages what comes of it in `folder`.

    Raises:
        LedgerlakeError: a task failed.
    """
    by_key = past is not None or job.mode.needs.primary_key
    folded = _by_key(job, rows, past) if by_key else _by_batch(job, rows)
    with failures_of_tasks():
        folded.write.mode("overwrite").partitionBy("_kind").parquet(folder)
    there = job.spark.read.schema(from_arrow_schema(_shape(job.shapes))).parquet(folder)
    return Folded(
        fitted(there.filter(F.col("_kind") == CHANGES), job.shapes.changes),
        fitted(there.filter(F.col("_kind") == EVENTS), job.shapes.events),
        spark_tallies.added_up(there.filter(F.col("_kind") == TALLIES), job.contract.money),
    )


def _by_batch(job: Job, rows: DataFrame) -> DataFrame:
    """For a mode that decides about each row alone."""
    each = partial(_fold_batches, job.stored, job.run.turn, job.shapes)
    return rows.mapInArrow(each, from_arrow_schema(_shape(job.shapes)))


def _by_key(job: Job, rows: DataFrame, past: Past | None) -> DataFrame:
    count = _buckets(job, job.run.size + (past.size if past else 0))
    bucket = F.pmod(F.hash(*map(column, job.contract.primary_key)), F.lit(count))  # a null leaves the hash as it is
    contract, turn, shapes = job.stored, job.run.turn, job.shapes
    result = from_arrow_schema(_shape(shapes))
    left = rows.withColumn("_bucket", bucket).groupBy("_bucket")
    if past is None:  # a lambda, as PySpark reads the type hints of what has some, and cannot read those of a partial
        return left.applyInArrow(lambda these: _folded(contract, turn, shapes, these, None), result)
    right = past.rows.withColumn("_bucket", bucket).groupBy("_bucket")
    return left.cogroup(right).applyInArrow(partial(_fold_both, contract, turn, shapes), result)


def _buckets(job: Job, size: int) -> int:
    """Several for each task, or chance gives one task two and another none."""
    tasks = int(job.spark.conf.get("spark.sql.shuffle.partitions") or 1)
    return min(max(-(-size // BUCKET_BYTES), 4 * tasks), MAX_BUCKETS)


# On the executors


def _fold_batches(
    contract: Contract, turn: Turn, shapes: Shapes, batches: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield from _folded(contract, turn, shapes, pa.Table.from_batches([batch]), None).to_batches()


def _fold_both(contract: Contract, turn: Turn, shapes: Shapes, rows: pa.Table, past: pa.Table) -> pa.Table:
    return _folded(contract, turn, shapes, rows, past.drop_columns(["_bucket"]))


def _folded(contract: Contract, turn: Turn, shapes: Shapes, rows: pa.Table, past: pa.Table | None) -> pa.Table:
    """What the mode makes of a bucket, as rows of `_shape`."""
    rows = rows.select(shapes.rows.names).cast(shapes.rows)
    found = MODES[contract.mode].fold(rows, past, contract, turn)
    events = shapes.events.empty_table() if found.events is None else found.events
    counts = [
        (seq, fate.name.lower(), each) for (seq, fate), each in tallies(found.fates, rows, contract.money).items()
    ]
    counts += [
        (_RUN, part, Tally(number, {}))
        for part, number in (
            (CHANGES, found.changes.num_rows),
            (DELETES, pc.sum(pc.equal(found.changes[OP.name], DELETE)).as_py() or 0),
            (EVENTS, events.num_rows),
        )
    ]
    shape = _shape(shapes)
    kinds = ((CHANGES, found.changes), (EVENTS, events), (TALLIES, spark_tallies.to_arrow(counts)))
    return pa.concat_tables([_as(shape, kind, each) for kind, each in kinds])


def _shape(shapes: Shapes) -> pa.Schema:
    """Of a staged row: a change, an event or a tally, and what any of the three has; last which it is."""
    fields = {each.name: each for schema in (shapes.changes, shapes.events, spark_tallies.SCHEMA) for each in schema}
    lax = [each.with_nullable(True) for each in fields.values()]  # the name of the method says it
    return pa.schema([*lax, pa.field("_kind", pa.string())])


def _as(shape: pa.Schema, kind: str, rows: pa.Table) -> pa.Table:
    columns = [
        pa.repeat(kind, rows.num_rows)
        if each.name == "_kind"
        else rows[each.name].cast(each.type)
        if each.name in rows.column_names
        else pa.nulls(rows.num_rows, each.type)
        for each in shape
    ]
    return pa.Table.from_arrays(columns, schema=shape)
