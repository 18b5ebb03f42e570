"""What validation says of one file: every row is accepted or quarantined, by construction.

    rows = accepted.num_rows + quarantined.num_rows          for each money column: file = accepted + quarantined

`check_conservation` proves it on every verdict; a violation is a failure of this program, not a log line.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

import pyarrow as pa

from tables.contract import Trailer

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
class Verdict:
    """`accepted` has `contract.schema`; `quarantined` has `QUARANTINED`; both are ordered by `_row`.

    `held` is empty, or says why the whole file must wait: a control total that does not balance, or a file that turned
    out unreadable after its acceptance. Nothing of a held file may be merged.
    """

    accepted: pa.Table
    quarantined: pa.Table
    totals: Totals
    held: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """The verdict on some rows of a file, in order. `totals` are those of this part."""

    accepted: pa.Table
    quarantined: pa.Table
    totals: Totals
