"""OFX 1 (SGML) and 2 (XML): what banks give to download. A ledger balance is compared where the upload opens it.

Only tags and their texts are read: no document type, entity or markup has any further meaning.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from ledgerlake.errors import RejectedError
from tables.contract import Contract
from validation.formats.block import Block, Broken, Format
from validation.formats.entries import (
    MAX_LINE,
    Closing,
    Entry,
    Item,
    Unbalanced,
    columns_of,
    number,
    text_blocks,
    written,
)

RULE = "ofx"
_STATEMENTS = frozenset({"STMTRS", "CCSTMTRS", "INVSTMTRS"})
_ACCOUNTS = frozenset({"BANKACCTFROM", "CCACCTFROM", "INVACCTFROM"})
_OTHERS = frozenset({"BANKACCTTO", "CCACCTTO", "PAYEE", "AVAILBAL", "LEDGERBAL", "STATUS", "INVTRANLIST", "CURRENCY"})
_KNOWN = _STATEMENTS | _ACCOUNTS | _OTHERS | {"OFX", "STMTTRN", "ORIGCURRENCY"}
_NO_INVESTMENTS = frozenset({"INVBANKTRAN", "DTSTART", "DTEND"})
MAX_DEPTH = 100


@dataclass(frozen=True, slots=True)
class _Tag:
    """A tag with the text behind it, as both stand in the file."""

    line: int
    name: str
    closes: bool
    text: str
    raw: str


@dataclass
class _Open:
    """An aggregate that is being read: its leaves, and its text where that is kept."""

    name: str
    line: int
    leaves: dict[str, str] = field(default_factory=dict)
    raw: list[str] = field(default_factory=list)


def sniff(prefix: bytes) -> bool:
    """An OFX header, of version 1 or 2, or none at all."""
    head = prefix.removeprefix(b"\xef\xbb\xbf").lstrip()[:4096].upper()
    return head.startswith(b"OFXHEADER") or (head.startswith(b"<") and b"<OFX>" in head) or b"<?OFX" in head


def check_header(_prefix: bytes, contract: Contract, _complete: bool) -> None:  # noqa: FBT001  # the shape of a Format
    """As that of MT940: the contract must not want a column that no statement has."""
    columns_of(contract)


def split(stream: BinaryIO, contract: Contract) -> Iterator[Callable[[], Block]]:
    """As `Format.split`."""
    yield from text_blocks(stream, contract, lambda lines: _items(_tags(lines)))


FORMAT = Format("ofx", sniff, check_header, split)


def _tags(lines: Iterator[tuple[int, str]]) -> Iterator[_Tag]:
    """Every tag of the file, with the text up to the next one; marked text (CDATA) is text."""
    started, piece, marked = 0, "", False
    for line, text in lines:
        for number_, each in enumerate(text.split("<")):
            marked = marked or each.startswith("![CDATA[")
            if number_ and not marked:
                if started:
                    yield _tag(started, piece)
                started, piece = line, each
            else:
                piece += (f"<{each}" if number_ else each).replace("<![CDATA[", "").replace("]]>", "")
            marked = marked and "]]>" not in each
        piece += "\n"
        if len(piece) > MAX_LINE:
            msg = f"line {started or line}: no tag within {MAX_LINE:,} characters; an OFX file is expected"
            raise RejectedError("records", msg)
    if started:
        yield _tag(started, piece)


def _tag(line: int, piece: str) -> _Tag:
    name, ended, text = piece.partition(">")
    if not ended or name.startswith(("!DOCTYPE", "!ENTITY", "![")):
        msg = f"line {line}: <{name[:40].strip()} is no OFX tag; plain tags and texts are accepted"
        raise RejectedError("records", msg)
    closes = name.startswith("/")
    return _Tag(line, name.strip("/ \n").upper(), closes, html.unescape(text.strip()), f"<{piece}")


def _items(tags: Iterator[_Tag]) -> Iterator[Item]:
    inside: list[_Open] = []
    seen = False
    for tag in tags:
        for each in inside:
            if each.name == "STMTTRN" or _is_investment(each, inside):
                each.raw.append(tag.raw)
        if tag.closes:
            while any(each.name == tag.name for each in inside):
                yield from _closed(inside.pop(), inside)
        elif tag.text and inside and tag.name not in _KNOWN:
            inside[-1].leaves.setdefault(tag.name, tag.text)
        elif tag.name in _KNOWN or (inside and inside[-1].name == "INVTRANLIST" and tag.name not in _NO_INVESTMENTS):
            seen = seen or tag.name == "OFX"
            yield from _opened(tag, inside)
    if inside or not seen:
        where = f"ends inside <{inside[-1].name}>: it may be cut off" if inside else "has no <OFX>: send a whole file"
        yield Unbalanced(f"the file {where}")


def _opened(tag: _Tag, inside: list[_Open]) -> Iterator[Item]:
    """A new aggregate; an entry that was never closed ends where the next begins."""
    while tag.name == "STMTTRN" and any(each.name == "STMTTRN" for each in inside):
        yield from _closed(inside.pop(), inside)
    if len(inside) == MAX_DEPTH:
        msg = f"line {tag.line}: tags are nested more than {MAX_DEPTH} deep"
        raise RejectedError("records", msg)
    inside.append(_Open(tag.name, tag.line, raw=[tag.raw]))


def _is_investment(each: _Open, inside: list[_Open]) -> bool:
    at = inside.index(each)
    return at > 0 and inside[at - 1].name == "INVTRANLIST" and each.name not in _KNOWN


def _closed(found: _Open, inside: list[_Open]) -> Iterator[Item]:
    statement = next((each for each in reversed(inside) if each.name in _STATEMENTS), None)
    raw = "".join(found.raw).strip()
    if found.name in _ACCOUNTS and statement and inside[-1] is statement:
        statement.leaves["ACCTID"] = found.leaves.get("ACCTID", "")
    elif found.name == "STMTTRN":
        yield Entry(found.line, raw, _cells(found.leaves, statement.leaves if statement else {}))
    elif found.name == "PAYEE" and inside:
        inside[-1].leaves.setdefault("NAME", found.leaves.get("NAME", ""))
    elif found.name == "LEDGERBAL" and statement and found.leaves.get("BALAMT"):
        balance = number(found.leaves["BALAMT"])
        yield (
            Unbalanced(f"line {found.line}: the ledger balance {found.leaves['BALAMT'][:40]!r} is no number")
            if balance is None
            else Closing(balance)
        )
    elif found.name == "STATUS" and found.leaves.get("SEVERITY", "").upper() == "ERROR":
        code, words = found.leaves.get("CODE", "?"), found.leaves.get("MESSAGE", "without a message")
        yield Unbalanced(f"line {found.line}: instead of a statement the bank reports error {code[:20]}: {words[:200]}")
    elif inside and inside[-1].name == "INVTRANLIST":
        yield Broken(found.line, RULE, f"{found.name} moves an investment, it is no bank entry", raw)


def _cells(entry: dict[str, str], statement: dict[str, str]) -> dict[str, str]:
    amount = number(entry.get("TRNAMT", ""))
    words = dict.fromkeys(entry[name] for name in ("NAME", "MEMO") if entry.get(name))
    return {
        "account": statement.get("ACCTID", ""),
        "currency": statement.get("CURDEF", ""),
        "booking_date": _day(entry.get("DTPOSTED", "")),
        "value_date": _day(entry.get("DTAVAIL") or entry.get("DTPOSTED", "")),
        "amount": entry.get("TRNAMT", "") if amount is None else written(amount),
        "type": entry.get("TRNTYPE", ""),
        "reference": entry.get("FITID", ""),
        "bank_reference": entry.get("REFNUM") or entry.get("CHECKNUM", ""),
        "description": " ".join(words),
    }


def _day(text: str) -> str:
    """The date of a time, in the bank's own zone; another text stays as it is, for the column to refuse."""
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}" if text[:8].isdigit() and len(text[:8]) == 8 else text  # noqa: PLR2004
