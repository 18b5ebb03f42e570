"""The first half of a large run: each task streams one file through `validation`; what it says is staged as Parquet.

One row for each row of the file, and one summary for the file: its totals, and why it must be held, if it must.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, BinaryIO

import pyarrow as pa
from pyspark.errors import PythonException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import from_arrow_schema

from ledgerlake.aws import Aws, transient
from ledgerlake.errors import LedgerlakeError, RejectedError, TransientError
from ledgerlake.events import Manifest
from ledgerlake.settings import Settings
from streaming_jobs.driver_path import check_hash, declared, raw_body
from streaming_jobs.tallies import Tally
from tables.contract import LINEAGE, Contract
from validation.totals import add_totals, hold_reasons
from validation.validate import parts
from validation.verdict import QUARANTINED

ACCEPTED, QUARANTINED_ROW, SUMMARY = "accepted", "quarantined", "summary"
_TEXTS = pa.map_(pa.string(), pa.string())
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Summary:
    """What a task says of a whole file; `file` is None where it could not be read to its end."""

    file: Tally | None
    held: tuple[str, ...]


def schema(contract: Contract) -> pa.Schema:
    """Of a staged row: which of the three it is, the contract's columns and lineage, and what only the others have."""
    return pa.schema(
        [
            pa.field("_kind", pa.string()),
            *(pa.field(column.name, column.arrow) for column in contract.columns),
            *(each.with_nullable(True) for each in LINEAGE),  # the name of the method says it
            pa.field("_raw", pa.string()),
            pa.field("_reasons", QUARANTINED.field("reasons").type),
            pa.field("_money", _TEXTS),
            pa.field("_rows", pa.int64()),
            pa.field("_held", pa.list_(pa.string())),
        ],
    )


def stage(
    spark: SparkSession,
    settings: Settings,
    contract: Contract,
    uploads: tuple[Manifest, ...],
    folder: str,
) -> DataFrame:
    """Parses and validates the uploads on the executors, a file a task, and returns what was staged.

    Raises:
        TransientError: raw cannot be read, or is not what was accepted.
    """
    shape = from_arrow_schema(schema(contract))
    one_each = spark.range(0, len(uploads), 1, len(uploads))
    with _failures_of_tasks():
        one_each.mapInArrow(_reader(settings, contract, uploads), shape).write.mode("overwrite").parquet(folder)
    return spark.read.schema(shape).parquet(folder)


def summaries(staged: DataFrame) -> dict[int, Summary]:
    """By upload number."""
    found = {}
    for row in staged.filter(staged["_kind"] == SUMMARY).select("_seq", "_rows", "_money", "_held").collect():
        money = {name: Decimal(text) for name, text in (row["_money"] or {}).items()}
        file = None if row["_rows"] is None else Tally(row["_rows"], money)
        found[row["_seq"]] = Summary(file, tuple(row["_held"]))
    return found


@contextmanager
def _failures_of_tasks() -> Iterator[None]:
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
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def read(numbers: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        aws = Aws(settings)
        for batch in numbers:
            for number in batch["id"].to_pylist():
                yield from _rows(aws, contract, uploads[number])

    return read


def _rows(aws: Aws, contract: Contract, manifest: Manifest) -> Iterator[pa.RecordBatch]:
    """Staged rows of one file, its summary last. A file that breaks off leaves rows behind that its summary disowns."""
    totals = []
    with tempfile.TemporaryFile() as file:
        _download(aws, manifest, file)
        try:
            for part in parts(file, contract):
                totals.append(part.totals)
                accepted = {name: part.accepted[name] for name in part.accepted.column_names}
                refused = {
                    f"_{name.removeprefix('_')}": part.quarantined[name] for name in part.quarantined.column_names
                }
                yield from _staged(contract, manifest, ACCEPTED, accepted, part.accepted.num_rows)
                yield from _staged(contract, manifest, QUARANTINED_ROW, refused, part.quarantined.num_rows)
        except RejectedError as error:
            held = pa.array([[f"{error.check}: {error.message}"]], pa.list_(pa.string()))
            yield from _staged(contract, manifest, SUMMARY, {"_held": held}, 1)
            return
    found = add_totals(contract, totals)
    yield from _staged(
        contract,
        manifest,
        SUMMARY,
        {
            "_rows": pa.array([found.rows], pa.int64()),
            "_money": pa.array([{name: str(value) for name, value in found.money.items()}], _TEXTS),
            "_held": pa.array([list(hold_reasons(contract, found, declared(manifest)))], pa.list_(pa.string())),
        },
        1,
    )


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
    contract: Contract,
    manifest: Manifest,
    kind: str,
    columns: dict[str, Any],
    count: int,
) -> Iterator[pa.RecordBatch]:
    same = {"_kind": kind, "_upload_id": manifest.upload_id, "_seq": manifest.seq}
    shape = schema(contract)
    arrays = [
        pa.repeat(pa.scalar(same[field.name], field.type), count)
        if field.name in same
        else columns[field.name].cast(field.type)
        if field.name in columns
        else pa.nulls(count, field.type)
        for field in shape
    ]
    yield from pa.Table.from_arrays(arrays, schema=shape).to_batches()
