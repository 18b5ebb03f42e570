"""What a rule is. To add one: a function in a module of this package, its signature in `tables/rule_names.py`.

A rule of a column is given its parsed cells first, then its parameters by name: those that are columns as arrays. It
says for each row whether it is fine; null says nothing. Its docstring is the message that a refused row carries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
import pyarrow as pa

from tables.contract import Contract, RuleUse
from tables.rule_names import RULE_NAMES, Form


class Ask(StrEnum):
    """What a rule must know besides the rows themselves; it is given as `known`."""

    TIME = "when the file was accepted"
    FILE = "all rows of the file"
    LAKE = "what other tables have"
    TABLE = "what the dataset's own table has"


@dataclass(frozen=True, slots=True)
class Found:
    """Which rows are fine and, for those that are not, what more there is to say, by their positions."""

    fine: pa.BooleanArray
    more: Callable[[np.ndarray], list[str]]


Check = Callable[..., pa.BooleanArray | Found]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule by name.

    One that needs the rows before has a `memory`, made anew for each file and given first, block after block in
    order. One that needs the whole file has `gather`, which is given the rows that all other rules accept, part by
    part, and the parameters as they are stated, and returns what the check is then given as `known`. A rule `of_nulls`
    judges rows where its own cell is null, too. `lists` are those of `tables.reference` that it looks into.
    """

    name: str
    check: Check
    message: str
    asks: Ask | None = None
    memory: Callable[[], Any] | None = None
    gather: Callable[..., Any] | None = None
    of_nulls: bool = False
    lists: tuple[str, ...] = ()


RULES: dict[str, Rule] = {}


def rule(
    *,
    asks: Ask | None = None,
    memory: Callable[[], Any] | None = None,
    gather: Callable[..., Any] | None = None,
    of_nulls: bool = False,
    lists: tuple[str, ...] = (),
) -> Callable[[Check], Check]:
    """Registers a function under its name."""

    def register(check: Check) -> Check:
        name = check.__name__
        RULES[name] = Rule(name, check, check.__doc__ or "", asks, memory, gather, of_nulls, lists)
        return check

    return register


def asking(contract: Contract, *asks: Ask) -> list[RuleUse]:
    """The rules of a contract that must know one of these things."""
    return [use for _, use in contract.uses if RULES[use.name].asks in asks]


def not_asking(contract: Contract, *asks: Ask) -> Contract:
    """The contract without the rules that must know one of these things."""

    def others(uses: tuple[RuleUse, ...]) -> tuple[RuleUse, ...]:
        return tuple(use for use in uses if RULES[use.name].asks not in asks)

    columns = tuple(replace(column, rules=others(column.rules)) for column in contract.columns)
    return replace(contract, columns=columns, rules=others(contract.rules))


def arguments(use: RuleUse, columns: Mapping[str, pa.Array]) -> dict[str, Any]:
    """The parameters as the check wants them."""
    forms = RULE_NAMES[use.name].params
    found: dict[str, Any] = {}
    for name, value in use.params:
        match forms[name].form:
            case Form.COLUMN:
                found[name] = None if value is None else columns[value]
            case Form.COLUMNS:
                found[name] = tuple(columns[each] for each in value)
            case _:
                found[name] = value
    return found


def message(use: RuleUse, column: str | None) -> str:
    """What the rule accepts, in words."""
    params = dict(use.params)
    values = {name: _text(value) for name, value in params.items()}
    return RULES[use.name].message.format_map({**values, "column": column, **_phrases(params)})


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _phrases(params: Mapping[str, Any]) -> dict[str, str]:
    """What messages say of parameters that may be left out; `other` is the column that is a parameter."""
    minus = "".join(f" - {name}" for name in params.get("minus", ()))
    return {
        "bounds": _bounds(params.get("low"), params.get("high")),
        "other": str(params.get("column")),
        "filled": f"one of {_text(params['values'])}" if params.get("values") else "not empty",
        "sum": " + ".join(params.get("plus", ())) + minus,
        "within": f" (to within {params['tolerance']})" if params.get("tolerance") else "",
        "balance": params.get("credit") or "0",
    }


def _bounds(low: object, high: object) -> str:
    if low is None or high is None:
        return f"at most {high}" if low is None else f"at least {low}"
    return f"between {low} and {high}"
