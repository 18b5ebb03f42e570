"""What a merge mode is: a declaration that two thin executors run, one on deltalake, one on Spark.

A mode says whether rows have a key, which row of a key is the newest, and what a merge does with rows `s` of a run
and rows `t` of the table. Its SQL is the part of the language on which both engines agree; only the quoting of
names differs, so an executor passes its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tables.contract import Contract

Quote = Callable[[str], str]
"""Quotes a column's name the way an engine wants it."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One WHEN of a MERGE. `values` are target columns and the SQL that fills them, in the order of the schema."""

    matched: bool
    action: str  # "update" or "insert"
    condition: str | None
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Mode:
    """`order` names the columns that order rows of one key, the most significant first, null below every value.

    A mode without a key keeps every row: it is an append and has no clauses. A mode with a key is handed at most one
    row of each key, the newest of its run.
    """

    name: str
    keyed: bool
    order: Callable[[Contract], tuple[str, ...]]
    clauses: Callable[[Contract, Quote], tuple[Clause, ...]]


def same_key(contract: Contract, quote: Quote) -> str:
    """SQL: `s` and `t` are the same row. A nullable key column compares null with null as equal."""
    parts = []
    for name in contract.primary_key:
        equal = "=" if contract.column(name).required else "IS NOT DISTINCT FROM"
        parts.append(f"(t.{quote(name)} {equal} s.{quote(name)})")
    return " AND ".join(parts)


def not_older(order: tuple[str, ...], quote: Quote) -> str:
    """SQL: `s` is at least as new as `t`; compares typed values column by column, null below every value."""
    head, *rest = order
    s, t = f"s.{quote(head)}", f"t.{quote(head)}"
    newer = f"({s} IS NOT NULL AND ({t} IS NULL OR {s} > {t}))"
    tied = f"({s} IS NOT DISTINCT FROM {t})"  # in DataFusion its right side reaches up to the bracket
    return f"({newer} OR ({tied}{' AND ' + not_older(tuple(rest), quote) if rest else ''}))"


def all_columns(contract: Contract, quote: Quote) -> tuple[tuple[str, str], ...]:
    """Every column of the table, lineage included, filled from `s`."""
    return tuple((name, f"s.{quote(name)}") for name in contract.table_schema.names)
