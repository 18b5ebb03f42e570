"""Control totals: what was declared of a file against what is in it. A difference holds the whole file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Context, Decimal, Inexact, InvalidOperation

import pyarrow as pa
import pyarrow.compute as pc

from tables.contract import Contract, ControlTotal, FileFormat, Trailer
from validation.numbers import readable_number
from validation.verdict import Totals, TrailerLine

EXACT = Context(prec=200, traps=[Inexact, InvalidOperation])
_SAFE_DIGITS = 28  # sums of 10^10 such values still fit decimal128


NACHA = Decimal(10**10)
"""Of a hash total that is larger, its last ten digits are declared."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What the uploader said of a file: its rows, and some totals by the names in `Contract.declarable`."""

    rows: int | None = None
    totals: Mapping[str, Decimal] = field(default_factory=dict)


def exact_sum(values: pa.Array | pa.ChunkedArray) -> Decimal:
    """The sum of integers or decimals; it never overflows or rounds. Nulls count as nothing."""
    if pa.types.is_integer(values.type):
        values = pc.cast(values, pa.decimal128(19, 0))
    elif values.type.precision > _SAFE_DIGITS:
        values = pc.cast(values, pa.decimal256(76, values.type.scale))
    return pc.sum(values).as_py() or Decimal(0)


def total_sum(values: pa.Array, unheld: Iterable[Decimal]) -> Decimal:
    """The sum of a column, with the numbers that it cannot hold."""
    return _added(exact_sum(values), unheld)


def total_absolute(values: pa.Array, unheld: Iterable[Decimal]) -> Decimal:
    """The sum of absolute values: debits do not cancel credits."""
    return _added(exact_sum(pc.abs(values)), (number.copy_abs() for number in unheld))


def total_hash(values: pa.Array, unheld: Iterable[Decimal]) -> Decimal:
    """The sum of identifiers, of which the digits are read; of more than 28 digits the last ones."""
    digits = pc.replace_substring_regex(pc.cast(values, pa.string()), "[^0-9]", "")
    last = pc.utf8_slice_codeunits(digits, -_SAFE_DIGITS, None).drop_null()
    numbers = pc.cast(last.filter(pc.not_equal(last, "")), pa.decimal128(_SAFE_DIGITS, 0))
    return _added(exact_sum(numbers), (number.copy_abs() for number in unheld))


TOTALS: dict[str, Callable[[pa.Array, Iterable[Decimal]], Decimal]] = {
    "sum": total_sum,
    "absolute": total_absolute,
    "hash": total_hash,
}
"""How the total of a block is counted, from its column and the numbers which that cannot hold."""


def _added(total: Decimal, more: Iterable[Decimal]) -> Decimal:
    for number in more:
        total = add(total, number)
    return total


def add(first: Decimal, second: Decimal) -> Decimal:
    """The exact sum of two."""
    return EXACT.add(first, second)


def add_totals(contract: Contract, parts: Iterable[Totals]) -> Totals:
    """The totals of a file, from those of its parts in order."""
    rows = 0
    trailers: list[TrailerLine] = []
    notes: dict[str, str] = {}
    unbalanced: list[str] = []
    closing: list[Decimal] = []
    sums = {each.name: Decimal(0) for each in contract.control_totals}
    for part in parts:
        rows += part.rows
        trailers += part.trailers
        notes = part.notes | notes
        unbalanced += part.unbalanced
        closing += part.closing
        for name, value in {**part.money, **part.checked}.items():
            sums[name] = add(sums[name], value)
    found = totals(contract, rows, sums, tuple(trailers))
    return replace(found, notes=notes, unbalanced=tuple(unbalanced), closing=tuple(closing))


def totals(contract: Contract, rows: int, sums: Mapping[str, Decimal], trailers: tuple[TrailerLine, ...]) -> Totals:
    """Totals with their sums told apart: of money, and all others."""
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
        if name in _counted(found):
            reasons.append(_difference("the upload declares", f"{name} in all", total, _compared(name, total, found)))
        elif name not in contract.declarable:
            reasons.append(f"the upload declares a total of {name!r}, which is no money column of {contract.dataset}")
    reasons += [_balance(column, found, declared) for column in contract.money]
    reasons += found.unbalanced
    stated = [line for line in found.trailers if line.trailer.total != "none"]
    reasons += [_trailer_difference(line, found, contract.file) for line in stated]
    present = [line.trailer for line in found.trailers]
    reasons += [
        f"no trailer line matches {trailer.pattern}: the file may be cut off"
        for trailer in contract.file.trailers
        if trailer not in present and not trailer.optional
    ]
    return tuple(reason for reason in reasons if reason)


def _counted(found: Totals) -> dict[str, Decimal]:
    return {**found.money, **found.checked}


def _compared(name: str, declared: Decimal, found: Totals) -> Decimal:
    """What was counted, as it can be declared."""
    counted = _counted(found)[name]
    return EXACT.remainder(counted, NACHA) if name.startswith("hash(") and counted >= NACHA > declared else counted


def _balance(name: str, found: Totals, declared: Declared) -> str:
    """Opening balance and movements against the closing balance, of which the file may state the last."""
    opening, closing = (declared.totals.get(f"{balance}({name})") for balance in ("opening", "closing"))
    if closing is None and opening is not None and len(found.closing) == 1:
        (closing,) = found.closing
    if opening is None and closing is None:
        return ""
    if opening is None or closing is None:
        other = "opening" if opening is None else "closing"
        return f"the upload declares one balance of {name}: declare {other}({name}) too"
    reached = add(opening, found.money[name])
    if reached == closing:
        return ""
    missing = EXACT.subtract(closing, reached)
    way = f"{name} goes from {opening:,f} to {reached:,f}, its closing balance is {closing:,f}"
    return f"{way}: a difference of {missing:,f}"


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
    name = ControlTotal(trailer.total, trailer.column).name
    return f"{name} in all", declared, _compared(name, declared, found)


def _difference(says: str, what: str, declared: Decimal, found: Decimal) -> str:
    if declared == found:
        return ""
    missing = EXACT.subtract(declared, found)
    return f"{says} {declared:,f} {what}, the file has {found:,f}: a difference of {missing:,f}"
