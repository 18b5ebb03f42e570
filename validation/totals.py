"""Control totals: what was declared of a file against what is in it. A difference holds the whole file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Context, Decimal, Inexact, InvalidOperation

import pyarrow as pa
import pyarrow.compute as pc

from tables.contract import Contract, FileFormat, Trailer
from validation.numbers import readable_number
from validation.verdict import Totals, TrailerLine

EXACT = Context(prec=200, traps=[Inexact, InvalidOperation])
_SAFE_DIGITS = 28  # sums of 10^10 such values still fit decimal128


@dataclass(frozen=True, slots=True)
class Declared:
    """What the uploader said of a file: its rows, and the sum of some money columns."""

    rows: int | None = None
    totals: Mapping[str, Decimal] = field(default_factory=dict)


def summed_columns(contract: Contract) -> tuple[str, ...]:
    """The columns whose sums are needed: money, and those that a trailer declares."""
    checked = (trailer.column for trailer in contract.file.trailers if trailer.total == "sum" and trailer.column)
    return tuple(dict.fromkeys((*contract.money, *checked)))


def exact_sum(values: pa.Array | pa.ChunkedArray) -> Decimal:
    """The sum of integers or decimals; it never overflows or rounds. Nulls count as nothing."""
    if pa.types.is_integer(values.type):
        values = pc.cast(values, pa.decimal128(19, 0))
    elif values.type.precision > _SAFE_DIGITS:
        values = pc.cast(values, pa.decimal256(76, values.type.scale))
    return pc.sum(values).as_py() or Decimal(0)


def add(first: Decimal, second: Decimal) -> Decimal:
    """The exact sum of two."""
    return EXACT.add(first, second)


def add_totals(contract: Contract, parts: Iterable[Totals]) -> Totals:
    """The totals of a file, from those of its parts in order."""
    rows = 0
    trailers: list[TrailerLine] = []
    notes: dict[str, str] = {}
    sums = dict.fromkeys(summed_columns(contract), Decimal(0))
    for part in parts:
        rows += part.rows
        trailers += part.trailers
        notes = part.notes | notes
        for name, value in {**part.money, **part.checked}.items():
            sums[name] = add(sums[name], value)
    return replace(totals(contract, rows, sums, tuple(trailers)), notes=notes)


def totals(contract: Contract, rows: int, sums: Mapping[str, Decimal], trailers: tuple[TrailerLine, ...]) -> Totals:
    """Totals with their sums told apart: money, and columns that only a trailer declares."""
    return Totals(
        rows,
        {name: sums[name] for name in contract.money},
        {name: value for name, value in sums.items() if name not in contract.money},
        trailers,
    )


def hold_reasons(contract: Contract, found: Totals, declared: Declared) -> tuple[str, ...]:
    """Why a file must wait: every declared total that differs, and every trailer that is not there."""
    reasons = []
    if declared.rows is not None:
        reasons.append(_difference("the upload declares", "rows", Decimal(declared.rows), Decimal(found.rows)))
    for name, total in declared.totals.items():
        if name in found.money:
            reasons.append(_difference("the upload declares", f"{name} in all", total, found.money[name]))
        else:
            reasons.append(f"the upload declares a total of {name!r}, which is no money column of {contract.dataset}")
    reasons += [
        _trailer_difference(line, found, contract.file) for line in found.trailers if line.trailer.total != "none"
    ]
    present = [line.trailer for line in found.trailers]
    reasons += [
        f"no trailer line matches {trailer.pattern}: the file may be cut off"
        for trailer in contract.file.trailers
        if trailer not in present and not trailer.optional
    ]
    return tuple(reason for reason in reasons if reason)


def _trailer_difference(line: TrailerLine, found: Totals, file: FileFormat) -> str:
    trailer = line.trailer
    declared = readable_number(line.declared.strip(), replace(file, thousands=file.thousands or _grouping(file)))
    if declared is None:
        return f"the trailer on line {line.line} declares {line.declared!r}, which is no number"
    return _difference(f"the trailer on line {line.line} declares", *_declared_of(trailer, declared, found))


def _grouping(file: FileFormat) -> str | None:
    """Totals are often grouped where the rows are not."""
    return "," if file.decimal_mark == "." else None


def _declared_of(trailer: Trailer, declared: Decimal, found: Totals) -> tuple[str, Decimal, Decimal]:
    if trailer.total == "count" or trailer.column is None:
        return "rows", declared, Decimal(found.rows)
    return f"{trailer.column} in all", declared, {**found.money, **found.checked}[trailer.column]


def _difference(says: str, what: str, declared: Decimal, found: Decimal) -> str:
    if declared == found:
        return ""
    missing = EXACT.subtract(declared, found)
    return f"{says} {declared:,f} {what}, the file has {found:,f}: a difference of {missing:,f}"
