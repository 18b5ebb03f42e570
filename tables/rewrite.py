"""Gives columns of a table wider types, in one commit: every file is written again, and nothing else happens.

The safe features (reader 1, writer 4) know no change of a column's type in place. So each file is copied with its
values cast, digit by digit, and one commit swaps the files, the schema and the CHECKs. It says `dataChange: false`,
as OPTIMIZE does: no row is inserted, updated or deleted, so that the change feed has nothing to tell. Progress (`txn`)
stays as it is, and earlier versions keep their own files and types.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyarrow.fs import FileSystem

from ledgerlake.aws import Aws, ClientError, error_code, transient
from ledgerlake.clock import utc_now
from ledgerlake.errors import TransientError
from ledgerlake.settings import Settings
from tables import delta
from tables.delta import log
from tables.statistics import FLOAT_DIGITS
from tables.types import plain

SCHEMA = "ledgerlake.rewrite/1"
"""Of the commit's `userMetadata`."""

PARALLEL = 4
"""Files written at once."""

BATCH_ROWS = 65_536
_TAKEN = {"PreconditionFailed", "412", "ConditionalRequestConflict", "409"}
File = Mapping[str, Any]
"""Of the table at the handle's version: `path` (as in the log), `size_bytes`, `num_records`, `partition`, bounds."""


def widen(
    handle: delta.DeltaTable,
    uri: str,
    settings: Settings,
    types: Mapping[str, pa.DataType],
    properties: Mapping[str, str],
) -> None:
    """Rewrites the table so that columns have these wider types, and sets properties, in one commit.

    Safe to repeat: until the commit, nobody sees the files that were written, and a VACUUM removes those of a crash;
    after it there is nothing to do.

    Raises:
        TransientError: another commit came first, or the storage cannot be reached: plan again.
    """
    there = delta.schema(handle)
    wanted = pa.schema([each.with_type(types.get(each.name, each.type)) for each in there])
    if wanted.types == there.types:
        return
    files, old = log.files_of(uri, settings), files_in(handle)
    copy = partial(_copied, files, handle.metadata().partition_columns, there, wanted)
    with transient(f"rewrite {uri}"), ThreadPoolExecutor(PARALLEL) as pool:
        new = list(pool.map(copy, old))
    said = {
        "schema": SCHEMA,
        "rows": sum(each["num_records"] or 0 for each in old),
        "columns": {name: [str(there.field(name).type), str(kind)] for name, kind in types.items()},
    }
    actions = [_info(handle, said), _metadata(handle, wanted, properties), *map(_removed, old), *new]
    _commit(uri, settings, handle.version() + 1, actions)
    delta.refresh(handle)


def files_in(handle: delta.DeltaTable) -> list[File]:
    """The files that make up the table."""
    return [dict(each) for each in pa.table(handle.get_add_actions()).to_pylist()]


def _copied(
    files: FileSystem,
    partitions: list[str],
    there: pa.Schema,
    wanted: pa.Schema,
    file: File,
) -> dict[str, Any]:
    """Writes a file again; its `add` action."""
    path = f"widened-{uuid.uuid4().hex}.snappy.parquet"
    inside = pa.schema([each for each in wanted if each.name not in partitions])
    fragment = ds.ParquetFileFormat().make_fragment(unquote(file["path"]), files)
    with files.open_output_stream(path) as sink, pq.ParquetWriter(sink, inside) as writer:
        for batch in _cast(fragment, inside, there):
            writer.write_table(batch)
    return {
        "add": {
            "path": path,
            "partitionValues": _partition(file),
            "size": files.get_file_info(path).size,
            "modificationTime": _millis(),
            "dataChange": False,
            "stats": json.dumps(_statistics(file)),
        },
    }


def _cast(fragment: ds.Fragment, inside: pa.Schema, there: pa.Schema) -> Iterator[pa.Table]:
    for batch in fragment.scanner(batch_size=BATCH_ROWS).to_batches():
        rows = plain(pa.Table.from_batches([batch]))
        columns = [
            rows[each.name].cast(there.field(each.name).type).cast(each.type)
            if each.name in rows.column_names
            else pa.nulls(rows.num_rows, each.type)
            for each in inside
        ]
        yield pa.Table.from_arrays(columns, schema=inside)


def _statistics(file: File) -> dict[str, Any]:
    """What the log knew of the old file: the values are the same, and so are their bounds."""
    found = {
        "numRecords": file["num_records"],
        "minValues": _bounds(file.get("min")),
        "maxValues": _bounds(file.get("max")),
        "nullCount": {name: count for name, count in (file.get("null_count") or {}).items() if count is not None},
    }
    return {name: value for name, value in found.items() if value is not None}


def _bounds(values: Mapping[str, Any] | None) -> dict[str, Any]:
    """Bounds that JSON holds exactly: of the others a file has none, and is read."""
    return {name: _bound(value) for name, value in (values or {}).items() if _is_exact(value)}


def _is_exact(value: Any) -> bool:
    if isinstance(value, Decimal):
        return len(value.as_tuple().digits) <= FLOAT_DIGITS
    return isinstance(value, int | str | date) and not isinstance(value, bool | datetime)


def _bound(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date) else value


def _partition(file: File) -> dict[str, str | None]:
    return {name: _partition_text(value) for name, value in (file.get("partition") or {}).items()}


def _partition_text(value: Any) -> str | None:
    """As the Delta protocol writes values of partitions."""
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


def _metadata(handle: delta.DeltaTable, wanted: pa.Schema, properties: Mapping[str, str]) -> dict[str, Any]:
    now = handle.metadata()
    return {
        "metaData": {
            "id": str(now.id),
            "name": now.name,
            "description": now.description,
            "format": {"provider": "parquet", "options": {}},
            "schemaString": delta.DeltaSchema.from_arrow(wanted).to_json(),
            "partitionColumns": now.partition_columns,
            "createdTime": now.created_time,
            "configuration": {**now.configuration, **properties},
        },
    }


def _removed(file: File) -> dict[str, Any]:
    return {
        "remove": {
            "path": file["path"],
            "deletionTimestamp": _millis(),
            "dataChange": False,
            "extendedFileMetadata": True,
            "partitionValues": _partition(file),
            "size": file["size_bytes"],
        },
    }


def _commit(uri: str, settings: Settings, version: int, actions: list[dict[str, Any]]) -> None:
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
