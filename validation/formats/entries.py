"""Bank statements: whatever their format, their entries have the columns of `FIELDS`, and prove their own balances."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from ledgerlake.errors import RejectedError
from tables.contract import Contract
from validation.columns import Columns, fold, match, names_of
from validation.formats.block import Block, Broken, beside, noted
from validation.formats.encoding import decoded, open_text
from validation.totals import EXACT, add

FIELDS = (
    "account",
    "currency",
    "statement",
    "booking_date",
    "value_date",
    "amount",
    "type",
    "reference",
    "bank_reference",
    "description",
)
"""The columns of an entry: dates in ISO 8601, `amount` with a minus where the account is debited."""

ROWS = 10_000
MAX_LINE = 1024 * 1024
_READ = 256 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """One booking: the line where it starts, its text, and its cells by field."""

    line: int
    raw: str
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Unbalanced:
    """Why a statement does not prove itself."""

    reason: str


@dataclass(frozen=True, slots=True)
class Closing:
    """A balance that the file states without an opening one."""

    balance: Decimal


Item = Entry | Broken | Unbalanced | Closing


@dataclass
class Movements:
    """The exact sum and number of the entries so far."""

    sum: Decimal = Decimal(0)
    count: int = 0

    def add(self, amount: Decimal) -> None:
        """Counts an entry."""
        self.sum, self.count = add(self.sum, amount), self.count + 1


def columns_of(contract: Contract) -> Columns:
    """Which fields feed which columns; one that the contract does not name is kept only to be rescued.

    Raises:
        RejectedError: the contract wants a column that no statement has.
    """
    return match(_named(contract), contract, f"{contract.file.name} gives {', '.join(FIELDS)}")


def blocks(items: Iterator[Item], contract: Contract) -> Iterator[Callable[[], Block]]:
    """Tasks for the entries of a file, some thousand each."""
    columns, some = columns_of(contract), list[Item]()
    for item in items:
        some.append(item)
        if len(some) == ROWS:
            yield partial(_block, some, _named(contract), columns)
            some = []
    yield partial(_block, some, _named(contract), columns)


def text_blocks(
    stream: BinaryIO, contract: Contract, read: Callable[[Iterator[tuple[int, str]]], Iterator[Item]]
) -> Iterator[Callable[[], Block]]:
    """As `blocks`, of what is read from the lines of a text."""
    notes: dict[str, str] = {}
    for task in blocks(read(text_lines(stream, contract, notes)), contract):
        yield partial(noted, task, dict(notes))


def text_lines(stream: BinaryIO, contract: Contract, notes: dict[str, str]) -> Iterator[tuple[int, str]]:
    """The lines of a text with their numbers; LF, CR LF and CR end one. `notes` as in `open_text` and `decoded`.

    Raises:
        RejectedError: while reading: a line is too long, or in none of the contract's encodings.
    """
    text, encodings = open_text(stream, contract.file.encodings, notes)
    rest, line = b"", 1
    while True:
        more = text.read(_READ)
        held = b"\r" if more and (rest + more).endswith(b"\r") else b""
        whole = (rest + more).removesuffix(held).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        rest = whole.pop() + held if more else b""
        for each in whole:
            yield line, decoded(each, encodings, line, notes)
            line += 1
        if not more:
            return
        if len(rest) > MAX_LINE:
            msg = f"line {line} is longer than {MAX_LINE:,} bytes"
            raise RejectedError("records", msg)


def number(text: str) -> Decimal | None:
    """A number of digits and one comma or point; None for any other text."""
    plain = text.strip().replace(",", ".")
    if not plain.isascii() or not plain.lstrip("+-").replace(".", "", 1).isdigit() or len(plain) > EXACT.prec // 4:
        return None
    try:
        return EXACT.create_decimal(plain)
    except InvalidOperation:
        return None


def written(amount: Decimal) -> str:
    """An amount with all its digits."""
    return format(amount, "f")


def in_units(amount: int, digits: int) -> Decimal:
    """An amount whose last digits are those of a fraction."""
    return EXACT.scaleb(Decimal(amount), -digits)


def off(where: str, opening: Decimal, moved: Decimal, closing: Decimal) -> Iterator[Unbalanced]:
    """What keeps the movements from leading from one balance to the other."""
    reached = add(opening, moved)
    if reached != closing:
        missing = EXACT.subtract(closing, reached)
        way = f"{where} goes from {opening:,f} to {reached:,f}, its closing balance is {closing:,f}"
        yield Unbalanced(f"{way}: a difference of {missing:,f}")


def differs(where: str, what: str, declared: Decimal | int, found: Decimal | int) -> Iterator[Unbalanced]:
    """What keeps a declared total from being what was found."""
    said, have = Decimal(declared), Decimal(found)
    if said != have:
        missing = EXACT.subtract(said, have)
        yield Unbalanced(f"{where} declares {said:,f} {what}, it has {have:,f}: a difference of {missing:,f}")


def _named(contract: Contract) -> list[str]:
    names = names_of(contract)
    return [name for name in FIELDS if fold(name) in names.known or names.others == "rescue"]


def _block(items: list[Item], named: list[str], columns: Columns) -> Block:
    entries = [item for item in items if isinstance(item, Entry)]
    texts = [pa.array([entry.cells.get(name, "") for entry in entries], pa.string()) for name in named]
    return Block(
        np.array([entry.line for entry in entries], np.int64),
        {fed: texts[at] for at, fed in enumerate(columns.fed) if fed},
        partial(_raw, entries),
        tuple(item for item in items if isinstance(item, Broken)),
        others=beside([(name, texts[at]) for at, name in columns.others.items()], len(entries)),
        unbalanced=tuple(item.reason for item in items if isinstance(item, Unbalanced)),
        closing=tuple(item.balance for item in items if isinstance(item, Closing)),
    )


def _raw(entries: list[Entry], positions: list[int]) -> list[str]:
    return [entries[position].raw for position in positions]


@dataclass
class Joined:
    """Lines that belong together, the first on `line`."""

    line: int
    lines: list[str] = field(default_factory=list)

    @property
    def raw(self) -> str:
        """The text as it stands in the file."""
        return "\n".join(self.lines)
