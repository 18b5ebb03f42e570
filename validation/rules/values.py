"""Rules about a value by itself."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from validation.rules.registry import rule
from validation.text import full_match


@rule()
def pattern(cells: pa.StringArray, pattern: str) -> pa.BooleanArray:
    """{column} must match {pattern} from its first character to its last"""
    return full_match(cells, pattern)


@rule()
def between(cells: pa.Array, low: int | Decimal | None = None, high: int | Decimal | None = None) -> pa.BooleanArray:
    """{column} must be {bounds}"""
    return _within(cells, low, high)


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
    return _within(pc.utf8_length(cells), low, high)


@rule()
def precision(cells: pa.Decimal128Array, fraction: int) -> pa.BooleanArray:
    """{column} must have at most {fraction} digits after its point"""
    return is_round(cells, fraction)


def is_round(cells: pa.Decimal128Array, digits: int) -> pa.BooleanArray:
    """Whether so many digits after the point say all of each number."""
    if digits >= cells.type.scale:
        return pc.is_valid(cells)
    return pc.equal(pc.round(cells, ndigits=digits, round_mode="towards_zero"), cells)


def _within(cells: pa.Array, low: Any, high: Any) -> pa.BooleanArray:  # a value of the column's type
    above = pc.greater_equal(cells, pa.scalar(low, cells.type)) if low is not None else None
    below = pc.less_equal(cells, pa.scalar(high, cells.type)) if high is not None else None
    if above is None or below is None:
        return below if above is None else above
    return pc.and_(above, below)
