"""CHECKs of a table from the rules of its contract: a second fence behind validation, which writers of any kind meet.

Only rules that both engines understand alike become one: bounds of numbers and dates, short lists, lengths.
"""

from __future__ import annotations

from typing import Any

from tables import sql
from tables.contract import Column, RuleUse, Severity

LONGEST_LIST = 50


def checks(columns: tuple[Column, ...]) -> dict[str, str]:
    """Name of the CHECK to its SQL, one for each column that has such a rule.

    A CHECK that is null counts as broken in Delta, so null is let through in so many words; NOT NULL is another fence.
    """
    found = {}
    for column in columns:
        parts = [part for rule in column.rules if _refuses(rule) for part in _parts(column, rule)]
        if parts:
            name = sql.portable_identifier(column.name)
            found[f"{column.name}_valid"] = f"({name} IS NULL OR ({' AND '.join(parts)}))"
    return found


def _refuses(rule: RuleUse) -> bool:
    """Whether no row that breaks the rule gets into the table."""
    return rule.severity is Severity.ERROR


def _parts(column: Column, rule: RuleUse) -> list[str]:
    name, params = sql.portable_identifier(column.name), dict(rule.params)
    match rule.name:
        case "between" | "date_range":
            texts = [(sign, sql.portable_literal(value, column.arrow)) for sign, value in _ends(params)]
            return [f"{name} {sign} {text}" for sign, text in texts if text is not None]
        case "length":
            return [f"char_length({name}) {sign} {count:d}" for sign, count in _ends(params)]
        case "enum" if len(params["values"]) <= LONGEST_LIST:
            values = [sql.portable_literal(value, column.arrow) for value in params["values"]]
            return [] if None in values else [f"{name} IN ({', '.join(map(str, values))})"]
        case _:
            return []


def _ends(params: dict[str, Any]) -> list[tuple[str, Any]]:
    """The bounds that are stated, each with its comparison."""
    return [(sign, params[end]) for sign, end in ((">=", "low"), ("<=", "high")) if params[end] is not None]
