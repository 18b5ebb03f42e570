"""Where a row came from: every state it ever had, with the commit, the file, the line and the person behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from ledgerlake.errors import HistoryError
from ledgerlake.layout import table_uri
from ledgerlake.settings import Settings
from tables import delta, sql
from tables.causes import Cause
from tables.contract import Contract
from tables.delta import log
from tables.feed import RowChange, changes, span
from tables.history import opened
from tables.key import Key


@dataclass(frozen=True, slots=True)
class Step:
    """One state of a row: the commit that made it, and the file, line and person it came from.

    `change` is `insert`, `update` or `delete`, or `there` for a row that is older than the history that is kept. Of a
    deletion, and where a window only ended, it is the upload that caused it. What is not known is None: file and person
    where `uploads` does not (yet) have the upload; the line where a full state just lacked the row.
    """

    version: int
    committed_at: datetime
    change: str
    row: Mapping[str, Any]
    upload_id: str | None
    seq: int | None
    line: int | None
    file_name: str | None
    principal: str | None
    sha256: str | None


def trace(contract: Contract, settings: Settings, key: Key, now: datetime) -> tuple[Step, ...]:
    """Every state that the rows with this key had in the history that is kept, the oldest first; `key` from `key_of`.

    Raises:
        HistoryError: no version had such a row.
    """
    found = span(contract, settings, now)
    uri = table_uri(settings.tables_bucket, contract.dataset)
    steps = [*_there(uri, settings, found.after, key), *changes(contract, settings, found, key)]
    if not steps:
        shown = ", ".join(f"{name}={value}" for name, (value, _) in key.items())
        msg = f"no version of {uri} ever had a row with {shown}; look in `quarantine`, or at the key's spelling"
        raise HistoryError(msg)
    files = _files(settings, {each.cause.upload_id for each in steps if each.cause})
    steps.sort(key=lambda each: (each.version, each.change != "delete", _line(each)))
    return tuple(_step(each, files.get(each.cause.upload_id, {}) if each.cause else {}) for each in steps)


def _there(uri: str, settings: Settings, version: int, key: Key) -> Iterable[RowChange]:
    """The rows that were there before the first change that is kept."""
    if not version:
        return
    where = " AND ".join(sql.one_of(sql.identifier(name), [value], kind) for name, (value, kind) in key.items())
    rows = delta.select(opened(uri, settings, version), f"SELECT * FROM t WHERE {where}").to_pylist()  # noqa: S608  # literals
    at = log.log_entry(log.files_of(uri, settings), version).committed_at
    for row in rows:
        yield RowChange(version, at, "there", None, row, Cause(row["_upload_id"], row["_seq"], row["_row"]))


def _line(change: RowChange) -> int:
    return int((change.after or change.before or {})["_row"])


def _files(settings: Settings, upload_ids: set[str]) -> dict[str, dict[str, Any]]:
    handle = delta.open_table(table_uri(settings.tables_bucket, "uploads"), settings)
    if handle is None:
        return {}
    where = sql.one_of("upload_id", sorted(upload_ids), pa.string())
    found = delta.select(handle, f"SELECT upload_id, file_name, principal, sha256 FROM t WHERE {where}")  # noqa: S608  # literals of sql.py
    return {row["upload_id"]: row for row in found.to_pylist()}


def _step(change: RowChange, file: Mapping[str, Any]) -> Step:
    row, cause = change.after or change.before or {}, change.cause
    lineage = {"_upload_id", "_seq", "_row"}
    return Step(
        change.version,
        change.committed_at,
        change.change,
        {name: value for name, value in row.items() if name not in lineage},
        cause.upload_id if cause else None,
        cause.seq if cause else None,
        cause.line if cause else None,
        file.get("file_name"),
        file.get("principal"),
        file.get("sha256"),
    )
