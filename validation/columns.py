"""The columns of a file against its contract: which file column feeds which contract column."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from ledgerlake.errors import RejectedError
from tables.contract import Contract

CHECK = "header"
Mapping = tuple[str | None, ...]
"""For each file column the contract column it feeds, or None where it is ignored."""


def match(names: Sequence[str], contract: Contract, where: str) -> Mapping:
    """Compares names trimmed and case-folded, aliases included. `where` tells the reader where the header stands.

    A column that is not required may be absent: its cells are null.

    Raises:
        RejectedError: names every duplicate, unknown (unless ignored) and missing required column.
    """
    known = known_names(contract)
    mapping = tuple(known.get(fold(name)) for name in names)
    problems = [
        *_duplicates(names, mapping),
        *_unknown(names, mapping, contract, known),
        *_missing(names, mapping, contract),
    ]
    if problems:
        raise RejectedError(CHECK, f"{where}: {'; '.join(problems)}")
    return mapping


def fold(name: str) -> str:
    """The form in which names are compared."""
    return name.strip().casefold()


def known_names(contract: Contract) -> dict[str, str]:
    """Folded name or alias -> contract column; a name wins over another column's alias."""
    aliases = {fold(alias): column.name for column in contract.columns for alias in column.aliases}
    return aliases | {fold(column.name): column.name for column in contract.columns}


def nearest(name: str, accepted: Sequence[str]) -> str:
    """` (did you mean ...?)`, or nothing."""
    close = get_close_matches(fold(name), [fold(known) for known in accepted], n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _duplicates(names: Sequence[str], mapping: Mapping) -> list[str]:
    problems = []
    for column in dict.fromkeys(name for name in mapping if name):
        feeding = [
            f"{position} {name.strip()!r}"
            for position, (name, fed) in enumerate(zip(names, mapping, strict=True), 1)
            if fed == column
        ]
        if len(feeding) > 1:
            problems.append(f"columns {' and '.join(feeding)} all mean {column!r}; keep one")
    return problems


def _unknown(names: Sequence[str], mapping: Mapping, contract: Contract, known: dict[str, str]) -> list[str]:
    if contract.file.unknown_columns == "ignore":
        return []
    return [
        f"column {position} {name.strip()!r} is unknown{nearest(name, list(known))}"
        for position, (name, fed) in enumerate(zip(names, mapping, strict=True), 1)
        if fed is None
    ]


def _missing(names: Sequence[str], mapping: Mapping, contract: Contract) -> list[str]:
    unclaimed = [name for name, fed in zip(names, mapping, strict=True) if fed is None]
    problems = []
    for column in contract.columns:
        if column.required and column.name not in mapping:
            accepted = " or ".join(repr(name) for name in (column.name, *column.aliases))
            close = [name for name in unclaimed if nearest(name, [column.name, *column.aliases])]
            hint = f" (is it {close[0].strip()!r}?)" if close else ""
            problems.append(f"column {column.name!r} is missing: name it {accepted}{hint}")
    return problems
