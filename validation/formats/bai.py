"""BAI2: cash management balance reports. The totals of its 49, 98 and 99 records prove accounts, groups and the file.

Amounts have no point: their last digits are the currency's minor unit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from bai2.constants import TypeCodes, TypeCodeTransaction

from tables.contract import Contract
from tables.reference import currencies
from validation.formats.block import Block, Broken, Format
from validation.formats.entries import (
    Entry,
    Item,
    Joined,
    Unbalanced,
    columns_of,
    differs,
    in_units,
    text_blocks,
    written,
)

RULE = "bai2"
USUAL_DIGITS = 2  # of the minor unit of a currency that ISO 4217 does not know
_AMOUNT = re.compile(r"[+-]?[0-9]{1,30}")
_AFTER_FUNDS = {"V": 2, "S": 3}
_DEBIT, _CREDIT = range(400, 700), range(100, 400)
_OWN_DEBIT, _OWN_CREDIT = range(960, 1000), range(920, 960)
_TRAILERS = {"49": "account", "98": "group", "99": "file"}


@dataclass
class _Level:
    """Sums of what stands between a header and its trailer: amounts as written, parts, physical records."""

    amount: int = 0
    parts: int = 0
    records: int = 0

    def take(self, part: _Level) -> None:
        """Adds a part that its trailer closed."""
        self.amount, self.parts, self.records = self.amount + part.amount, self.parts + 1, self.records + part.records


@dataclass
class _File:
    """Where the reader is."""

    levels: dict[str, _Level] = field(default_factory=lambda: {code: _Level() for code in _TRAILERS})
    currency: str = "USD"
    group_currency: str = "USD"
    account: str = ""
    day: str = ""
    open: set[str] = field(default_factory=set)
    ended: bool = False


def sniff(prefix: bytes) -> bool:
    """Starts with a file header."""
    return prefix.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"01,")


def check_header(_prefix: bytes, contract: Contract, _complete: bool) -> None:  # noqa: FBT001  # the shape of a Format
    """As that of MT940: the contract must not want a column that no statement has."""
    columns_of(contract)


def split(stream: BinaryIO, contract: Contract) -> Iterator[Callable[[], Block]]:
    """As `Format.split`."""
    yield from text_blocks(stream, contract, _items)


FORMAT = Format("bai2", sniff, check_header, split)


def _items(lines: Iterator[tuple[int, str]]) -> Iterator[Item]:
    at = _File()
    for code, record in _records(lines):
        cells = _cells(record)
        at.levels[_level_of(code)].records += len(record.lines)
        match code:
            case "01":
                at.open.add("99")
            case "02":
                at.open.add("98")
                at.day, at.group_currency = _day(_cell(cells, 4)), _cell(cells, 6) or "USD"
            case "03":
                at.open.add("49")
                at.account, at.currency = _cell(cells, 1), _cell(cells, 2) or at.group_currency
                yield from _summarised(cells, record, at)
            case "16":
                yield _entry(cells, record, at)
            case "49" | "98" | "99":
                yield from _closed(code, cells, record, at)
            case _:
                yield Broken(record.line, RULE, f"{code[:10]!r} is no record code", record.raw)
    yield from _unended(at)


def _unended(at: _File) -> Iterator[Item]:
    for code in sorted(at.open):
        yield Unbalanced(f"the {_TRAILERS[code]} has no trailer ({code}): the file may be cut off")
    if not at.ended and "99" not in at.open:
        yield Unbalanced("the file has no header (01) and no trailer (99): send a whole BAI2 file")


def _records(lines: Iterator[tuple[int, str]]) -> Iterator[tuple[str, Joined]]:
    """Each record by its code, with the lines (88) on which it goes on."""
    found: Joined | None = None
    for line, text in lines:
        if not text.strip():
            continue
        if text.startswith("88,") and found:
            found.lines.append(text)
            continue
        if found:
            yield _code(found), found
        found = Joined(line, [text])
    if found:
        yield _code(found), found


def _code(record: Joined) -> str:
    return record.lines[0].partition(",")[0].strip().rstrip("/")


def _level_of(code: str) -> str:
    """The trailer that counts a record."""
    return {"01": "99", "99": "99", "02": "98", "98": "98"}.get(code, "49")


def _cells(record: Joined) -> list[str]:
    """The fields of a record; one that ends in `/` goes on with a new field."""
    text = ""
    for number_, line in enumerate(record.lines):
        more = line.strip() if number_ == 0 else line.strip()[3:]
        ended = more.endswith("/")
        text += more.removesuffix("/") + ("," if ended else " ")
    return [cell.strip() for cell in text[:-1].split(",")]


def _cell(cells: Sequence[str], at: int) -> str:
    return cells[at] if at < len(cells) else ""


def _whole(text: str) -> int | None:
    """An amount or count as written; an empty one is nothing."""
    if not text:
        return 0
    return int(text) if _AMOUNT.fullmatch(text) else None


def _after_funds(cells: Sequence[str], at: int) -> int:
    """Where the fields go on after the funds type at that position."""
    kind = _cell(cells, at)
    pairs = _whole(_cell(cells, at + 1)) if kind == "D" else None
    return at + 1 + (1 + 2 * pairs if pairs is not None else _AFTER_FUNDS.get(kind, 0))


def _summarised(cells: list[str], record: Joined, at: _File) -> Iterator[Item]:
    """Adds the amounts of an account's summaries to its total."""
    position = 3
    while position < len(cells):
        if not cells[position]:  # some banks end a line with one comma more
            position += 1
            continue
        amount = _whole(_cell(cells, position + 1))
        if amount is None:
            yield Unbalanced(f"line {record.line}: account {at.account} has an amount {cells[position + 1][:40]!r}")
        at.levels["49"].amount += amount or 0
        position = _after_funds(cells, position + 3)


def _entry(cells: list[str], record: Joined, at: _File) -> Item:
    code, amount = _cell(cells, 1), _whole(_cell(cells, 2))
    sign = _sign(code)
    if amount is None or sign is None:
        wrong = f"amount {_cell(cells, 2)[:40]!r}" if amount is None else f"type code {code[:40]!r}"
        return Broken(record.line, RULE, f"the {wrong} of the transaction means nothing", record.raw)
    at.levels["49"].amount += amount
    after = _after_funds(cells, 3)
    digits = currencies().get(at.currency)
    value = _day(_cell(cells, 4)) if _cell(cells, 3) == "V" else at.day
    return Entry(
        record.line,
        record.raw,
        {
            "account": at.account,
            "currency": at.currency,
            "booking_date": at.day,
            "value_date": value,
            "amount": written(in_units(sign * amount, USUAL_DIGITS if digits is None else digits)),
            "type": code,
            "bank_reference": _cell(cells, after),
            "reference": _cell(cells, after + 1),
            "description": ",".join(cells[after + 2 :]).strip(),
        },
    )


def _sign(code: str) -> int | None:
    """1 for a credit, -1 for a debit, 0 for what moves no money."""
    if not (code.isascii() and code.isdigit()) or len(code) > 3:  # noqa: PLR2004  # digits of a type code
        return None
    known, number_ = TypeCodes.get(code.zfill(3)), int(code)
    if known and known.transaction is not None:
        return {TypeCodeTransaction.credit: 1, TypeCodeTransaction.debit: -1}.get(known.transaction, 0)
    if number_ in _DEBIT or number_ in _OWN_DEBIT:
        return -1
    return 1 if number_ in _CREDIT or number_ in _OWN_CREDIT else 0


def _day(text: str) -> str:
    """YYMMDD as an ISO date; another text stays as it is, for the column to refuse."""
    return f"20{text[:2]}-{text[2:4]}-{text[4:]}" if len(text) == 6 and text.isdigit() else text  # noqa: PLR2004


def _closed(code: str, cells: list[str], record: Joined, at: _File) -> Iterator[Item]:
    """Compares a trailer with what it closes, and adds that to the level above."""
    level, what = at.levels[code], _TRAILERS[code]
    where = f"line {record.line}: the trailer ({code}) of the {what}" + (f" {at.account}" if code == "49" else "")
    counts = ["records"] if code == "49" else ["accounts" if code == "98" else "groups", "records"]
    found = [level.records] if code == "49" else [level.parts, level.records]
    names = [("in all", level.amount), *zip(counts, found, strict=True)]
    for at_, (name, have) in enumerate(names, 1):
        said = _whole(_cell(cells, at_))
        if said is None:
            yield Unbalanced(f"{where} declares {cells[at_][:40]!r} {name}, which is no number")
        else:
            yield from differs(where, name, said, have)
    at.open.discard(code)
    at.ended = at.ended or code == "99"
    at.levels[code] = _Level()
    above = {"49": "98", "98": "99"}.get(code)
    if above:
        at.levels[above].take(level)
