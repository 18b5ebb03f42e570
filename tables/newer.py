"""Which rows are old news: where the order of arrival decides, a row that enters again overwrites what came since."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from ledgerlake.layout import events_table, table_uri
from ledgerlake.settings import Settings
from tables import delta, sql
from tables.contract import Contract
from tables.modes import MODES

Key = tuple[Any, ...]


def overtaken(contract: Contract, settings: Settings, rows: pa.Table, seq: int) -> list[bool]:
    """Whether an upload after number `seq` has written or deleted the key of each row.

    Nobody is overtaken where `sequenceBy` or the first row decides: there an old row does no harm whenever it comes.

    Raises:
        TransientError: the storage cannot be reached.
    """
    if contract.mode != "upsert" or contract.sequence_by or not rows.num_rows:
        return [False] * rows.num_rows
    names = [contract.dataset]
    names += [events_table(contract.dataset)] if MODES[contract.mode].remembers(contract) else []
    newer: set[Key] = set()
    for name in names:
        newer |= _written_after(table_uri(settings.tables_bucket, name), settings, contract, rows, seq)
    return [key in newer for key in _keys(rows, contract)]


def _written_after(uri: str, settings: Settings, contract: Contract, rows: pa.Table, seq: int) -> set[Key]:
    handle = delta.open_table(uri, settings)
    if handle is None:
        return set()
    names = ", ".join(sql.identifier(name) for name in contract.primary_key)
    first = contract.primary_key[0]
    sought = sql.one_of(sql.identifier(first), rows[first].unique().to_pylist(), delta.schema(handle).field(first).type)
    statement = f"SELECT {names} FROM t WHERE _seq > {seq:d} AND {sought}"  # noqa: S608  # identifiers and literals only
    return set(_keys(delta.select(handle, statement), contract))


def _keys(rows: pa.Table, contract: Contract) -> list[Key]:
    return list(zip(*(rows[name].to_pylist() for name in contract.primary_key), strict=True))
