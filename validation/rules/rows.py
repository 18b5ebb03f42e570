"""Rules about several columns of one row."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from validation.rules.registry import Found, rule

_INTEGER_DIGITS, _DIGITS_128 = 19, 38


@rule(of_nulls=True)
def required_when(cells: pa.Array, column: pa.Array, values: tuple[Any, ...]) -> pa.BooleanArray:
    """{column} is required where {other} is {filled}"""
    due = pc.is_in(column, pa.array(values, column.type), skip_nulls=True) if values else pc.is_valid(column)
    return pc.or_(pc.is_valid(cells), pc.invert(due))


@rule()
def sum_of(cells: pa.Array, plus: tuple[pa.Array, ...], minus: tuple[pa.Array, ...], tolerance: Decimal) -> Found:
    """{column} must be {sum}{within}"""
    stated, *terms = exact(cells, *plus, *minus)
    total = terms[0]
    for term in terms[1 : len(plus)]:
        total = pc.add(total, term)
    for term in terms[len(plus) :]:
        total = pc.subtract(total, term)
    return near(stated, total, tolerance)


def near(stated: pa.Array, wanted: pa.Array, tolerance: Decimal) -> Found:
    """Whether two columns of exact numbers are equal, or no more than the tolerance apart."""
    if not tolerance:
        fine = pc.equal(stated, wanted)
    else:
        apart = pc.abs(pc.subtract(stated, wanted))
        fine = pc.less_equal(apart, pa.scalar(tolerance))
    return Found(fine, lambda at: _differences(stated, wanted, at))


def _differences(stated: pa.Array, wanted: pa.Array, at: np.ndarray) -> list[str]:
    taken = (each.take(pa.array(at)).to_pylist() for each in (stated, wanted))
    return [f"expected {due:f}: a difference of {found - due:f}" for found, due in zip(*taken, strict=True)]


def exact(*columns: pa.Array) -> list[pa.Array]:
    """Integers and decimals with one scale, and with digits enough to add them all up."""
    decimals = [
        pc.cast(each, pa.decimal128(_INTEGER_DIGITS, 0)) if pa.types.is_integer(each.type) else each for each in columns
    ]
    scale = max(each.type.scale for each in decimals)
    digits = scale + max(each.type.precision - each.type.scale for each in decimals)
    kind = pa.decimal128 if digits + len(columns) <= _DIGITS_128 else pa.decimal256
    return [each if each.type == kind(digits, scale) else pc.cast(each, kind(digits, scale)) for each in decimals]
