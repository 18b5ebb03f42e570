"""The columns of a file against its contract: which feed a contract column, and which are kept beside."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from ledgerlake.errors import RejectedError
from tables.contract import Column, Contract

CHECK = "header"


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a file: `fed`, for each the contract column it feeds, or None.

    `others` are those kept beside, by position: to rescue, to unpivot, or without a name and so without values.
    """

    fed: tuple[str | None, ...] = ()
    others: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Names:
    """What a name in a dataset's files means, compared trimmed and case-folded.

    `known` leads to contract columns, `listed` to the spelling of those to unpivot; `made` are the columns that
    unpivoting makes. `others` says what becomes of the rest: `reject`, `ignore`, `rescue` or `unpivot`.
    """

    known: dict[str, str]
    listed: dict[str, str]
    made: frozenset[str]
    others: str

    def other(self, name: str) -> str | None:
        """The name under which a column that feeds none is kept beside; None where it is not."""
        folded = fold(name)
        if folded in self.listed:
            return self.listed[folded]
        return None if self.others == "ignore" or self.is_wrong(name) else name.strip()

    def is_wrong(self, name: str) -> bool:
        """Whether a column that feeds none has a name that no file may have. A column without a name is empty."""
        folded = fold(name)
        return folded in self.made or (self.others == "reject" and bool(folded) and folded not in self.listed)


def names_of(contract: Contract) -> Names:
    """A contract's names; a column's own name wins over another column's alias."""
    unpivot = contract.file.unpivot
    made = {unpivot.name, unpivot.value} if unpivot else set()
    feeding = [column for column in contract.columns if column.name not in made]
    aliases = {fold(alias): column.name for column in feeding for alias in column.aliases}
    return Names(
        aliases | {fold(column.name): column.name for column in feeding},
        {fold(name): name for name in unpivot.columns} if unpivot else {},
        frozenset(map(fold, made)),
        "unpivot" if unpivot and not unpivot.columns else contract.file.unknown_columns,
    )


def match(headers: Sequence[str], contract: Contract, where: str) -> Columns:
    """What the columns of a file are. `where` tells the reader where the header stands.

    Raises:
        RejectedError: names every column that is there twice, unknown (unless ignored or kept), or missing.
    """
    names = names_of(contract)
    fed = tuple(names.known.get(fold(header)) for header in headers)
    kept = {
        position: other or (nameless(position) if names.others == "rescue" else "")
        for position, (header, column) in enumerate(zip(headers, fed, strict=True))
        if column is None and (other := names.other(header)) is not None
    }
    problems = [
        *_duplicates(headers, fed, kept),
        *_unknown(headers, fed, names),
        *_missing(headers, fed, contract),
        *_nothing_to_unpivot(kept, contract),
    ]
    if problems:
        raise RejectedError(CHECK, f"{where}: {'; '.join(problems)}")
    return Columns(fed, kept)


def needed(there: Collection[str | None], contract: Contract) -> list[Column]:
    """The columns that a file with those columns cannot lack.

    They are the required ones; a file that can say which rows delete needs no more than the key and the order.
    """
    deletes, unpivot = contract.deletes, contract.file.unpivot
    of_deletes = {*contract.primary_key, contract.sequence_by, deletes.column if deletes else None}
    return [
        column
        for column in contract.columns
        if column.required
        and (unpivot is None or column.name not in (unpivot.name, unpivot.value))
        and (deletes is None or deletes.column not in there or column.name in of_deletes)
    ]


def nameless(position: int) -> str:
    """The name under which a column without one is rescued: its number, counted from 1."""
    return f"#{position + 1}"


def fold(name: str) -> str:
    """The form in which names are compared."""
    return name.strip().casefold()


def nearest(name: str, accepted: Collection[str]) -> str:
    """` (did you mean ...?)`, or nothing."""
    close = get_close_matches(fold(name), [fold(known) for known in accepted], n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _duplicates(headers: Sequence[str], fed: tuple[str | None, ...], kept: dict[int, str]) -> list[str]:
    """A name stands once. Columns that are ignored, or have no name, may repeat."""
    meaning: dict[str, list[int]] = {}
    for position, column in enumerate(fed):
        name = column or fold(kept.get(position, ""))
        if name:
            meaning.setdefault(name, []).append(position)
    return [
        f"columns {' and '.join(f'{at + 1} {headers[at].strip()!r}' for at in places)} all mean {name!r}; keep one"
        for name, places in meaning.items()
        if len(places) > 1
    ]


def _unknown(headers: Sequence[str], fed: tuple[str | None, ...], names: Names) -> list[str]:
    problems = []
    for position, (header, column) in enumerate(zip(headers, fed, strict=True), 1):
        if column is None and names.is_wrong(header):
            wrong = f"column {position} {header.strip()!r}"
            hint = nearest(header, [*names.known, *names.listed])
            made = "is made of the names and cells of the other columns; a wide file has none"
            problems.append(f"{wrong} {made}" if fold(header) in names.made else f"{wrong} is unknown{hint}")
    return problems


def _missing(headers: Sequence[str], fed: tuple[str | None, ...], contract: Contract) -> list[str]:
    unclaimed = [name for name, column in zip(headers, fed, strict=True) if column is None]
    problems = []
    for column in needed(fed, contract):
        if column.name not in fed:
            accepted = " or ".join(repr(name) for name in (column.name, *column.aliases))
            close = [name for name in unclaimed if nearest(name, [column.name, *column.aliases])]
            hint = f" (is it {close[0].strip()!r}?)" if close else ""
            problems.append(f"column {column.name!r} is missing: name it {accepted}{hint}")
    return problems


def _nothing_to_unpivot(kept: dict[int, str], contract: Contract) -> list[str]:
    unpivot = contract.file.unpivot
    if unpivot is None or any(name in unpivot.columns if unpivot.columns else name for name in kept.values()):
        return []
    return [f"no column gives a {unpivot.value!r}: {', '.join(unpivot.columns) or 'any other name'} is accepted"]
