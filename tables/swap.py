"""Swaps files of a table for others with the same rows, in one commit that says so: `dataChange: false`, as OPTIMIZE.

No row is inserted, updated or deleted, so that the change feed has nothing to tell. Progress (`txn`) stays as it is,
and earlier versions keep their own files. Until the commit nobody sees the files that were written, and a VACUUM
removes those of a crash.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyarrow.fs import FileSystem

from ledgerlake.aws import Aws, ClientError, error_code, transient
from ledgerlake.clock import utc_now
from ledgerlake.errors import TransientError
from ledgerlake.settings import Settings
from tables import delta
from tables.statistics import FLOAT_DIGITS
from tables.types import plain

BATCH_ROWS = 65_536
_TEXT = 128
"""Longer texts are no bounds of a file."""
_MILLI = timedelta(milliseconds=1)
_TAKEN = {"PreconditionFailed", "412", "ConditionalRequestConflict", "409"}

File = Mapping[str, Any]
"""Of the table at the handle's version: `path` (as in the log), `size_bytes`, `num_records`, `partition`, bounds."""


def files_in(handle: delta.DeltaTable) -> list[File]:
    """The files that make up the table."""
    return [dict(each) for each in pa.table(handle.get_add_actions()).to_pylist()]


def rows_in(files: FileSystem, file: File, there: pa.Schema, wanted: pa.Schema) -> Iterator[pa.Table]:
    """The rows of a file in `wanted` columns, cast by way of the types of `there`; null where it has no such column."""
    fragment = ds.ParquetFileFormat().make_fragment(unquote(file["path"]), files)
    for batch in fragment.scanner(batch_size=BATCH_ROWS).to_batches():
        rows = plain(pa.Table.from_batches([batch]))
        columns = [
            rows[each.name].cast(there.field(each.name).type).cast(each.type)
            if each.name in rows.column_names
            else pa.nulls(rows.num_rows, each.type)
            for each in wanted
        ]
        yield pa.Table.from_arrays(columns, schema=wanted)


def write(files: FileSystem, kind: str, parts: Iterable[pa.Table], schema: pa.Schema) -> tuple[str, int]:
    """A new file with these rows, and bounds of each page for readers of few; `kind` begins its name. Path and size."""
    path = f"{kind}-{uuid.uuid4().hex}.snappy.parquet"
    with files.open_output_stream(path) as sink, pq.ParquetWriter(sink, schema, write_page_index=True) as writer:
        for part in parts:
            writer.write_table(part)
    return path, files.get_file_info(path).size


def add(path: str, size: int, like: File, statistics: Mapping[str, Any]) -> dict[str, Any]:
    """The action that adds a file to the partition of another."""
    return {
        "add": {
            "path": path,
            "partitionValues": partition_texts(like),
            "size": size,
            "modificationTime": _millis(),
            "dataChange": False,
            "stats": json.dumps(statistics),
        },
    }


def _remove(file: File) -> dict[str, Any]:
    return {
        "remove": {
            "path": file["path"],
            "deletionTimestamp": _millis(),
            "dataChange": False,
            "extendedFileMetadata": True,
            "partitionValues": partition_texts(file),
            "size": file["size_bytes"],
        },
    }


# What the log says of a file


def known(file: File) -> dict[str, Any]:
    """The statistics of a file that has the rows of another: its values are the same, and so are its bounds."""
    return _statistics(
        file["num_records"],
        file.get("min") or {},
        file.get("max") or {},
        {name: count for name, count in (file.get("null_count") or {}).items() if count is not None},
    )


def counted(rows: pa.Table) -> dict[str, Any]:
    """The statistics of a file with these rows."""
    ends = {
        each.name: pc.min_max(rows[each.name]).as_py()
        for each in rows.schema
        if not pa.types.is_nested(each.type) and not pa.types.is_boolean(each.type)
    }
    return _statistics(
        rows.num_rows,
        {name: each["min"] for name, each in ends.items()},
        {name: each["max"] for name, each in ends.items()},
        {name: rows[name].null_count for name in ends},
    )


def _statistics(
    records: int | None,
    low: Mapping[str, Any],
    high: Mapping[str, Any],
    nulls: Mapping[str, int],
) -> dict[str, Any]:
    exact = {name for name in low if _is_bound(low[name]) and _is_bound(high.get(name))}
    found = {
        "numRecords": records,
        "minValues": {name: _bound(low[name]) for name in low if name in exact},
        "maxValues": {name: _bound(high[name], up=True) for name in high if name in exact},
        "nullCount": dict(nulls),
    }
    return {name: value for name, value in found.items() if value is not None}


def _is_bound(value: Any) -> bool:
    """Whether JSON holds it exactly or, of a time, a bound beyond it: of other values a file has none, and is read."""
    if isinstance(value, Decimal):
        return len(value.as_tuple().digits) <= FLOAT_DIGITS
    if isinstance(value, str):
        return len(value) <= _TEXT
    if isinstance(value, datetime):
        return value <= datetime.max.replace(tzinfo=value.tzinfo) - _MILLI
    return isinstance(value, int | date) and not isinstance(value, bool)


def _bound(value: Any, *, up: bool = False) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):  # Spark knows milliseconds only
        part = value.microsecond % 1000
        moved = value - timedelta(microseconds=part) + (_MILLI if up and part else timedelta(0))
        return f"{moved.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
    return value.isoformat() if isinstance(value, date) else value


def partition_texts(file: File) -> dict[str, str | None]:
    """The file's values of partition columns as the Delta protocol writes them."""
    return {name: _partition_text(value) for name, value in (file.get("partition") or {}).items()}


def _partition_text(value: Any) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return str(value).lower()
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"
        case date():
            return value.isoformat()
        case _:
            return str(value)


# The commit


def swap(  # noqa: PLR0913, PLR0917  # which table, what for what, and in whose words
    handle: delta.DeltaTable,
    uri: str,
    settings: Settings,
    old: Iterable[File],
    new: Iterable[Mapping[str, Any]],
    said: Mapping[str, Any],
    *more: Mapping[str, Any],
) -> None:
    """Commits `new` (of `add`) in place of `old`, with `more` actions; `said` is its `userMetadata`.

    Raises:
        TransientError: another commit came first, or the storage cannot be reached.
    """
    _commit(uri, settings, handle.version() + 1, [_info(handle, said), *more, *map(_remove, old), *new])
    delta.refresh(handle)


def _info(handle: delta.DeltaTable, said: Mapping[str, Any]) -> dict[str, Any]:
    info = {
        "timestamp": _millis(),
        "operation": "REWRITE",
        "operationParameters": {},
        "readVersion": handle.version(),
        "isolationLevel": "Serializable",
        "isBlindAppend": False,
        "engineInfo": "ledgerlake",
        "userMetadata": json.dumps(said, sort_keys=True),
    }
    return {"commitInfo": info}


def _commit(uri: str, settings: Settings, version: int, actions: Iterable[Mapping[str, Any]]) -> None:
    """Puts the version unless there is one: a reply that was lost shows as one that came first, and is no harm."""
    bucket, _, folder = uri.removeprefix("s3://").partition("/")
    step = f"rewrite {uri} as version {version}"
    try:
        with transient(step):
            Aws(settings).s3.put_object(
                Bucket=bucket,
                Key=f"{folder}/_delta_log/{version:020d}.json",
                Body="".join(f"{json.dumps(each)}\n" for each in actions).encode(),
                IfNoneMatch="*",
            )
    except ClientError as error:
        if error_code(error) not in _TAKEN:
            raise
        raise TransientError(f"{step}: another commit came first; plan again") from error


def _millis() -> int:
    return int(utc_now().timestamp() * 1000)
