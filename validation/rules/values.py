"""Rules about a value by itself."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from validation.rules.numbers import is_round, lies_between
from validation.rules.registry import rule
from validation.rules.spans import span_of
from validation.text import byte_lengths, full_match, longest, used_bytes

_FIRST_BEYOND_ASCII = 128


@rule()
def pattern(cells: pa.StringArray, pattern: str) -> pa.BooleanArray:
    """{column} must match {pattern} from its first character to its last"""
    span = span_of(pattern)
    return span.match(cells) if span else full_match(cells, pattern)


@rule()
def between(cells: pa.Array, low: int | Decimal | None = None, high: int | Decimal | None = None) -> pa.BooleanArray:
    """{column} must be {bounds}"""
    found = None
    if pa.types.is_decimal(cells.type):
        found = lies_between(cells, *(None if end is None else Decimal(end) for end in (low, high)))
    return _within(cells, low, high) if found is None else found


@rule()
def date_range(cells: pa.Array, low: date | None = None, high: date | None = None) -> pa.BooleanArray:
    """{column} must be {bounds}"""
    return _within(cells, low, high)


@rule()
def enum(cells: pa.Array, values: tuple[Any, ...]) -> pa.BooleanArray:
    """{column} must be one of {values}"""
    return pc.is_in(cells, pa.array(values, cells.type), skip_nulls=True)


@rule()
def length(cells: pa.StringArray, low: int | None = None, high: int | None = None) -> pa.BooleanArray:
    """{column} must have {bounds} characters"""
    if not low and (high is None or longest(cells) <= high):  # no character has less than a byte
        return pc.is_valid(cells)
    is_ascii = used_bytes(cells).max(initial=0) < _FIRST_BEYOND_ASCII
    return _within(pa.array(byte_lengths(cells)) if is_ascii else pc.utf8_length(cells), low, high)


@rule()
def precision(cells: pa.Decimal128Array, fraction: int) -> pa.BooleanArray:
    """{column} must have at most {fraction} digits after its point"""
    return is_round(cells, fraction)


def _within(cells: pa.Array, low: Any, high: Any) -> pa.BooleanArray:  # a value of the column's type
    lowest, highest = pc.min_max(cells).as_py().values()
    if lowest is None or ((low is None or lowest >= low) and (high is None or highest <= high)):
        return pc.is_valid(cells)
    above = pc.greater_equal(cells, pa.scalar(low, cells.type)) if low is not None else None
    below = pc.less_equal(cells, pa.scalar(high, cells.type)) if high is not None else None
    if above is None or below is None:
        return below if above is None else above
    return pc.and_(above, below)
