"""What stays true of rows when the columns of their table change: types that lose nothing, and contracts made to fit.

An upload is read under the contract it was accepted with, but folded as its tables are by now: with their types, and
with null in columns that its contract does not have. So what a mode knows of the past is complete, whichever contract
the past was accepted with, and contracts may even alternate.
"""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from tables.contract import RESCUED, WARNINGS, Column, Contract, Kind

INTEGER_DIGITS = 19
"""Digits of the largest 64-bit integer."""


def widens(narrow: pa.DataType, wide: pa.DataType) -> bool:
    """Whether every value of `narrow` is one of `wide`, digit by digit: the same type, or a decimal of more digits."""
    if narrow == wide:
        return True
    if not pa.types.is_decimal128(wide):
        return False
    whole = wide.precision - wide.scale
    if pa.types.is_decimal128(narrow):
        return bool(narrow.scale <= wide.scale and narrow.precision - narrow.scale <= whole)
    return bool(narrow == pa.int64() and whole >= INTEGER_DIGITS)


def as_stored(contract: Contract, data: pa.Schema, events: pa.Schema | None = None) -> Contract:
    """The contract with the columns and types of its tables, for folding rows that were read under `contract`."""
    known = {each.name: each for each in contract.columns}
    needed = {contract.sequence_by, contract.deletes.column if contract.deletes else None}
    own = [
        typed(replace(each, stored=True), data.field(each.name).type)
        if each.name in data.names and (each.stored or each.name not in needed)
        else typed(each, events.field(each.name).type)
        if events is not None and each.name in events.names
        else each
        for each in contract.columns
    ]
    others = [
        typed(Column(each.name, Kind.STRING), each.type)
        for each in data
        if each.name not in known and not each.name.startswith("_")
    ]
    rescues = RESCUED.name in data.names
    file = replace(contract.file, unknown_columns="rescue") if rescues else contract.file
    return replace(contract, columns=(*own, *others), file=file, keep_warnings=WARNINGS.name in data.names)


def silent(contract: Contract, stored: Contract) -> frozenset[str]:
    """Columns of the table about which a row of `contract` says nothing, though its file may: they are not stored."""
    kept = {each.name for each in stored.columns if each.stored}
    return frozenset(each.name for each in contract.columns if not each.stored and each.name in kept)


def stored_rows(rows: pa.Table, contract: Contract, stored: Contract) -> pa.Table:
    """Accepted rows of `contract` as rows of `stored`, which is `as_stored` of it."""
    unsaid = silent(contract, stored)
    columns = [
        rows[each.name].cast(each.type)
        if each.name in rows.column_names and each.name not in unsaid
        else pa.nulls(rows.num_rows, each.type)
        for each in stored.row_schema
    ]
    return pa.Table.from_arrays(columns, schema=stored.row_schema)


def typed(column: Column, kind: pa.DataType) -> Column:
    """The column with that type, which is one of those that columns have."""
    if pa.types.is_decimal128(kind):
        return replace(column, kind=Kind.DECIMAL, precision=kind.precision, scale=kind.scale)
    kinds = {Column("", each).arrow: each for each in Kind if each is not Kind.DECIMAL}
    return replace(column, kind=kinds[kind])
