"""Why a cell is not of its column's type: what was found, what is accepted."""

from __future__ import annotations

import re
from collections.abc import Callable

from tables.contract import Column, FileFormat, Kind
from validation.moments import DATE_FORMATS, states_utc
from validation.numbers import readable_number
from validation.parse import BOOLEANS

_SHOWN = 60
_BEYOND = re.compile(r"[+-]?[0-9]{5,}-[0-9]{2}-|-[0-9]{4}-|0000-|<value out of range", re.ASCII)  # as Arrow writes it
_NO_YEAR = "not in the years 0001 to 9999"
_OF_NUMBERS: tuple[tuple[str, str], ...] = (
    (r"[+-]?0[xX].*", "hexadecimal"),
    (r"(?i)[+-]?(?:inf(?:inity)?|nan)", "not a finite number"),
    (r"[+-]?[0-9.]+[eE][+-]?[0-9]+", "written with an exponent"),
    (r"\([0-9.,]+\)", "negative by parentheses; write a minus sign, or let the contract state `negatives`"),
    (r"[^0-9.+-]{1,3} ?[0-9.,+-]+|[0-9.,+-]+ ?[^0-9.,+-]{1,3}", "a number with a unit"),
)


def explain(text: str, column: Column, file: FileFormat) -> str:
    """The message for a bad cell."""
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    cell = text.strip() if file.trim else text
    found = _FOUND[column.kind](cell, column, file)
    return f"{column.name} must be {accepted(column, file)}; found {shown!r}" + (f", which is {found}" if found else "")


def accepted(column: Column, file: FileFormat) -> str:
    """What a column accepts, in words."""
    grouped = _notation(file)
    match column.kind:
        case Kind.INTEGER:
            return f"a whole number of 64 bits{grouped}"
        case Kind.DECIMAL:
            whole = column.precision - column.scale
            return f"a number with at most {whole} digits before and {column.scale} after its point{grouped}"
        case Kind.DATE:
            return f"a date written {' or '.join(column.formats or DATE_FORMATS)}"
        case Kind.TIMESTAMP:
            return f"a time written {' or '.join(column.formats) or 'as 2026-03-31T12:00:00Z, with its zone'}"
        case _:
            return f"one of {', '.join(column.formats or BOOLEANS)}"


def _notation(file: FileFormat) -> str:
    """How numbers may be written, where the contract says more than plain digits."""
    said = [
        (file.decimal_mark != ".", f"its point is {file.decimal_mark!r}"),
        (bool(file.thousands), f"groups of three may be parted by {file.thousands!r}"),
        ("parentheses" in file.negatives, "(1) is negative"),
        ("trailing" in file.negatives, "1- is negative"),
        (bool(file.units), f"{' or '.join(map(repr, file.units))} may stand beside it"),
    ]
    return "".join(f", {words}" for there, words in said if there)


def _of_number(cell: str, column: Column, file: FileFormat) -> str:
    for shape, name in _OF_NUMBERS:
        if re.fullmatch(shape, cell, re.ASCII):
            return name
    number = readable_number(cell, file)
    if number is None:
        return ""
    fraction = max(0, -int(number.normalize().as_tuple().exponent)) if number else 0
    allowed = column.scale if column.kind is Kind.DECIMAL else 0
    return f"a number of {fraction} fraction digits, and nothing is rounded" if fraction > allowed else "too large"


def _of_date(cell: str, column: Column, _file: FileFormat) -> str:
    if _BEYOND.match(cell):
        return _NO_YEAR
    return (
        "no day of the calendar"
        if re.fullmatch(r"[0-9]{1,4}[-/. ][0-9]{1,2}[-/. ][0-9]{1,4}|[0-9]{8}", cell)
        and _has_shape(cell, column.formats or DATE_FORMATS)
        else ""
    )


def _has_shape(cell: str, formats: tuple[str, ...]) -> bool:
    shapes = {re.sub(r"%[a-zA-Z]", lambda part: "0000" if part[0] == "%Y" else "00", form) for form in formats}
    return re.sub("[0-9]", "0", cell) in shapes


def _of_timestamp(cell: str, column: Column, _file: FileFormat) -> str:
    if _BEYOND.match(cell):
        return _NO_YEAR
    if column.formats and not any("%z" in form or states_utc(form) for form in column.formats):
        return "of no known zone: the declared formats name none"
    return "a time without its zone" if re.fullmatch(r"[0-9-]{10}[T ][0-9:.]{5,}", cell) and not column.formats else ""


def _of_nothing(_cell: str, _column: Column, _file: FileFormat) -> str:
    return ""


_FOUND: dict[Kind, Callable[[str, Column, FileFormat], str]] = {
    Kind.INTEGER: _of_number,
    Kind.DECIMAL: _of_number,
    Kind.DATE: _of_date,
    Kind.TIMESTAMP: _of_timestamp,
    Kind.BOOLEAN: _of_nothing,
    Kind.STRING: _of_nothing,
}
