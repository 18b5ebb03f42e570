"""camt.053: ISO 20022's bank statement. Opening balance and booked entries lead to the closing balance of each.

Read by expat as it comes, in bounded memory. A document type is refused, so that no entity is ever defined.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import BinaryIO
from xml.parsers import expat  # a document type is refused: no entity is defined, none expanded

from ledgerlake.errors import RejectedError
from tables.contract import Contract
from validation.formats.block import Block, Broken, Format, read_fully
from validation.formats.entries import (
    Entry,
    Item,
    Movements,
    Unbalanced,
    blocks,
    columns_of,
    differs,
    number,
    off,
    written,
)

RULE = "camt.053"
MAX_DEPTH = 100
MAX_ENTRY = 8 * 1024 * 1024  # characters
_ELEMENT = 64  # characters that an element counts for
_READ = 64 * 1024
_KEPT = frozenset({"Ntry", "Bal", "Acct", "TxsSummry"})


@dataclass
class _Node:
    """An element with its text and, where it is kept, its children."""

    name: str
    line: int
    currency: str = ""
    text: str = ""
    children: list[_Node] = field(default_factory=list)

    def at(self, path: str) -> str:
        """The text of the first element on that path."""
        name, _, rest = path.partition("/")
        for child in self.children:
            if child.name == name:
                found = child.at(rest) if rest else child.text.strip()
                if found:
                    return found
        return ""

    def raw(self) -> str:
        """The element as XML, without namespaces."""
        inner = "".join(child.raw() for child in self.children)
        text = self.text.strip().replace("&", "&amp;").replace("<", "&lt;")
        mark = f' Ccy="{self.currency}"' if self.currency else ""
        return f"<{self.name}{mark}>{text}{inner}</{self.name}>"


@dataclass
class _Statement:
    """What is known of the statement that is being read."""

    line: int
    number: str = ""
    account: str = ""
    currency: str = ""
    balances: dict[str, Decimal] = field(default_factory=dict)
    booked: Movements = field(default_factory=Movements)
    all: Movements = field(default_factory=Movements)
    summary: _Node | None = None


@dataclass
class _Reader:
    """Expat's handlers: what they find waits in `items`."""

    parser: expat.XMLParserType
    items: list[Item] = field(default_factory=list)
    open: list[_Node] = field(default_factory=list)
    kept: int = 0
    statement: _Statement | None = None
    statements: int = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element opens."""
        node = _Node(name.rpartition(":")[2], self.parser.CurrentLineNumber, attributes.get("Ccy", ""))
        self._count(len(name) + _ELEMENT)
        if len(self.open) == MAX_DEPTH:
            raise _refused(node.line, f"elements are nested more than {MAX_DEPTH} deep")
        if self.open and (self.open[-1].name in _KEPT or self._keeps):
            self.open[-1].children.append(node)
        self.open.append(node)
        if node.name == "Stmt":
            self.statement, self.statements = _Statement(node.line), self.statements + 1
        if node.name in _KEPT and not self._inner(_KEPT):
            self.kept = 0

    def text(self, data: str) -> None:
        """Some text inside the element that is open."""
        self._count(len(data))
        if self.open:
            self.open[-1].text += data

    def end(self, _name: str) -> None:
        """An element closes."""
        node = self.open.pop()
        if self.statement is None or self._keeps:
            return
        match node.name:
            case "Id" if self.open and self.open[-1].name == "Stmt":
                self.statement.number = node.text.strip()
            case "Acct":
                self.statement.account = node.at("Id/IBAN") or node.at("Id/Othr/Id")
                self.statement.currency = node.at("Ccy")
            case "Bal":
                self.items += _balance(node, self.statement)
            case "TxsSummry":
                self.statement.summary = node
            case "Ntry":
                self.items.append(_entry(node, self.statement))
            case "Stmt":
                self.items += _proven(self.statement)
                self.statement = None

    @property
    def _keeps(self) -> bool:
        return any(node.name in _KEPT for node in self.open)

    def _inner(self, names: frozenset[str]) -> bool:
        return any(node.name in names for node in self.open[:-1])

    def _count(self, size: int) -> None:
        self.kept += size
        if self.kept > MAX_ENTRY:
            raise _refused(self.parser.CurrentLineNumber, f"more than {MAX_ENTRY:,} characters without a new entry")


def sniff(prefix: bytes) -> bool:
    """XML whose namespace is camt.053's."""
    return b"camt.053" in prefix[:4096].replace(b"\0", b"") and b"<" in prefix[:64]


def check_header(_prefix: bytes, contract: Contract, _complete: bool) -> None:  # noqa: FBT001  # the shape of a Format
    """As that of MT940: the contract must not want a column that no statement has."""
    columns_of(contract)


def split(stream: BinaryIO, contract: Contract) -> Iterator[Callable[[], Block]]:
    """As `Format.split`."""
    yield from blocks(_items(stream), contract)


FORMAT = Format("camt.053", sniff, check_header, split, text=False)


def _items(stream: BinaryIO) -> Iterator[Item]:
    parser = expat.ParserCreate()
    reader = _Reader(parser)
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = reader.text, _no_doctype
    while True:
        data = read_fully(stream, _READ)
        try:
            parser.Parse(data, not data)
        except expat.ExpatError as error:
            raise _refused(error.lineno, f"this is no XML: {expat.ErrorString(error.code)}") from error
        except (LookupError, ValueError) as error:
            raise _refused(parser.CurrentLineNumber, f"the encoding cannot be read: {error}") from error
        yield from reader.items
        reader.items.clear()
        if not data:
            break
    if not reader.statements:
        yield Unbalanced("the file has no statement (Stmt): send a whole camt.053 file")


def _no_doctype(*_of: object) -> None:
    raise _refused(1, "a document type (DOCTYPE) is not accepted; leave it out")


def _refused(line: int, why: str) -> RejectedError:
    return RejectedError("records", f"line {line}: {why}")


def _signed(node: _Node) -> Decimal | None:
    """The amount of a balance or an entry: negative for a debit. A reversal says its direction itself."""
    amount, mark = number(node.at("Amt")), node.at("CdtDbtInd")
    if amount is None or mark not in {"CRDT", "DBIT"}:
        return None
    return amount.copy_negate() if mark == "DBIT" else amount


def _balance(node: _Node, statement: _Statement) -> Iterator[Item]:
    kind, amount = node.at("Tp/CdOrPrtry/Cd"), _signed(node)
    if amount is None:
        yield Unbalanced(f"line {node.line}: the balance {kind} has no amount that can be read")
    else:
        statement.balances.setdefault(kind, amount)


def _entry(node: _Node, statement: _Statement) -> Entry | Broken:
    amount, status = _signed(node), node.at("Sts/Cd") or node.at("Sts")
    if amount is None:
        return Broken(node.line, RULE, "the entry has no amount (Amt) with its direction (CdtDbtInd)", node.raw())
    statement.all.add(amount)
    if status in {"BOOK", ""}:
        statement.booked.add(amount)
    details = "NtryDtls/TxDtls/"
    words = [node.at(details + "RmtInf/Ustrd"), node.at("AddtlNtryInf")]
    cells = {
        "account": statement.account,
        "currency": next((child.currency for child in node.children if child.name == "Amt"), ""),
        "statement": statement.number,
        "booking_date": _day(node, "BookgDt"),
        "value_date": _day(node, "ValDt") or _day(node, "BookgDt"),
        "amount": written(amount),
        "type": node.at("BkTxCd/Domn/Fmly/SubFmlyCd") or node.at("BkTxCd/Prtry/Cd"),
        "reference": node.at(details + "Refs/EndToEndId") or node.at("NtryRef"),
        "bank_reference": node.at("AcctSvcrRef") or node.at(details + "Refs/AcctSvcrRef"),
        "description": " ".join(filter(None, words)),
    }
    return Entry(node.line, node.raw(), cells)


def _day(node: _Node, name: str) -> str:
    return node.at(f"{name}/Dt") or node.at(f"{name}/DtTm")[:10]


def _proven(statement: _Statement) -> Iterator[Item]:
    where = f"line {statement.line}: statement {statement.number or '?'} of account {statement.account or '?'}"
    opening = statement.balances.get("OPBD", statement.balances.get("PRCD"))
    closing = statement.balances.get("CLBD")
    if opening is None or closing is None:
        yield Unbalanced(f"{where} has no {'opening (OPBD)' if opening is None else 'closing (CLBD)'} balance")
    else:
        yield from off(where, opening, statement.booked.sum, closing)
    if statement.summary is not None:
        count = statement.summary.at("TtlNtries/NbOfNtries")
        if count.isascii() and count.isdigit():
            yield from differs(where, "entries (NbOfNtries)", int(count[:30]), statement.all.count)
