"""What a contract asks of its merge mode: the mode's options, checked against what the mode says it needs.

A mode states its needs itself (`tables.mode.Needs`); nothing here knows any mode by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from tables.contract import Column, Contract, Deletes, Kind
from tables.mode import Needs, Use
from tables.modes import MODES
from tables.odcs_schema import suggest
from tables.odcs_values import typed
from tables.place import Place

OPTIONS = {
    "deletes": "deletes",
    "dedupe": "dedupe",
    "ignoreNulls": "ignore_nulls",
    "untracked": "untracked",
    "keepHistory": "keep_history",
    "maxShrink": "max_shrink",
}
"""Custom property of a table to the field of `Contract`, as modes name it in their needs."""
_ORDERED = {Kind.INTEGER, Kind.DECIMAL, Kind.DATE, Kind.TIMESTAMP}
Own = Mapping[str, Place]


def options(own: Own, columns: Iterable[Column]) -> dict[str, Any]:
    """The options that are stated, as fields of a `Contract`."""
    known = {each.name: each for each in columns}
    found: dict[str, Any] = {OPTIONS[name]: own[name].flag() for name in _FLAGS if name in own}
    if "deletes" in own:
        found["deletes"] = _deletes(own["deletes"], known)
    if "untracked" in own:
        found["untracked"] = tuple(_column(each, known).name for each in own["untracked"].each())
    if "maxShrink" in own and _is_share(own["maxShrink"]):
        found["max_shrink"] = Decimal(own["maxShrink"].value)
    return found


_FLAGS = ("dedupe", "ignoreNulls", "keepHistory")


def _column(place: Place, known: Mapping[str, Column]) -> Column:
    name = place.text()
    if name not in known:
        place.refuse(f"there is no column {name!r}", suggest(name, known))
    return known.get(name, Column(name, Kind.STRING))


def _deletes(place: Place, known: Mapping[str, Column]) -> Deletes:
    place.only({"column", "values"})
    if place.child("column").value is None:
        if place.value is None or isinstance(place.value, dict):
            place.refuse("the column that says what a row deletes is missing", "Add `column: ...`.")
        return Deletes("")
    column, values = _column(place.child("column"), known), place.child("values")
    found = tuple(typed(each, column.kind, column.precision, column.scale) for each in values.each())
    if values.value == []:
        values.refuse("no value is listed", "List them; without `values` any value deletes.")
    elif values.value is None and column.required:
        place.refuse(f"{column.name!r} has a value in every row, so every row deletes", "Add `values: [...]`.")
    return Deletes(column.name, found)


def _is_share(place: Place) -> bool:
    value = place.value
    if not isinstance(value, bool) and isinstance(value, int | Decimal) and 0 < value <= 1:
        return True
    place.refuse(f"{value!r} is no share of the rows", "Write a number above 0 and at most 1, for example 0.5.")
    return False


def check_mode(table: Place, own: Own, contract: Contract) -> None:
    """Notes what the contract's mode lacks, has no use for, or cannot do with the columns named."""
    needs = MODES[contract.mode].needs
    mode = own.get("mode", table)
    if needs.primary_key and not contract.primary_key:
        mode.refuse(f"{contract.mode} needs a primary key", "Add `primaryKey: true` to the columns of the key.")
    _check_sequence(mode, own, contract, needs)
    for name, field in OPTIONS.items():
        if name in own and field not in needs.options:
            able = [each.name for each in MODES.values() if field in each.needs.options]
            own[name].refuse(f"{contract.mode} has no {name!r}", f"Remove it; it belongs to {', '.join(able)}.")
    if contract.dedupe and not contract.primary_key:
        own["dedupe"].refuse("duplicates are told by a primary key", "Add `primaryKey: true` to its columns.")
    _check_columns(own, contract)
    _check_stored(table, contract)


def _check_sequence(mode: Place, own: Own, contract: Contract, needs: Needs) -> None:
    if "sequenceBy" not in own:
        if needs.sequence_by is Use.MUST:
            fix = "Add `{property: sequenceBy, value: ...}` with a required number, date or timestamp."
            mode.refuse(f"{contract.mode} needs to know when a row began to be true", fix)
        return
    place, known = own["sequenceBy"], {each.name: each for each in contract.columns}
    if needs.sequence_by is Use.NEVER:
        able = " or ".join(each.name for each in MODES.values() if each.needs.sequence_by is not Use.NEVER)
        place.refuse(f"{contract.mode} has no order to decide", f"Remove it, or make the mode {able}.")
    column = _column(place, known)
    if column.name in known and (column.kind not in _ORDERED or not column.required):
        place.refuse(f"{column.name!r} must be a required number, date or timestamp", "Add `required: true` there.")


def _check_columns(own: Own, contract: Contract) -> None:
    """Columns that options name must be free for it."""
    order = {*contract.primary_key, contract.sequence_by}
    if contract.deletes and contract.deletes.column in order:
        place = own["deletes"].child("column")
        place.refuse(f"{place.value!r} is needed to find what is deleted", "Say it in a column of its own.")
    if contract.deletes and contract.file.unpivot:
        own["deletes"].refuse("the cells of a wide file delete nothing", "Remove it, or `unpivot`.")
    for place in own["untracked"].each() if contract.untracked else ():
        if place.value in order:
            place.refuse(f"{place.value!r} is part of the key or order", "List columns that may change.")


def _check_stored(table: Place, contract: Contract) -> None:
    needed: dict[str | None, str] = {contract.sequence_by: "the order of the rows"}
    needed |= dict.fromkeys(contract.untracked, "untracked")
    needed |= dict.fromkeys(contract.partition_by, "a partition")
    needed |= dict.fromkeys(contract.primary_key, "part of the primary key")
    for place, column in zip(table.child("properties").each(), contract.columns, strict=True):
        if not column.stored and column.name in needed:
            place.refuse(f"{column.name!r} is {needed[column.name]}, and not stored", "Remove `stored: false`.")
    if contract.columns and not any(each.stored for each in contract.columns):
        table.child("properties").refuse("no column is stored", "Remove `stored: false` from one.")
