"""Proves that nothing of a file is lost or counted twice, before its rows are committed.

    file = merged + superseded + duplicate + quarantined        for rows, and for every money column in Decimal

The left side was counted by the parser before rows were told apart; the right side by whoever told them apart.
A difference is an error of this program: nothing is committed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Context, Decimal

import pyarrow as pa

from ledgerlake.errors import ConservationError
from streaming_jobs.tallies import Tally

PARTS = ("merged", "superseded", "duplicate", "quarantined")
_EXACT = Context(prec=1000)


def exact_sum(values: Iterable[Decimal]) -> Decimal:
    """A sum that never rounds: Python's default context keeps 28 digits only."""
    total = Decimal(0)
    for value in values:
        total = _EXACT.add(total, value)
    return total


def add(tallies: Iterable[Tally], money: Iterable[str]) -> Tally:
    """Tallies of disjoint rows, together."""
    all_of = tuple(tallies)
    return Tally(
        sum(each.rows for each in all_of),
        {name: exact_sum(each.money.get(name, Decimal(0)) for each in all_of) for name in money},
    )


def tally_quarantined(money_cells: pa.ChunkedArray | pa.Array, money: Iterable[str]) -> Tally:
    """Tally of refused rows, from their maps of money column to decimal text (`validation.verdict.QUARANTINED`)."""
    cells = [dict(row) for row in money_cells.to_pylist()]
    return Tally(
        len(cells),
        {name: exact_sum(Decimal(row[name]) for row in cells if row.get(name) is not None) for name in money},
    )


def check(upload: str, file: Tally, parts: Mapping[str, Tally]) -> None:
    """Raises `ConservationError`, naming every sum that differs, unless `parts` (of `PARTS`) add up to `file`."""
    total = add(parts.values(), file.money)
    wrong = [
        f"{name}: file {money_text(file.money[name])}, parts {money_text(total.money[name])}"
        for name in file.money
        if file.money[name] != total.money[name]
    ]
    if file.rows != total.rows:
        wrong.insert(0, f"rows: file {file.rows}, parts {total.rows}")
    if wrong:
        msg = (
            f"{upload}: the parts of the file do not add up to the file ({'; '.join(wrong)}). "
            "Nothing was committed. This is an error of the program: keep the raw file and report it."
        )
        raise ConservationError(msg)


def money_text(value: Decimal, scale: int = 0) -> str:
    """The one text of an amount: plain digits, at least `scale` of them after the point, no further zeros."""
    digits = format(value, "f")
    whole, _, fraction = digits.partition(".")
    fraction = fraction.rstrip("0").ljust(scale, "0")
    whole = whole if value or not whole.startswith("-") else whole[1:]
    return f"{whole}.{fraction}" if fraction else whole
