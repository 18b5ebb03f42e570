"""The rules a contract can put on a column. To add one: one function here, its signature in `tables/rule_names.py`.

A rule is given the parsed column and its parameters, and says for each cell whether it is fine; what it says of a null
is ignored. Its docstring is the message that a refused row carries.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from validation.text import full_match

Check = Callable[..., pa.BooleanArray]


@dataclass
class Seen:
    """The values of a column so far in its file; a set in memory, so `unique` costs memory by the number of rows."""

    values: set[Any] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule by name. A rule of the whole file (`whole`) is given a `Seen` first, block after block in order."""

    name: str
    check: Check
    message: str
    whole: bool = False


RULES: dict[str, Rule] = {}


def rule(check: Check) -> Check:
    """Registers a function under its name."""
    RULES[check.__name__] = Rule(check.__name__, check, check.__doc__ or "", check.__code__.co_varnames[0] == "seen")
    return check


@rule
def unique(seen: Seen, cells: pa.Array) -> pa.BooleanArray:
    """{column} must not repeat a value of an earlier row of the file"""
    fresh: list[bool | None] = []
    for cell in cells.to_pylist():
        fresh.append(None if cell is None else cell not in seen.values)
        seen.values.add(cell)
    return pa.array(fresh, pa.bool_())


@rule
def pattern(cells: pa.StringArray, pattern: str) -> pa.BooleanArray:
    """{column} must match {pattern} from its first character to its last"""
    return full_match(cells, pattern)


@rule
def between(cells: pa.Array, low: int | Decimal | None = None, high: int | Decimal | None = None) -> pa.BooleanArray:
    """{column} must be {bounds}"""
    return _within(cells, low, high)


@rule
def date_range(cells: pa.Array, low: date | None = None, high: date | None = None) -> pa.BooleanArray:
    """{column} must be {bounds}"""
    return _within(cells, low, high)


@rule
def enum(cells: pa.Array, values: tuple[Any, ...]) -> pa.BooleanArray:
    """{column} must be one of {values}"""
    return pc.is_in(cells, pa.array(values, cells.type), skip_nulls=True)


@rule
def length(cells: pa.StringArray, low: int | None = None, high: int | None = None) -> pa.BooleanArray:
    """{column} must have {bounds} characters"""
    return _within(pc.utf8_length(cells), low, high)


def _within(cells: pa.Array, low: Any, high: Any) -> pa.BooleanArray:  # a value of the column's type
    above = pc.greater_equal(cells, pa.scalar(low, cells.type)) if low is not None else pc.is_valid(cells)
    below = pc.less_equal(cells, pa.scalar(high, cells.type)) if high is not None else True
    return pc.and_(above, below)


def message(named: Rule, column: str, params: dict[str, Any]) -> str:
    """The message of a rule, for a column and these parameters."""
    texts = {
        name: ", ".join(map(str, value)) if isinstance(value, tuple) else str(value) for name, value in params.items()
    }
    bounds = _bounds(params.get("low"), params.get("high"))
    return named.message.format_map({**texts, "column": column, "bounds": bounds})


def _bounds(low: object, high: object) -> str:
    if low is None or high is None:
        return f"at most {high}" if low is None else f"at least {low}"
    return f"between {low} and {high}"
