"""What validation says of one file: every row is accepted or quarantined, by construction.

    rows = accepted.num_rows + quarantined.num_rows          for each money column: file = accepted + quarantined

`check_conservation` proves it on every verdict; a violation is a failure of this program, not a log line.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal

import pyarrow as pa

from tables.contract import RuleUse, Severity, Trailer

REASON = pa.struct(
    [
        pa.field("rule", pa.string(), nullable=False),
        pa.field("column", pa.string()),
        pa.field("value", pa.string()),
        pa.field("message", pa.string(), nullable=False),
    ]
)
"""Why a row was refused. `column` is null for a rule about the whole row; `value` is the text as found."""

QUARANTINED = pa.schema(
    [
        pa.field("_row", pa.int64(), nullable=False),
        pa.field("raw", pa.string(), nullable=False),
        pa.field("reasons", pa.list_(REASON), nullable=False),
        pa.field("money", pa.map_(pa.string(), pa.string()), nullable=False),
    ]
)
"""A refused row: its line number, its raw text, all reasons, and those money cells that could be read,
as plain decimal text (a cell may have 38 digits on either side of its point)."""


@dataclass(frozen=True, slots=True)
class TrailerLine:
    """A trailer as found: its line, and the text that its pattern's group 1 matched."""

    line: int
    trailer: Trailer
    declared: str


@dataclass(frozen=True, slots=True)
class Totals:
    """Rows of the file, and the exact sum of every readable cell of each money column.

    Counted from the parsed cells before rows are told apart, so that it can disagree with a wrong split. `checked` are
    the contract's further control totals by name; `trailers` is what the file's own trailer lines declare, `notes` what
    had to be decided to read it. `unbalanced` and `closing` are as in `Block`.
    """

    rows: int
    money: dict[str, Decimal] = field(default_factory=dict)
    checked: dict[str, Decimal] = field(default_factory=dict)
    trailers: tuple[TrailerLine, ...] = ()
    notes: dict[str, str] = field(default_factory=dict)
    unbalanced: tuple[str, ...] = ()
    closing: tuple[Decimal, ...] = ()


@dataclass(frozen=True, slots=True)
class Flag:
    """Rows that break a rule and are kept: how many, the line of the first, and what the rule accepts.

    `column` is None for a rule of the whole row.
    """

    use: RuleUse
    column: str | None
    rows: int
    first: int
    message: str


def add_flags(found: Iterable[Flag]) -> tuple[Flag, ...]:
    """The flags of a file, one for each rule, from those of its parts in order."""
    flags: dict[tuple[str | None, RuleUse], Flag] = {}
    for flag in found:
        before = flags.get((flag.column, flag.use))
        flags[flag.column, flag.use] = replace(before, rows=before.rows + flag.rows) if before else flag
    return tuple(flags.values())


def warnings(flags: Iterable[Flag]) -> dict[str, int]:
    """How many rows of a file are kept with a warning, by the name of the rule."""
    counts: dict[str, int] = {}
    for flag in flags:
        if flag.use.severity is Severity.WARNING:
            name = rule_name(flag.use, flag.column)
            counts[name] = counts.get(name, 0) + flag.rows
    return counts


def rule_name(use: RuleUse, column: str | None) -> str:
    """What a rule is called where it stands: `column.rule`, or `rule` if it is one of the whole row."""
    return use.name if column is None else f"{column}.{use.name}"


def rules_that_hold(flags: Iterable[Flag]) -> tuple[str, ...]:
    """Why a file must wait: rules that no row of it may break."""
    return tuple(
        f"{flag.rows:,} row{'' if flag.rows == 1 else 's'}, first on line {flag.first}: {flag.message}"
        for flag in flags
        if flag.use.severity is Severity.HOLD
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """`accepted` has `contract.schema`; `quarantined` has `QUARANTINED`; both are ordered by `_row`.

    `held` is empty, or says why the whole file must wait: a control total that does not balance, a rule that no row may
    break, or a file that turned out unreadable after its acceptance. Nothing of a held file may be merged. `flags` are
    the rules that accepted rows break.
    """

    accepted: pa.Table
    quarantined: pa.Table
    totals: Totals
    held: tuple[str, ...] = ()
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """The verdict on some rows of a file, in order. `totals` and `flags` are those of this part."""

    accepted: pa.Table
    quarantined: pa.Table
    totals: Totals
    flags: tuple[Flag, ...] = ()
