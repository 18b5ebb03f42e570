"""MT940 and MT942: SWIFT's statements and interim reports. Balances, or counts and sums, prove each statement."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import BinaryIO

from mt940.tags import FinalOpeningBalance, Statement, StatementASNB, StatementGLS, SumDebitEntries

from tables.contract import Contract
from validation.formats.block import Block, Broken, Format
from validation.formats.entries import (
    Entry,
    Item,
    Joined,
    Movements,
    Unbalanced,
    columns_of,
    differs,
    number,
    off,
    text_blocks,
    written,
)

_TAG = re.compile(r":([0-9]{2}[A-Z]?|NS):", re.ASCII)
_ENTRY = (Statement().re, StatementGLS().re, StatementASNB().re)
_BALANCE, _SUM = FinalOpeningBalance().re, SumDebitEntries().re
RULE = "mt940"
MAX_COUNT = 18  # digits of a number of entries
_ENDS = ("-", "--")  # of a message without its block brackets


@dataclass
class _Statement:
    """What is known of the statement that is being read."""

    line: int
    reference: str = ""
    account: str = ""
    number: str = ""
    currency: str = ""
    opening: Decimal | None = None
    entry: Entry | Broken | None = None
    moved: Movements = field(default_factory=Movements)
    debits: Movements = field(default_factory=Movements)
    credits: Movements = field(default_factory=Movements)
    proven: bool = False
    seen: bool = False

    @property
    def name(self) -> str:
        """How messages call it."""
        return f"statement {self.number or self.reference or '?'} of account {self.account or '?'}"


def sniff(prefix: bytes) -> bool:
    """A field such as `:20:` opens one of the first lines."""
    lines = prefix[:4096].replace(b"\r", b"\n").split(b"\n")
    return any(_TAG.match(line.decode("latin-1")) for line in lines)


def check_header(_prefix: bytes, contract: Contract, _complete: bool) -> None:  # noqa: FBT001  # the shape of a Format
    """There is no header; the contract must not want a column that no statement has."""
    columns_of(contract)


def split(stream: BinaryIO, contract: Contract) -> Iterator[Callable[[], Block]]:
    """As `Format.split`."""
    yield from text_blocks(stream, contract, _items)


FORMAT = Format("mt940", sniff, check_header, split)


def _items(lines: Iterator[tuple[int, str]]) -> Iterator[Item]:
    current, seen = _Statement(1), False
    for tag, field_ in _fields(lines):
        text = field_.raw[len(tag) + 2 :]
        if tag == "20":
            yield from _ended(current)
            current, seen = _Statement(field_.line, reference=_first(text), seen=True), True
        elif tag == "61":
            yield from _taken(current)
            current.entry = _entry(text, field_, current)
            current.seen = True
        elif tag == "86" and isinstance(current.entry, Entry):
            current.entry = _described(current.entry, text, field_)
            yield from _taken(current)
        else:
            yield from _taken(current)
            yield from _of_statement(current, tag, text, field_)
    yield from _ended(current)
    if not (seen or current.seen):
        yield Unbalanced("the file has no statement (:20:) and no entry (:61:): send a whole MT940 or MT942 file")


def _fields(lines: Iterator[tuple[int, str]]) -> Iterator[tuple[str, Joined]]:
    """Each field by its tag, with the lines that it goes on."""
    tag, found = "", Joined(1)
    for line, text in _unwrapped(lines):
        opened = _TAG.match(text)
        if opened or text.rstrip() in _ENDS or text.startswith("-}") or not tag:
            if tag:
                yield tag, found
            tag, found = opened[1] if opened else "", Joined(line)
        if tag:
            found.lines.append(text)
    if tag:
        yield tag, found


def _unwrapped(lines: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """The lines; a colon that was left alone at a wrapped line's end belongs to the next one."""
    alone = 0
    for line, text in lines:
        if text == ":" and not alone:
            alone = line
            continue
        yield (alone, f":{text}") if alone else (line, text)
        alone = 0


def _of_statement(current: _Statement, tag: str, text: str, found: Joined) -> Iterator[Item]:
    where = f"line {found.line}: {current.name}"
    current.seen = current.seen or tag[:2] in {"60", "62", "90"}
    match tag:
        case "25":
            current.account = _first(text)
        case "28" | "28C":
            current.number = _first(text)
        case "60F" | "60M":
            current.opening, current.currency, current.moved = *_balance(text), Movements()
            if current.opening is None:
                yield Unbalanced(f"{where} has an opening balance that cannot be read: {text[:60]!r}")
        case "62F" | "62M":
            current.proven = True
            closing, _ = _balance(text)
            if closing is None or current.opening is None:
                what = f"closing balance that can be read: {text[:60]!r}" if closing is None else "opening balance"
                yield Unbalanced(f"{where} has no {what}")
            else:
                yield from off(where, current.opening, current.moved.sum, closing)
        case "90D" | "90C":
            current.proven = True
            yield from _summed(where, text, current.debits if tag == "90D" else current.credits)


def _first(text: str) -> str:
    return text.partition("\n")[0].strip()


def _balance(text: str) -> tuple[Decimal | None, str]:
    found = _BALANCE.match(text)
    amount = number(found["amount"]) if found else None
    if found is None or amount is None:
        return None, ""
    return amount.copy_negate() if found["status"].upper() == "D" else amount, found["currency"]


def _summed(where: str, text: str, moved: Movements) -> Iterator[Item]:
    found = _SUM.match(text)
    total = number(found["amount"]) if found else None
    if found is None or total is None or len(found["number"]) > MAX_COUNT:
        yield Unbalanced(f"{where} has a sum of entries that cannot be read: {text[:60]!r}")
        return
    yield from differs(where, "entries of that kind", int(found["number"] or 0), moved.count)
    yield from differs(where, "in all of that kind", total, moved.sum.copy_abs())


def _entry(text: str, found: Joined, current: _Statement) -> Entry | Broken:
    read = next((matched for pattern in _ENTRY if (matched := pattern.match(text))), None)
    amount = number(read["amount"]) if read else None
    if read is None or amount is None:
        return Broken(found.line, RULE, "the field :61: is no entry: date, D or C, amount, type", found.raw)
    mark = read["status"].upper()
    signed = amount.copy_negate() if mark in {"D", "RC"} else amount
    current.moved.add(signed)
    (current.debits if signed < 0 or mark == "D" else current.credits).add(signed)
    value, booked = _dates(read)
    cells = {
        "account": current.account,
        "currency": current.currency,
        "statement": current.number,
        "booking_date": booked,
        "value_date": value,
        "amount": written(signed),
        "type": read["id"] or "",
        "reference": (read["customer_reference"] or "").strip(),
        "bank_reference": (read["bank_reference"] or "").strip(),
        "description": (read["extra_details"] or "").strip(),
    }
    return Entry(found.line, found.raw, cells)


def _dates(read: re.Match[str]) -> tuple[str, str]:
    """Value date and entry date. The latter has no year: it is within half a year of the former."""
    year, month, day = 2000 + int(read["year"]), read["month"], read["day"]
    value = f"{year}-{month}-{day}"
    entry_month, entry_day = read["entry_month"] or "", read["entry_day"] or ""
    if not (entry_month + entry_day).strip():
        return value, value
    apart = int(entry_month) - int(month) if entry_month.isdigit() else 0
    booked = year + (apart < -6) - (apart > 6)  # noqa: PLR2004  # months
    return value, f"{booked}-{entry_month}-{entry_day}"


def _described(entry: Entry, text: str, found: Joined) -> Entry:
    words = " ".join(filter(None, [entry.cells["description"], text.replace("\n", "").strip()]))
    return Entry(entry.line, f"{entry.raw}\n{found.raw}", {**entry.cells, "description": words})


def _taken(current: _Statement) -> Iterator[Item]:
    """The entry that was waiting for its description."""
    if current.entry:
        yield current.entry
    current.entry = None


def _ended(current: _Statement) -> Iterator[Item]:
    yield from _taken(current)
    if current.seen and not current.proven:
        yield Unbalanced(
            f"line {current.line}: {current.name} has no closing balance (:62F:) and no sums (:90D:, :90C:): it may be "
            "cut off"
        )
