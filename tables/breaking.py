"""What a contract may not change of tables that are there: whatever would lose or falsify rows, and the way out."""

from __future__ import annotations

import pyarrow as pa

from ledgerlake.errors import Problem
from tables import delta
from tables.contract import Column, Contract
from tables.mode import event_schema
from tables.modes import table_schema
from tables.stated import differences
from tables.widening import INTEGER_DIGITS, widens

Found = list[tuple[str, str]]
"""Problems, each with its fix."""


def problems(contract: Contract, data: delta.DeltaTable, events: delta.DeltaTable | None = None) -> tuple[Problem, ...]:
    """Every one, of the dataset's table and of the events that it remembers, if there are any yet."""
    where = f"contract of {contract.dataset}"
    new = f"Or start a new dataset, for example {contract.dataset}_2, and load it from the files of this one."
    there, metadata = delta.schema(data), data.metadata()
    found = [
        *_renamed(contract, there),
        *_types(there, table_schema(contract), tuple(metadata.partition_columns), new),
        *([] if events is None else _types(delta.schema(events), _only_events(contract), (), new)),
        *_stated(contract, metadata.configuration, tuple(metadata.partition_columns), new),
        *_unstored(contract, there, new),
    ]
    return tuple(Problem(where, message, fix) for message, fix in found)


def _renamed(contract: Contract, there: pa.Schema) -> Found:
    return [
        (
            f"column {old!r} is now called {column.name!r}: the table would have both, each for some of the rows",
            f"Keep the name {old!r}, and give it {column.name!r} as an alias: files may use either header.",
        )
        for old, column in _names(contract, there)
    ]


def _names(contract: Contract, there: pa.Schema) -> list[tuple[str, Column]]:
    """Columns that the table has and the contract does not, but names as headers of a column that is new."""
    known = {each.name for each in contract.columns}
    return [
        (name, column)
        for column in contract.columns
        if column.stored and column.name not in there.names
        for name in there.names
        if name not in known and name.casefold() in {alias.strip().casefold() for alias in column.aliases}
    ]


def _types(there: pa.Schema, wanted: pa.Schema, partitions: tuple[str, ...], new: str) -> Found:
    return [
        (
            f"column {each.name!r} is now {each.type}, but the table has {there.field(each.name).type}",
            f"{_way_out(there.field(each.name).type, partitioned=each.name in partitions)} {new}",
        )
        for each in wanted
        if each.name in there.names and not _may_become(there.field(each.name), each, partitions)
    ]


def _only_events(contract: Contract) -> pa.Schema:
    stored = table_schema(contract).names
    return pa.schema([each for each in event_schema(contract) if each.name not in stored])


def _may_become(old: pa.Field, new: pa.Field, partitions: tuple[str, ...]) -> bool:
    return bool(old.type == new.type or (widens(old.type, new.type) and old.name not in partitions))


def _stated(contract: Contract, properties: dict[str, str], partitions: tuple[str, ...], new: str) -> Found:
    found = [
        (
            f"it now has {each.words} {each.value or 'nothing'}, but the table was made with {theirs}",
            f"Change it back. {new}",
        )
        for each, theirs in differences(contract, properties)
    ]
    if contract.partition_by != partitions:
        words = f"it is now partitioned by {_listed(contract.partition_by)}, but the table by {_listed(partitions)}"
        found.append((words, f"Change it back. {new}"))
    return found


def _unstored(contract: Contract, there: pa.Schema, new: str) -> Found:
    return [
        (f"column {name!r} is no longer stored, but rows of the table are found by it", f"Store it. {new}")
        for name in (*contract.primary_key, *contract.partition_by)
        if name in there.names and name not in table_schema(contract).names
    ]


def _way_out(old: pa.DataType, *, partitioned: bool) -> str:
    keep = "Keep the type and add a column of another name."
    if partitioned:
        return f"A table cannot be partitioned by a decimal. {keep}"
    if pa.types.is_decimal128(old):
        return (
            f"A wider type needs at least {old.precision - old.scale} digits before the point and {old.scale} after "
            f"it, or values would lose some. {keep}"
        )
    if old == pa.int64():
        return f"An integer may become a decimal with {INTEGER_DIGITS} digits or more before the point. {keep}"
    return keep


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "nothing"
