"""Which rules a contract may name, for which kinds of column, with which parameters.

`validation.rules.RULES` implements exactly these (a test there compares the names). A bound that is left open is None.
`required` stands in `Column.required`, never in `Column.rules`: it is also the table's NOT NULL.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

from tables.contract import Kind, Severity

NUMBERS = frozenset({Kind.INTEGER, Kind.DECIMAL})
TIMES = frozenset({Kind.DATE, Kind.TIMESTAMP})
ANY = frozenset(Kind)
TEXTS = frozenset({Kind.STRING})
KEYS = ANY - {Kind.BOOLEAN}
NO_COLUMN: frozenset[Kind] = frozenset()


class Form(StrEnum):
    """How a parameter is written, and what it is: `value` and `values` are of the column's own kind."""

    PATTERN = "a regular expression"
    COUNT = "a whole number from 0"
    NUMBER = "a number from 0"
    VALUE = "a value"
    VALUES = "a list of values"
    CHOICE = "a word"
    CALENDAR = "a calendar"
    DATASET = "a dataset"
    NAME = "a column there"
    COLUMN = "a column"
    COLUMNS = "a list of columns"
    VALUES_THERE = "a list of values of that column"


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter of a rule; without a `default` it is `needed`, or None. Columns are of one of `kinds`, if stated."""

    form: Form
    needed: bool = False
    default: Any = None
    kinds: frozenset[Kind] = ANY
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Signature:
    """`kinds` of column a rule may stand at, none for a rule of the whole row; its parameters by name.

    `severity` is the one it has if none is stated; a rule that may `only` have some has no other. A rule `of_table`
    asks what the table has in its columns, so that they must be stored.
    """

    kinds: frozenset[Kind]
    params: dict[str, Param] = field(default_factory=dict)
    severity: Severity = Severity.ERROR
    only: frozenset[Severity] = frozenset(Severity)
    of_table: bool = False


LOW_HIGH = {"low": Param(Form.VALUE), "high": Param(Form.VALUE)}
_OTHER_TIME = {"column": Param(Form.COLUMN, needed=True, kinds=TIMES)}
_NUMBERS = Param(Form.COLUMNS, kinds=NUMBERS, default=())
_TOLERANCE = Param(Form.NUMBER, default=Decimal(0))
_GROUP = Param(Form.COLUMNS, default=())
_KEY = Param(Form.COLUMNS, needed=True, kinds=KEYS)

RULE_NAMES: dict[str, Signature] = {
    # values
    "between": Signature(NUMBERS, LOW_HIGH),
    "date_range": Signature(TIMES, LOW_HIGH),
    "enum": Signature(KEYS, {"values": Param(Form.VALUES, needed=True)}),
    "unique": Signature(ANY),
    "precision": Signature(frozenset({Kind.DECIMAL}), {"fraction": Param(Form.COUNT, needed=True)}),
    # texts
    "pattern": Signature(TEXTS, {"pattern": Param(Form.PATTERN, needed=True)}),
    "length": Signature(TEXTS, {"low": Param(Form.COUNT), "high": Param(Form.COUNT)}),
    # codes
    "currency": Signature(TEXTS),
    "country": Signature(TEXTS, {"letters": Param(Form.CHOICE, default="2", choices=("2", "3"))}),
    "iban": Signature(TEXTS),
    "bic": Signature(TEXTS),
    "lei": Signature(TEXTS),
    "isin": Signature(TEXTS),
    "cusip": Signature(TEXTS),
    "sedol": Signature(TEXTS),
    "figi": Signature(TEXTS),
    "minor_units": Signature(frozenset({Kind.DECIMAL}), {"currency": Param(Form.COLUMN, needed=True, kinds=TEXTS)}),
    # times
    "not_before": Signature(TIMES, _OTHER_TIME),
    "not_after": Signature(TIMES, _OTHER_TIME),
    "not_future": Signature(TIMES, {"days": Param(Form.COUNT, default=0)}),
    "business_day": Signature(frozenset({Kind.DATE}), {"calendar": Param(Form.CALENDAR, needed=True)}),
    # rows
    "required_when": Signature(
        ANY, {"column": Param(Form.COLUMN, needed=True), "values": Param(Form.VALUES_THERE, default=())}
    ),
    "sum_of": Signature(NUMBERS, {"plus": replace(_NUMBERS, needed=True), "minus": _NUMBERS, "tolerance": _TOLERANCE}),
    "running_balance": Signature(
        NUMBERS, {"amount": Param(Form.COLUMN, needed=True, kinds=NUMBERS), "by": _GROUP, "tolerance": _TOLERANCE}
    ),
    "unique_together": Signature(NO_COLUMN, {"columns": _KEY}),
    # groups
    "balanced": Signature(
        NO_COLUMN,
        {
            "by": Param(Form.COLUMNS, needed=True),
            "debit": Param(Form.COLUMN, needed=True, kinds=NUMBERS),
            "credit": Param(Form.COLUMN, kinds=NUMBERS),
            "tolerance": _TOLERANCE,
        },
    ),
    # other rows of the lake
    "foreign_key": Signature(
        KEYS, {"dataset": Param(Form.DATASET, needed=True), "column": Param(Form.NAME, needed=True)}
    ),
    "new_to_table": Signature(NO_COLUMN, {"columns": _KEY}, of_table=True),
    "outlier": Signature(
        NUMBERS,
        {
            "method": Param(Form.CHOICE, default="z_score", choices=("z_score", "iqr")),
            "limit": Param(Form.NUMBER, default=Decimal(3)),
        },
        severity=Severity.WARNING,
        only=frozenset({Severity.WARNING}),
        of_table=True,
    ),
}
"""A rule that a contract states by name: `quality: [{type: custom, engine: ledgerlake, implementation: {rule: ...}}]`,
at its column, or at the table if it is one of the whole row. See `docs/contracts.md`."""
