"""Reads commits as the log has them: when, by whom, and the rows that each changed (the change data feed).

deltalake 1.6 has a reader of its own, `load_cdf`. It looks for the files of a partition whose value is not plain
(`New York`) under a path that was encoded twice, and finds none; and it needs one scan for many commits.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable
from deltalake.fs import DeltaStorageHandler
from pyarrow.fs import FileSystem, PyFileSystem

from ledgerlake.errors import HistoryError, TransientError
from ledgerlake.settings import Settings
from tables.delta.handles import options_of, schema
from tables.types import plain

CHANGE = "_change_type"
"""`insert`, `update_preimage`, `update_postimage` or `delete`."""

BATCH_ROWS = 65_536
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """A file with changed rows, all of one `change`, or each with its own (None); the partition's values are texts."""

    path: str
    change: str | None
    partition: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One commit; `info` is what its engine noted of it."""

    version: int
    info: Mapping[str, Any]
    files: tuple[ChangedFile, ...]

    @property
    def committed_at(self) -> datetime:
        """When, by the clock of the driver that committed."""
        return _EPOCH + timedelta(milliseconds=int(self.info.get("timestamp", 0)))

    @property
    def paired(self) -> bool:
        """Whether updates are told as such, with the row before and after."""
        return any(each.change is None for each in self.files)


Key = Mapping[str, tuple[Any, pa.DataType]]
"""Columns with the value that is asked for, and its type."""


def files_of(uri: str, settings: Settings) -> FileSystem:
    """The table's folder, as pyarrow reads it."""
    return PyFileSystem(DeltaStorageHandler(uri, options_of(uri, settings)))


def log_entry(files: FileSystem, version: int) -> LogEntry:
    """One commit of the table in that folder.

    Raises:
        HistoryError: the log does not have it.
        TransientError: the storage cannot be reached.
    """
    with _gone(f"the log of version {version}"), files.open_input_file(f"_delta_log/{version:020d}.json") as stream:
        actions = [json.loads(line) for line in stream.read().splitlines()]
    info: Mapping[str, Any] = next((each["commitInfo"] for each in actions if "commitInfo" in each), {})
    return LogEntry(version, info, _changed_files(actions))


def _changed_files(actions: list[dict[str, Any]]) -> tuple[ChangedFile, ...]:
    """By the Delta protocol: files of changes where there are any; else what was added and removed as data."""
    told = [_file(each["cdc"], None) for each in actions if "cdc" in each]
    if told:
        return tuple(told)
    kinds = {"remove": "delete", "add": "insert"}
    return tuple(
        _file(each[kind], change)
        for kind, change in kinds.items()
        for each in actions
        if kind in each and each[kind].get("dataChange", True)
    )


def _file(action: Mapping[str, Any], change: str | None) -> ChangedFile:
    return ChangedFile(unquote(action["path"]), change, action.get("partitionValues") or {})


def changed_rows(files: FileSystem, entry: LogEntry, columns: pa.Schema, key: Key | None = None) -> Iterator[pa.Table]:
    """The rows that a commit changed, a bounded number at a time, in `columns` and then `CHANGE`; in no order.

    A column that a file does not have is null. Only rows with that `key`, if one is given.

    Raises:
        HistoryError: a file is gone.
        TransientError: the storage cannot be reached.
    """
    for each in entry.files:
        fixed = {name: _typed(text, columns.field(name).type) for name, text in each.partition.items()}
        asked = key or {}
        if any(name in fixed and fixed[name] != pa.scalar(*asked[name]) for name in asked):
            continue
        wanted = {name: value for name, value in asked.items() if name not in fixed}
        with _gone(f"{each.path}, which version {entry.version} changed"):
            fragment = ds.ParquetFileFormat().make_fragment(each.path, files)
            there = fragment.physical_schema
            early = {
                name: value for name, value in wanted.items() if not pa.types.is_string_view(there.field(name).type)
            }
            for batch in fragment.scanner(filter=_only(early), batch_size=BATCH_ROWS).to_batches():
                rows = plain(pa.Table.from_batches([batch]))
                rows = rows.filter(_only(wanted)) if wanted else rows
                if rows.num_rows:
                    yield _rows(rows, fixed, columns, each.change)


def _rows(rows: pa.Table, fixed: Mapping[str, pa.Scalar], columns: pa.Schema, change: str | None) -> pa.Table:
    there = [
        pa.repeat(fixed[each.name], rows.num_rows)
        if each.name in fixed
        else rows[each.name].cast(each.type)
        if each.name in rows.column_names
        else pa.nulls(rows.num_rows, each.type)
        for each in columns
    ]
    kinds = rows[CHANGE] if change is None else pa.repeat(pa.scalar(change), rows.num_rows)
    return pa.table([*there, kinds], names=[*columns.names, CHANGE])


def _typed(text: str | None, kind: pa.DataType) -> pa.Scalar:
    """A partition's value, which the log has as text: an empty one is null, a time is in UTC (both sessions are)."""
    if pa.types.is_timestamp(kind) and text:
        return pa.scalar(text.removesuffix("Z"), pa.string()).cast(pa.timestamp(kind.unit)).cast(kind)
    return pa.scalar(text or None, pa.string()).cast(kind)


def _only(asked: Key) -> pc.Expression | None:
    """Rows with these values. pyarrow compares no `string_view`, which files of deltalake have, before it is plain."""
    parts = [
        pc.field(name).is_null() if value is None else pc.field(name) == pa.scalar(value, kind)
        for name, (value, kind) in asked.items()
    ]
    return reduce(lambda a, b: a & b, parts) if parts else None


@contextmanager
def _gone(what: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise HistoryError(f"{what}, is gone: history is kept for the contract's retention only") from error
    except OSError as error:
        raise TransientError(f"read {what}: {error}") from error


def columns_of(handle: DeltaTable) -> pa.Schema:
    """The table's columns, all nullable: what changed rows are read as."""
    return pa.schema([each.with_nullable(True) for each in schema(handle)])  # its name says it
