"""Rules about what is known beyond the file: other tables, and the dataset's own before this file."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from validation.rules.keys import Keys, key_of
from validation.rules.registry import Ask, rule

FEWEST = 30
"""Values that a history must have before anything is said to lie outside of it."""


@dataclass(frozen=True, slots=True)
class History:
    """What the values of a column were so far: how many, mean and standard deviation, lower and upper quartile."""

    count: int
    mean: float = 0.0
    deviation: float = 0.0
    lower: float = 0.0
    upper: float = 0.0

    def bounds(self, method: str, limit: float) -> tuple[float, float]:
        """What is no outlier: so many deviations from the mean, or so many interquartile ranges from the quartiles."""
        if method == "iqr":
            reach = limit * (self.upper - self.lower)
            return self.lower - reach, self.upper + reach
        reach = limit * self.deviation
        return self.mean - reach, self.mean + reach


@rule(asks=Ask.LAKE)
def foreign_key(cells: pa.Array, known: Keys, **_stated: str) -> pa.BooleanArray:
    """{column} must be a value that {other} of {dataset} has"""
    return known.have(cells)


@rule(asks=Ask.TABLE)
def new_to_table(columns: tuple[pa.Array, ...], known: Keys) -> pa.BooleanArray:
    """{columns} must not repeat together what a row of an earlier file says"""
    keys = key_of(columns)
    return pc.if_else(pc.is_valid(keys), pc.invert(known.have(keys)), None)


@rule(asks=Ask.TABLE)
def outlier(cells: pa.Array, method: str, limit: Decimal, known: History) -> pa.BooleanArray:
    """{column} should not lie so far from what the table has ({method}, limit {limit})"""
    if known.count < FEWEST:
        return pc.is_valid(cells)
    low, high = known.bounds(method, float(limit))
    values = pc.cast(cells, pa.float64())
    return pc.and_(pc.greater_equal(values, low), pc.less_equal(values, high))
