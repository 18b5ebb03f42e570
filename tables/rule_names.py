"""Which rules a contract may name, for which kinds of column, with which parameters.

`validation.rules.RULES` implements exactly these (a test there compares the names). A bound that is left open is None.
`required` stands in `Column.required`, never in `Column.rules`: it is also the table's NOT NULL.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tables.contract import Kind

NUMBERS = frozenset({Kind.INTEGER, Kind.DECIMAL})
TIMES = frozenset({Kind.DATE, Kind.TIMESTAMP})
ANY = frozenset(Kind)


@dataclass(frozen=True, slots=True)
class Signature:
    """`kinds` of column a rule may stand at; `params` maps each of its parameters to a type:

    `text`, `count` (a whole number from 0), `value` (of the column's own kind: int, Decimal, date, datetime in UTC,
    str) or `values` (a tuple of those).
    """

    kinds: frozenset[Kind]
    params: dict[str, str] = field(default_factory=dict)


RULE_NAMES: dict[str, Signature] = {
    "unique": Signature(ANY),
    "pattern": Signature(frozenset({Kind.STRING}), {"pattern": "text"}),
    "between": Signature(NUMBERS, {"low": "value", "high": "value"}),
    "enum": Signature(ANY - {Kind.BOOLEAN}, {"values": "values"}),
    "length": Signature(frozenset({Kind.STRING}), {"low": "count", "high": "count"}),
    "date_range": Signature(TIMES, {"low": "value", "high": "value"}),
}
"""A rule that a contract states by name: `quality: [{type: custom, engine: ledgerlake, implementation: {rule: ...}}]`;
all of these also have a standard place in ODCS, see `docs/contracts.md`."""
