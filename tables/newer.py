"""Which rows are old news: where the order of arrival decides, a row that enters again overwrites what came since."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ledgerlake.layout import events_table, table_uri
from ledgerlake.settings import Settings
from tables import delta, sql
from tables.believed import believed
from tables.contract import LINEAGE, Contract
from tables.mode import OP
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
    table, events = (_opened(name, settings) for name in (contract.dataset, events_table(contract.dataset)))
    newer = set[Key]()
    if table is not None:
        newer.update(_after(_said(table, contract, rows), contract, seq))
    if events is not None and MODES[contract.mode].remembers(contract):
        newer.update(_after(believed(_said(events, contract, rows, OP.name), contract.primary_key), contract, seq))
    return [key in newer for key in _keys(rows, contract)]


def _opened(table: str, settings: Settings) -> delta.DeltaTable | None:
    return delta.open_table(table_uri(settings.tables_bucket, table), settings)


def _said(handle: delta.DeltaTable, contract: Contract, rows: pa.Table, *more: str) -> pa.Table:
    """What the table says of the keys of `rows`, and perhaps of others: which keys, and who said it."""
    names = ", ".join(map(sql.identifier, [*contract.primary_key, *(each.name for each in LINEAGE), *more]))
    first = contract.primary_key[0]
    sought = sql.one_of(sql.identifier(first), rows[first].unique().to_pylist(), delta.schema(handle).field(first).type)
    return delta.select(handle, f"SELECT {names} FROM t WHERE {sought}")  # noqa: S608  # identifiers and literals only


def _after(said: pa.Table, contract: Contract, seq: int) -> list[Key]:
    return _keys(said.filter(pc.greater(said["_seq"], seq)), contract)


def _keys(rows: pa.Table, contract: Contract) -> list[Key]:
    return list(zip(*(rows[name].to_pylist() for name in contract.primary_key), strict=True))
