"""What did we believe on one day about another: rows by known time, when a file was accepted, and by effective time.

Known time is an upload: its number or, for a moment, the last one before the first that was accepted later. It is the
time of acceptance, which raw keeps for ever, so that the answer is the same after every rebuild. For `scd2` it comes
from the remembered events, not from versions of the table: it is exact also where one commit applied many uploads, and
beyond the retention. A snapshot with history makes one version of each upload, and is read at that version.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from ledgerlake.clock import to_text
from ledgerlake.errors import HistoryError
from ledgerlake.layout import events_table, table_uri
from ledgerlake.settings import Settings
from tables import delta, sql
from tables.contract import Contract
from tables.history import opened, version_as_of
from tables.key import Key, typed_as
from tables.modes import table_schema
from tables.windows import FROM, TO
from tables.windows_sql import windows_sql


@dataclass(frozen=True, slots=True)
class Belief:
    """Rows as they were believed, and what they were believed after: an upload, a version of the table, or both."""

    rows: pa.Table
    seq: int | None
    version: int | None


def as_of(
    contract: Contract,
    settings: Settings,
    known: int | datetime | None = None,
    effective: str | None = None,
    key: Key | None = None,
) -> Belief:
    """The rows known after an upload or at a moment (None: now) that hold at `effective` (None: all of them).

    A table without effective time is read at the version that it had at that moment, as `query --as-of` does.

    Raises:
        HistoryError: nothing was known then, the table has no effective time, or no state after that very upload.
    """
    if FROM not in table_schema(contract).names:
        return _one_time(contract, settings, known, effective, key)
    kind = table_schema(contract).field(FROM).type
    at = None if effective is None else typed_as("--effective", kind, effective)
    seq = known_upload(contract.dataset, settings, known)
    if contract.mode == "scd2":
        events = opened(table_uri(settings.tables_bucket, events_table(contract.dataset)), settings)
        return Belief(delta.select(events, windows_sql(contract, seq, _same(key), _holds(at, kind))), seq, None)
    version = _version_of(contract.dataset, settings, seq)
    return Belief(_select(contract, settings, version, f"{_same(key)} AND {_holds(at, kind)}"), seq, version)


def known_upload(dataset: str, settings: Settings, known: int | datetime | None) -> int:
    """The number of the last upload that was known.

    Of a moment: the last before the first that was accepted later, whatever the clocks said of those between.

    Raises:
        HistoryError: none was, or no such upload is applied.
    """
    after = "FALSE" if not isinstance(known, datetime) else f"accepted_at > {_moment(known)}"
    counted = f"count(*) AS n, min(seq) FILTER (WHERE {after}) AS later, min(accepted_at) AS since"
    (found,) = _uploads(dataset, settings, counted)
    seq = known if isinstance(known, int) else (found["later"] or found["n"] + 1) - 1
    if not 0 < seq <= found["n"]:
        asked = to_text(known) if isinstance(known, datetime) else f"upload {seq}" if known is not None else "now"
        has = f"the uploads 1..{found['n']}, since {to_text(found['since'])}" if found["n"] else "no upload yet"
        raise HistoryError(f"nothing of {dataset} was known at {asked}: it has {has}")
    return int(seq)


# Without effective time


def _one_time(
    contract: Contract,
    settings: Settings,
    known: int | datetime | None,
    effective: str | None,
    key: Key | None,
) -> Belief:
    if effective is not None:
        msg = (
            f"{contract.dataset} (mode {contract.mode}) keeps what is true now, not since when: ask with --known "
            "alone; the mode scd2 keeps it, and snapshot with keepHistory"
        )
        raise HistoryError(msg)
    uri = table_uri(settings.tables_bucket, contract.dataset)
    if isinstance(known, int):
        seq = known_upload(contract.dataset, settings, known)
        version = _version_of(contract.dataset, settings, seq)
        return Belief(_select(contract, settings, version, _same(key)), seq, version)
    version = opened(uri, settings).version() if known is None else version_as_of(uri, settings, known)
    return Belief(_select(contract, settings, version, _same(key)), None, version)


def _version_of(dataset: str, settings: Settings, seq: int) -> int:
    """The version that readers saw after that upload and before the next.

    Raises:
        HistoryError: one commit applied both.
    """
    (here,) = _uploads(dataset, settings, "version", f"seq = {seq:d}")
    rows = _uploads(dataset, settings, "seq, version", f"version = {here['version']:d}")
    if max(row["seq"] for row in rows) != seq:
        first, last = min(row["seq"] for row in rows), max(row["seq"] for row in rows)
        msg = (
            f"{dataset} has no state after upload {seq}: version {rows[0]['version']} applied {first}..{last} at once; "
            f"ask for upload {first - 1} or {last}"
        )
        raise HistoryError(msg)
    return int(rows[0]["version"])


def _select(contract: Contract, settings: Settings, version: int, where: str) -> pa.Table:
    handle = opened(table_uri(settings.tables_bucket, contract.dataset), settings, version)
    order = ", ".join(sql.identifier(name) for name in (*contract.primary_key, "_seq", "_row"))
    return delta.select(handle, f"SELECT * FROM t WHERE {where} ORDER BY {order}")  # noqa: S608  # quoted names, literals


def _uploads(dataset: str, settings: Settings, columns: str, where: str = "TRUE") -> list[dict[str, Any]]:
    uploads = opened(table_uri(settings.tables_bucket, "uploads"), settings)
    mine = f"dataset = {sql.literal(dataset, pa.string())}"
    statement = f"SELECT {columns} FROM t WHERE {mine} AND {where}"  # noqa: S608  # fixed words, literals
    rows: list[dict[str, Any]] = delta.select(uploads, statement).to_pylist()
    return rows


def _moment(at: datetime) -> str:
    return sql.literal(at, pa.timestamp("us", tz="UTC"))


def _same(key: Key | None) -> str:
    parts = [sql.one_of(sql.identifier(name), [value], kind) for name, (value, kind) in (key or {}).items()]
    return " AND ".join(parts) or "TRUE"


def _holds(at: Any, kind: pa.DataType) -> str:
    if at is None:
        return "TRUE"
    text = sql.literal(at, kind)
    return f"({FROM} <= {text} AND ({TO} IS NULL OR {TO} > {text}))"
