"""Contracts and verdicts as values, for tests of the validation of files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from tables.contract import Column, Contract, FileFormat, Kind
from validation.verdict import Verdict

ID = Column("id", Kind.INTEGER, required=True)
NAME = Column("name", Kind.STRING, aliases=("Full Name",))
AMOUNT = Column("amount", Kind.DECIMAL, precision=18, scale=2, money=True)
DAY = Column("day", Kind.DATE, formats=("%d/%m/%Y",))


def a_contract(columns: Sequence[Column] = (ID, NAME, AMOUNT), **file: Any) -> Contract:
    """A contract of these columns; `file` are the options of its `FileFormat`."""
    return Contract("trades", "1.0.0", "0" * 64, tuple(columns), file=FileFormat(**file))


def reasons(verdict: Verdict) -> list[tuple[int, str, str | None]]:
    """(row, rule, column) of every reason in the quarantine."""
    return [
        (row["_row"], reason["rule"], reason["column"])
        for row in verdict.quarantined.to_pylist()
        for reason in row["reasons"]
    ]


def messages(verdict: Verdict) -> list[str]:
    """Every message in the quarantine."""
    return [reason["message"] for row in verdict.quarantined.to_pylist() for reason in row["reasons"]]


def column(verdict: Verdict, name: str) -> list[Any]:
    """A column of the accepted rows."""
    values: list[Any] = verdict.accepted.column(name).to_pylist()
    return values


def texts(*cells: str | None) -> pa.StringArray:
    """Cells of text."""
    return pa.array(cells, pa.string())
