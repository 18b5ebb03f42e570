"""The first half of a large run: each task streams one file through `validation`; what it says is staged as Parquet.

One row for each row of the file, and one summary for the file: its totals, and why it must be held, if it must.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, BinaryIO

import pyarrow as pa
from pyspark.errors import PythonException
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import from_arrow_schema

from ledgerlake.aws import Aws, transient
from ledgerlake.errors import LedgerlakeError, RejectedError, TransientError
from ledgerlake.events import Manifest
from ledgerlake.settings import Settings
from streaming_jobs.driver_path import check_hash, declared, judging, raw_body
from streaming_jobs.facts import Facts
from streaming_jobs.spark_job import Job
from streaming_jobs.tallies import Tally
from tables.contract import Contract
from validation.totals import add_totals, hold_reasons
from validation.validate import parts
from validation.verdict import QUARANTINED, Flag, add_flags, rules_that_hold, warnings

ACCEPTED, QUARANTINED_ROW, SUMMARY = "accepted", "quarantined", "summary"
_TEXTS = pa.map_(pa.string(), pa.string())
_COUNTS = pa.map_(pa.string(), pa.int64())
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Summary:
    """What a task says of a whole file; `file` is None where it could not be read to its end.

    `refused` of its rows go to quarantine, unless it is `held`; `warnings` and `notes` are as those of an outcome.
    `waived` is what would hold it, had nobody released it.
    """

    file: Tally | None
    refused: int
    held: tuple[str, ...]
    warnings: Mapping[str, int] = field(default_factory=dict)
    waived: tuple[str, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def accepted(self) -> int:
        """Rows that are merged, or found to be superseded or doubled."""
        return 0 if self.held or self.file is None else self.file.rows - self.refused


def schema(rows: pa.Schema) -> pa.Schema:
    """Of a staged row: which of the three it is, the columns of an accepted `rows`, and what only the others have."""
    return pa.schema(
        [
            pa.field("_kind", pa.string()),
            *(each.with_nullable(True) for each in rows),  # the name of the method says it
            pa.field("_raw", pa.string()),
            pa.field("_reasons", QUARANTINED.field("reasons").type),
            pa.field("_money", _TEXTS),
            pa.field("_rows", pa.int64()),
            pa.field("_refused", pa.int64()),
            pa.field("_held", pa.list_(pa.string())),
            pa.field("_warned", _COUNTS),
            pa.field("_notes", _TEXTS),
        ],
    )


def stage(job: Job, folder: str) -> DataFrame:
    """Parses and validates the uploads on the executors, a file a task, and returns what was staged.

    Accepted rows have the types that the table has.

    Raises:
        TransientError: raw cannot be read, or is not what was accepted.
        LedgerlakeError: a task failed, for example because a value does not fit the table.
    """
    staged, uploads = schema(job.shapes.rows), job.run.uploads
    shape = from_arrow_schema(staged)
    one_each = job.spark.range(0, len(uploads), 1, len(uploads))
    with failures_of_tasks():
        read = one_each.mapInArrow(_reader(job.lake.settings, job.contract, uploads, staged, job.facts), shape)
        read.write.mode("overwrite").parquet(folder)
    return job.spark.read.schema(shape).parquet(folder)


def summaries(staged: DataFrame) -> dict[int, Summary]:
    """By upload number."""
    found = {}
    said = ("_seq", "_rows", "_refused", "_money", "_held", "_warned", "_notes")
    for row in staged.filter(staged["_kind"] == SUMMARY).select(*said).collect():
        money = {name: Decimal(text) for name, text in (row["_money"] or {}).items()}
        file = None if row["_rows"] is None else Tally(row["_rows"], money)
        found[row["_seq"]] = Summary(
            file, row["_refused"] or 0, tuple(row["_held"]), row["_warned"] or {}, notes=row["_notes"] or {}
        )
    return found


@contextmanager
def failures_of_tasks() -> Iterator[None]:
    """Spark wraps what a task raises into a text; makes it again what it was."""
    try:
        yield
    except PythonException as error:
        raised = str(error).strip().splitlines()
        ours = [line for line in raised if line.startswith("ledgerlake.errors.")]
        if ours and ours[-1].startswith("ledgerlake.errors.TransientError: "):
            raise TransientError(ours[-1].partition(": ")[2]) from error
        raise LedgerlakeError(f"a task on the executors failed: {(ours or raised)[-1]}") from error


def _reader(
    settings: Settings,
    contract: Contract,
    uploads: tuple[Manifest, ...],
    shape: pa.Schema,
    facts: Facts,
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def read(numbers: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        aws = Aws(settings)
        for batch in numbers:
            for number in batch["id"].to_pylist():
                yield from _rows(aws, contract, uploads[number], shape, facts)

    return read


def _rows(aws: Aws, contract: Contract, manifest: Manifest, shape: pa.Schema, facts: Facts) -> Iterator[pa.RecordBatch]:
    """Staged rows of one file, its summary last. A file that breaks off leaves rows behind that its summary disowns."""
    totals, refused, contract = [], 0, judging(contract, manifest)
    flags: list[Flag] = []
    with tempfile.TemporaryFile() as file:
        _download(aws, manifest, file)
        try:
            for part in parts(file, contract, facts.known(manifest)):
                totals.append(part.totals)
                flags += part.flags
                refused += part.quarantined.num_rows
                good = {name: part.accepted[name] for name in part.accepted.column_names}
                bad = {f"_{name.removeprefix('_')}": part.quarantined[name] for name in part.quarantined.column_names}
                yield from _staged(shape, manifest, ACCEPTED, good, part.accepted.num_rows)
                yield from _staged(shape, manifest, QUARANTINED_ROW, bad, part.quarantined.num_rows)
        except RejectedError as error:
            held = pa.array([[f"{error.check}: {error.message}"]], pa.list_(pa.string()))
            yield from _staged(shape, manifest, SUMMARY, {"_held": held}, 1)
            return
    found, flagged = add_totals(contract, totals), add_flags(flags)
    reasons = [*hold_reasons(contract, found, declared(manifest)), *rules_that_hold(flagged)]
    summary = {
        "_rows": pa.array([found.rows], pa.int64()),
        "_refused": pa.array([refused], pa.int64()),
        "_money": pa.array([{name: str(value) for name, value in found.money.items()}], _TEXTS),
        "_held": pa.array([reasons], pa.list_(pa.string())),
        "_warned": pa.array([warnings(flagged)], _COUNTS),
        "_notes": pa.array([found.notes], _TEXTS),
    }
    yield from _staged(shape, manifest, SUMMARY, summary, 1)


def _download(aws: Aws, manifest: Manifest, file: BinaryIO) -> None:
    """To a local file, proved to be what was accepted before anything of it is parsed."""
    digest = hashlib.sha256()
    with transient(f"read {manifest.raw_key}"):
        for chunk in raw_body(aws, manifest).iter_chunks(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
    check_hash(digest.hexdigest(), manifest)
    file.seek(0)


def _staged(
    shape: pa.Schema,
    manifest: Manifest,
    kind: str,
    columns: dict[str, Any],
    count: int,
) -> Iterator[pa.RecordBatch]:
    same = {"_kind": kind, "_upload_id": manifest.upload_id, "_seq": manifest.seq}
    arrays = [
        pa.repeat(pa.scalar(same[field.name], field.type), count)
        if field.name in same
        else columns[field.name].cast(field.type)
        if field.name in columns
        else pa.nulls(count, field.type)
        for field in shape
    ]
    yield from pa.Table.from_arrays(arrays, schema=shape).to_batches()
