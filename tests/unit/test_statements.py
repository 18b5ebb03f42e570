"""Bank statements of every format give the same columns, and prove themselves to the cent."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, BinaryIO, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerlake.errors import RejectedError
from tables.contract import Column, Contract, Kind
from tests.shapes import a_contract, column, reasons
from tests.statements import BAI2, CAMT, COLUMNS, MT940
from tests.statements import STATEMENTS as FILES
from validation.formats import FORMATS
from validation.formats.entries import FIELDS, text_lines
from validation.header import check_header
from validation.validate import check_conservation, validate
from validation.verdict import Verdict


def _contract(form: str, **file: Any) -> Contract:
    return a_contract(COLUMNS, name=form, **file)


def _judged(content: bytes, form: str) -> Verdict:
    found = validate(content, _contract(form))
    check_conservation(found)
    return found


@pytest.mark.parametrize("form", FILES)
def test_a_statement_that_balances_gives_its_entries(form: str) -> None:
    found = _judged(FILES[form], form)
    assert (found.held, found.quarantined.num_rows) == ((), 0)
    assert column(found, "account")[:2] == ["DE89370400440532013000"] * 2
    assert column(found, "currency")[:2] == ["EUR", "EUR"]
    assert column(found, "amount")[:2] == [Decimal("250.500"), Decimal("-0.500")]
    assert str(column(found, "booking_date")[0]) in {"2026-03-31", "2026-04-01"}
    assert column(found, "reference")[0] == "INV 1"
    assert "Rent" in column(found, "description")[0]
    assert FORMATS[form].sniff(FILES[form])
    assert not any(FORMATS[other].sniff(FILES[form]) for other in FILES if other != form)


@pytest.mark.parametrize("form", FILES)
def test_entries_stand_on_the_line_where_a_person_finds_them(form: str) -> None:
    found = _judged(FILES[form], form)
    first = {"mt940": b":61:", "bai2": b"16,", "ofx": b"<STMTTRN>", "camt.053": b"<Ntry>"}[form]
    lines = [at for at, line in enumerate(FILES[form].split(b"\n"), 1) if line.startswith(first)]
    assert column(found, "_row") == lines
    assert column(validate(FILES[form].replace(b"\n", b"\r\n"), _contract(form)), "_row") == lines


@pytest.mark.parametrize(
    ("form", "before", "after", "why"),
    [
        ("mt940", b"C250,50", b"C250,51", "goes from 1,000.00 to 1,250.01, its closing balance is 1,250.00: a diff"),
        ("mt940", b":62F:C260331EUR1250,00\n", b"", "has no closing balance (:62F:)"),
        ("mt940", b":60F:C260330EUR1000,00\n", b"", "has no opening balance"),
        ("bai2", b"16,195,25050", b"16,195,25051", "declares 275,150 in all, it has 275,151: a difference of -1"),
        ("bai2", b"49,275150,6", b"49,275150,5", "declares 5 records, it has 6: a difference of -1"),
        ("bai2", b"99,275150,1,10/\n", b"", "the file has no trailer (99): the file may be cut off"),
        ("bai2", b"98,275150,1", b"98,275150,x", "declares 'x' accounts, which is no number"),
        ("ofx", b"</OFX>", b"", "the file ends inside <OFX>: it may be cut off"),
        ("ofx", b"INFO", b"ERROR", "line 4: instead of a statement the bank reports error 0"),
        ("camt.053", b"250.50", b"250.51", "goes from 1,000.00 to 1,250.01, its closing balance is 1,250.00: a diff"),
        ("camt.053", b">3<", b">4<", "declares 4 entries (NbOfNtries), it has 3: a difference of 1"),
        ("camt.053", b"CLBD", b"CLAV", "has no closing (CLBD) balance"),
    ],
)
def test_a_statement_that_does_not_balance_is_held(form: str, before: bytes, after: bytes, why: str) -> None:
    assert before in FILES[form]
    held = _judged(FILES[form].replace(before, after, 1), form).held
    assert why in held[0], held


@pytest.mark.parametrize(
    ("form", "before", "after", "rule"),
    [
        ("mt940", b":61:2603310401C250,50", b":61:nothing", "mt940"),
        ("bai2", b"16,195,25050", b"16,195,25O50", "bai2"),
        ("bai2", b"16,195,", b"17,195,", "bai2"),
        ("camt.053", b'<Amt Ccy="EUR">0.50</Amt>', b"", "camt.053"),
    ],
)
def test_an_entry_that_cannot_be_read_is_quarantined(form: str, before: bytes, after: bytes, rule: str) -> None:
    assert before in FILES[form]
    found = _judged(FILES[form].replace(before, after, 1), form)
    assert [name for _, name, _ in reasons(found)] == [rule]
    assert found.held


@pytest.mark.parametrize("form", FILES)
def test_a_text_that_is_no_statement_is_held_or_rejected(form: str) -> None:
    try:
        assert _judged(b"hello", form).held
    except RejectedError as error:
        assert "records" in error.check  # noqa: PT017  # either way is an answer


def test_entities_and_document_types_are_refused() -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">]><Document>&lol;</Document>'
    for form in ("camt.053", "ofx"):
        with pytest.raises(RejectedError, match="DOCTYPE"):
            validate(bomb, _contract(form))


@pytest.mark.parametrize(
    ("form", "data"),
    [
        ("camt.053", b"<a>" * 200),
        ("camt.053", b"<Document><Stmt>" + b"<Ntry>" + b"<b/>" * 2_000_000),
        ("ofx", b"<OFX>" + b"<STATUS>" * 200),
        ("ofx", b"<OFX>" + b"x" * 2_000_000),
        ("mt940", b":20:" + b"x" * 2_000_000),
    ],
)
def test_what_would_fill_the_memory_is_rejected(form: str, data: bytes) -> None:
    with pytest.raises(RejectedError):
        validate(data, _contract(form))


def test_a_contract_names_only_the_fields_that_it_wants() -> None:
    amount = COLUMNS[FIELDS.index("amount")]
    found = validate(MT940, a_contract((amount, Column("iban", Kind.STRING, aliases=("account",))), name="mt940"))
    assert column(found, "iban") == ["DE89370400440532013000"] * 2
    wanted = a_contract((amount, Column("branch", Kind.STRING, required=True)), name="mt940")
    for judged in (lambda: check_header(MT940, wanted, True), lambda: validate(MT940, wanted)):
        with pytest.raises(RejectedError, match=r"mt940 gives account, currency, .* column 'branch' is missing"):
            judged()


def test_further_fields_are_rescued_where_the_contract_says_so() -> None:
    contract = a_contract((COLUMNS[FIELDS.index("amount")],), name="mt940", unknown_columns="rescue")
    assert '"description":"supplied Rent ofMarch"' in column(validate(MT940, contract), "_rescued")[0]


def test_amounts_of_bai2_have_the_minor_unit_of_their_currency() -> None:
    for currency, amount in (("JPY", "25050"), ("KWD", "25.050"), ("USD", "250.50")):
        found = _judged(BAI2.replace(b"EUR", currency.encode()), "bai2")
        assert column(found, "amount")[0] == Decimal(amount)


def test_an_interim_report_is_proven_by_its_sums() -> None:
    report = MT940.replace(b":60F:C260330EUR1000,00\n", b"").replace(
        b":62F:C260331EUR1250,00", b":90D:1EUR0,50\n:90C:1EUR250,50"
    )
    assert _judged(report, "mt940").held == ()
    assert "declares 2 entries" in _judged(report.replace(b":90C:1", b":90C:2"), "mt940").held[0]


@dataclass
class Dripping(io.RawIOBase):
    """A stream that gives a few bytes at a time."""

    data: bytes
    drops: list[int]
    at: int = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        drop = min(size if size > 0 else 1, self.drops[self.at % len(self.drops)])
        taken, self.data, self.at = self.data[:drop], self.data[drop:], self.at + 1
        return taken


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="a\r\né", max_size=20), st.lists(st.integers(1, 5), min_size=1, max_size=5))
def test_lines_are_those_of_an_editor_however_they_come(text: str, drops: list[int]) -> None:
    stream = cast("BinaryIO", Dripping(text.encode(), drops))
    lines = re.split("\r\n|\r|\n", text)
    assert list(text_lines(stream, _contract("mt940"), {})) == list(enumerate(lines, 1))


@pytest.mark.parametrize("count", ["9" * 5000, "--5", "+-5", "1,5", "\u0661"])
def test_a_number_of_entries_that_is_none_holds_the_file(count: str) -> None:
    assert _judged(MT940.replace(b":62F:", b":90C:" + count.encode() + b"EUR1,\n:62F:"), "mt940").held
    assert _judged(BAI2.replace(b"275150,6/", b"275150," + count.encode() + b"/"), "bai2").held


def test_amounts_keep_every_digit() -> None:
    digits = "1234567890" * 3 + "12345"
    wide = tuple(replace(each, precision=38) if each.name == "amount" else each for each in COLUMNS)
    camt = CAMT.replace(b">0.50<", f">{digits}.25<".encode())
    found = validate(camt, a_contract(wide, name="camt.053"))
    assert Decimal(f"-{digits}.250") in column(found, "amount")
    assert "a difference of" in found.held[0]
    bai = BAI2.replace(b"16,475,50,", f"16,475,{digits[:30]},".encode())
    found = validate(bai, a_contract(wide, name="bai2"))
    assert Decimal(f"-{digits[:28]}.{digits[28:30]}") in column(found, "amount")
