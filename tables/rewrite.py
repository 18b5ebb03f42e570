"""Gives columns of a table wider types, in one commit: every file is written again, and nothing else happens.

The safe features (reader 1, writer 4) know no change of a column's type in place. So each file is copied with its
values cast, digit by digit, and one commit swaps the files (`tables.swap`), the schema and the CHECKs. Earlier versions
keep their own files and types.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pyarrow as pa
from pyarrow.fs import FileSystem

from ledgerlake.aws import transient
from ledgerlake.settings import Settings
from tables import delta
from tables.delta import log
from tables.swap import File, add, files_in, known, rows_in, swap, write

SCHEMA = "ledgerlake.rewrite/1"
"""Of the commit's `userMetadata`."""

PARALLEL = 4
"""Files written at once."""


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
    swap(handle, uri, settings, old, new, said, _metadata(handle, wanted, properties))


def _copied(
    files: FileSystem,
    partitions: list[str],
    there: pa.Schema,
    wanted: pa.Schema,
    file: File,
) -> dict[str, Any]:
    """Writes a file again; its `add` action."""
    inside = pa.schema([each for each in wanted if each.name not in partitions])
    return add(*write(files, "widened", rows_in(files, file, there, inside), inside), file, known(file))


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
