"""What a table was, when, and through whom: commits of both engines, as-of, difference of two versions, trace of a row.

Everything is told by versions: the times that two engines note for one commit differ by milliseconds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa

from ledgerlake.clock import from_text, to_text
from ledgerlake.errors import HistoryError
from ledgerlake.events import Outcome
from ledgerlake.settings import Settings
from tables import delta, sql
from tables.contract import Column, Contract, Kind

Key = Mapping[str, tuple[Any, pa.DataType]]
"""Each column of a key with its value and type."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Commit:
    """One version of a table. `outcomes` are those of the uploads it applied; `metrics` are the engine's own words."""

    version: int
    committed_at: datetime
    operation: str
    engine: str
    outcomes: tuple[Outcome, ...]
    metrics: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """Rows by key between two versions. `before` and `after` are the changed rows, in the same order (that of the key).

    A row counts as changed if a column of the contract changed; lineage (`_upload_id`, `_seq`, `_row`) alone does not.
    """

    inserted: pa.Table
    deleted: pa.Table
    before: pa.Table
    after: pa.Table


@dataclass(frozen=True, slots=True)
class Step:
    """One state of a row: the commit that made it, and the file, line and person it came from.

    `change` is `insert`, `update` or `delete`. File and person are None where `uploads` does not (yet) know the upload.
    """

    version: int
    committed_at: datetime
    change: str
    row: Mapping[str, Any]
    upload_id: str
    seq: int
    line: int
    file_name: str | None
    principal: str | None
    sha256: str | None


def history(uri: str, settings: Settings, limit: int | None = None) -> tuple[Commit, ...]:
    """The table's commits, the newest first.

    Raises:
        HistoryError: there is no table.
    """
    return tuple(_commit(entry) for entry in _open(uri, settings).history(limit))


def version_as_of(uri: str, settings: Settings, moment: datetime) -> int:
    """The version that readers saw at that moment: the last one committed until then.

    Raises:
        HistoryError: the table did not exist then; says since when it does.
    """
    commits = history(uri, settings)
    until = [commit.version for commit in commits if commit.committed_at <= moment]
    if not until:
        first, last = commits[-1], commits[0]
        msg = (
            f"{uri} had no version at {to_text(moment)}; it has version {first.version} since "
            f"{to_text(first.committed_at)}, and {last.version} since {to_text(last.committed_at)}"
        )
        raise HistoryError(msg)
    return max(until)


def diff(uri: str, settings: Settings, before: int, after: int, key: tuple[str, ...]) -> Difference:
    """What became of each row between two versions, by key (of a table without one: `("_seq", "_row")`).

    Raises:
        HistoryError: the table never had one of the versions.
    """
    tables = {"a": _open(uri, settings, before), "b": _open(uri, settings, after)}
    there, names = set(delta.schema(tables["a"]).names), delta.schema(tables["b"]).names
    names = [*names, *sorted(there - set(names))]
    same = " AND ".join(f"(a.{sql.identifier(name)} IS NOT DISTINCT FROM b.{sql.identifier(name)})" for name in key)
    order = ", ".join(sql.identifier(name) for name in key)
    changed = " OR ".join(_distinct(name, there) for name in names if not name.startswith("_") and name not in key)

    def ask(side: str, join: str, where: str = "TRUE") -> pa.Table:
        known = delta.schema(tables[side]).names
        columns = ", ".join(f"{side}.{sql.identifier(name)}" for name in names if name in known)
        text = f"SELECT {columns} FROM {join} ON {same} WHERE {where} ORDER BY {order}"  # noqa: S608  # quoted names
        return delta.select_all(tables, text)

    both = "a INNER JOIN b"
    return Difference(
        inserted=ask("b", "b LEFT ANTI JOIN a"),
        deleted=ask("a", "a LEFT ANTI JOIN b"),
        before=ask("a", both, changed or "FALSE"),
        after=ask("b", both, changed or "FALSE"),
    )


def trace(uri: str, uploads_uri: str, settings: Settings, key: Key) -> tuple[Step, ...]:
    """Every state that the rows with this key ever had, the oldest first; `key` as from `key_of`.

    Raises:
        HistoryError: no version ever had such a row.
    """
    handle = _open(uri, settings)
    where = " AND ".join(sql.one_of(sql.identifier(name), [value], kind) for name, (value, kind) in key.items())
    changes = [row for row in delta.changes(handle, where).to_pylist() if row["_change_type"] != "update_preimage"]
    if not changes:
        shown = ", ".join(f"{name}={value}" for name, (value, _) in key.items())
        msg = f"no version of {uri} ever had a row with {shown}; look in `quarantine`, or at the key's spelling"
        raise HistoryError(msg)
    files = _files(uploads_uri, settings, {str(row["_upload_id"]) for row in changes})
    times = {commit.version: commit.committed_at for commit in history(uri, settings)}
    changes.sort(key=lambda row: (row["_commit_version"], row["_change_type"] != "delete", row["_row"]))
    return tuple(_step(row, times, files.get(row["_upload_id"], {})) for row in changes)


def key_of(contract: Contract, texts: Mapping[str, str]) -> Key:
    """A key as a person writes it (`{"payment_id": "P1"}`), as typed values; without a primary key `_seq` and `_row`.

    Raises:
        HistoryError: it does not name exactly the key's columns, or a value is not of its column's type.
    """
    wanted = contract.primary_key or ("_seq", "_row")
    if set(texts) != set(wanted):
        msg = f"{contract.dataset} has the key {', '.join(wanted)}, given is {', '.join(texts) or 'nothing'}"
        raise HistoryError(msg)
    return {name: _typed(contract, name, texts[name]) for name in wanted}


def _typed(contract: Contract, name: str, text: str) -> tuple[Any, pa.DataType]:
    column = Column(name, Kind.INTEGER) if name.startswith("_") else contract.column(name)
    reads: dict[Kind, Callable[[str], Any]] = {
        Kind.STRING: str,
        Kind.INTEGER: int,
        Kind.DECIMAL: Decimal,
        Kind.DATE: date.fromisoformat,
        Kind.TIMESTAMP: from_text,
        Kind.BOOLEAN: lambda given: {"true": True, "false": False}[given.lower()],
    }
    try:
        value = reads[column.kind](text)
        pa.scalar(value, column.arrow)
    except (ValueError, KeyError, InvalidOperation, OverflowError, pa.ArrowInvalid) as error:
        msg = f"{name}={text!r} is no {column.kind}; write dates and times as ISO 8601"
        raise HistoryError(msg) from error
    return value, column.arrow


def _open(uri: str, settings: Settings, version: int | None = None) -> delta.DeltaTable:
    handle = delta.open_table(uri, settings, version)
    if handle is None:
        msg = f"there is no table {uri}; run `ledgerlake tables apply`"
        raise HistoryError(msg)
    return handle


def _commit(entry: Mapping[str, Any]) -> Commit:
    at = _EPOCH + timedelta(milliseconds=int(entry["timestamp"]))
    version = int(entry["version"])
    metrics = entry.get("operationMetrics") or {}
    return Commit(
        version,
        at,
        str(entry.get("operation", "")),
        str(entry.get("engineInfo", "")),
        _outcomes(entry.get("userMetadata"), version),
        metrics if isinstance(metrics, dict) else {},
    )


def _outcomes(text: str | None, version: int) -> tuple[Outcome, ...]:
    """The outcomes in a commit's `userMetadata`; none where a commit applied no upload."""
    try:
        members = json.loads(text or "null")
    except json.JSONDecodeError:
        return ()
    found = members.get("outcomes") if isinstance(members, dict) else None
    return tuple(Outcome.from_members({**each, "version": version}) for each in found or ())


def _distinct(name: str, there: set[str]) -> str:
    quoted = sql.identifier(name)
    # In parentheses, because DataFusion takes everything that follows for the right side of DISTINCT FROM.
    return f"(a.{quoted} IS DISTINCT FROM b.{quoted})" if name in there else f"b.{quoted} IS NOT NULL"


def _files(uploads_uri: str, settings: Settings, upload_ids: set[str]) -> dict[str, dict[str, Any]]:
    handle = delta.open_table(uploads_uri, settings)
    if handle is None:
        return {}
    where = sql.one_of("upload_id", sorted(upload_ids), pa.string())
    found = delta.select(handle, f"SELECT upload_id, file_name, principal, sha256 FROM t WHERE {where}")  # noqa: S608  # literals of sql.py
    return {row["upload_id"]: row for row in found.to_pylist()}


def _step(row: Mapping[str, Any], times: Mapping[int, datetime], file: Mapping[str, Any]) -> Step:
    version = int(row["_commit_version"])
    change = {"insert": "insert", "update_postimage": "update", "delete": "delete"}[row["_change_type"]]
    values = {name: value for name, value in row.items() if not name.startswith("_")}
    return Step(
        version,
        times[version],
        change,
        values,
        row["_upload_id"],
        row["_seq"],
        row["_row"],
        file.get("file_name"),
        file.get("principal"),
        file.get("sha256"),
    )
