"""Dialects of delimited text: what its contract declares to be no data is no row, and every way to write a number."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerlake.errors import RejectedError
from tables.contract import Column, FileFormat, Kind, Trailer
from tests.shapes import AMOUNT, ID, NAME, a_contract, column, messages, reasons, texts
from validation.header import check_header
from validation.numbers import plain_numbers, readable_number
from validation.parse import parse
from validation.validate import check_conservation, validate

REPORT = b"""Report of March,,
printed by us,"on Monday, early",

Full Name,Amount,ID,
a,1.50,1,
,,,
b,2.50,2,
full name,amount,id,
c,3,3,
 , ,,
Grand Total,7.00,,
Page 1 of 1
,,,
"""
TOTAL = Trailer("Grand Total,([0-9.]+),*", "sum", "amount")
FOOTER = Trailer("Page [0-9]+ of [0-9]+", "none", optional=True)


def test_a_report_is_read_between_its_banner_and_its_footers() -> None:
    contract = a_contract(header=None, skip_rows=("blank", "header"), trailers=(TOTAL, FOOTER))
    found = validate(REPORT, contract)
    assert [(row["id"], row["name"], row["_row"]) for row in found.accepted.to_pylist()] == [
        (1, "a", 5),
        (2, "b", 7),
        (3, "c", 9),
    ]
    assert (found.quarantined.num_rows, found.held, found.totals.rows) == (0, (), 3)
    assert [line.line for line in found.totals.trailers] == [11, 12]
    check_conservation(found)


def test_what_is_not_declared_as_no_data_is_a_row() -> None:
    found = validate(REPORT, a_contract(header=4, trailers=(TOTAL, FOOTER)))
    assert [row for row, _, _ in reasons(found)] == [6, 8, 8, 10, 11, 12, 13]
    assert found.held == ("no trailer line matches Grand Total,([0-9.]+),*: the file may be cut off",)


def test_a_file_without_rows_may_have_blank_ones() -> None:
    found = validate(b"id,name,amount\n,,\n,,\n", a_contract(skip_rows=("blank",)))
    assert found.totals.rows == 0


def test_a_blank_row_of_quotes_or_of_another_width_is_blank() -> None:
    found = validate(b'id,name,amount\n"","",""\n,,,,,\n1,a,2\n', a_contract(skip_rows=("blank",)))
    assert (column(found, "_row"), found.totals.rows) == ([4], 1)


def test_a_row_whose_unknown_columns_alone_have_values_is_not_blank() -> None:
    contract = a_contract(skip_rows=("blank",), unknown_columns="ignore")
    assert reasons(validate(b"id,name,note\n,,x\n", contract)) == [(2, "required", "id")]


def test_a_row_that_only_begins_like_the_header_is_a_row() -> None:
    contract = a_contract((NAME, AMOUNT), skip_rows=("header",))
    found = validate(b"name,amount\nname,1\n NAME , Amount\n", contract)
    assert column(found, "name") == ["name"]
    assert found.totals.rows == 1


def test_a_header_that_is_not_found_is_said_so() -> None:
    contract = a_contract(header=None)
    for judged in (lambda: check_header(b"a,b\nc,d\n", contract, True), lambda: validate(b"a,b\nc,d\n", contract)):
        with pytest.raises(RejectedError, match="no header found in the first 2 lines: one that names 'id'"):
            judged()


def test_a_header_that_is_found_is_held_to_the_contract() -> None:
    with pytest.raises(RejectedError, match="header on line 2: column 2 'nmae' is unknown"):
        validate(b"Report\nid,nmae\n", a_contract(header=None))


def test_a_footer_that_is_optional_may_be_missing_and_may_repeat() -> None:
    contract = a_contract(trailers=(FOOTER, Trailer("SUM ([0-9]+)", "sum", "amount", optional=True)))
    assert validate(b"id,amount\n1,2\n", contract).held == ()
    assert validate(b"id,amount\n1,2\nPage 1 of 2\nPage 2 of 2\n", contract).totals.rows == 1
    assert validate(b"id,amount\n1,2\nSUM 3\n", contract).held == (
        "the trailer on line 3 declares 3 amount in all, the file has 2.00: a difference of 1.00",
    )


GERMAN = FileFormat(decimal_mark=",", thousands=".", units=("€", "EUR"), negatives=("parentheses", "trailing"))


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1.234,50", "1234.50"),
        ("1234,5", "1234.5"),
        (",5", "0.5"),
        ("(1.234,50)", "-1234.50"),
        ("1.234,50-", "-1234.50"),
        ("-7", "-7"),
        ("+7,00", "7.00"),
        ("€ 1.234,50", "1234.50"),
        ("-€7", "-7"),
        ("€ -7", "-7"),
        ("7 EUR", "7"),
        ("(7 EUR)", "-7"),
        ("(7) EUR", "-7"),
        ("1.5", None),
        ("1,234.50", None),
        ("1.23,5", None),
        ("(-7)", None),
        ("-7-", None),
        ("7%", None),
        ("€", None),
        ("()", None),
        ("?7", None),
        ("1,2,3", None),
    ],
)
def test_numbers_are_read_as_the_contract_says_that_they_are_written(cell: str, value: str | None) -> None:
    parsed = parse(texts(cell), Column("x", Kind.DECIMAL, precision=18, scale=2), GERMAN)
    assert parsed.values.to_pylist() == [None if value is None else Decimal(value)]
    assert readable_number(cell, GERMAN) == (None if value is None else Decimal(value))


def test_a_unit_may_have_any_characters() -> None:
    file = FileFormat(units=("US $", "\\d", "[x]", "kg*"))
    cells = texts("US $1.50", "1.50 \\d", "[x]1.50", "1.50kg*", "1.50kgg")
    parsed = parse(cells, Column("x", Kind.DECIMAL, precision=18, scale=2), file)
    assert parsed.values.to_pylist() == [Decimal("1.50")] * 4 + [None]


def test_a_null_token_is_read_before_the_number_not_after() -> None:
    file = FileFormat(negatives=("parentheses",), null_tokens=("-1", "-"))
    parsed = parse(texts("-1", "(1)", " - ", None), Column("x", Kind.INTEGER), file)
    assert (parsed.values.to_pylist(), parsed.bad) == ([None, -1, None, None], None)


def test_the_reason_says_how_numbers_may_be_written() -> None:
    contract = a_contract((ID, AMOUNT), delimiter=";", decimal_mark=",", units=("€",), negatives=("trailing",))
    found = validate("id;amount\n1;1.5\n2;€ 2,50-\n".encode(), contract)
    assert column(found, "amount") == [Decimal("-2.50")]
    (why,) = messages(found)
    assert "its point is ',', 1- is negative, '€' may stand beside it; found '1.5'" in why


MARKS = st.sampled_from([(",", "."), (".", ","), (",", " "), (".", "'"), (",", None)])


@settings(max_examples=100, deadline=None)
@given(st.decimals(-(10**12), 10**12, places=2), MARKS, st.sampled_from(["-{}", "({})", "{}-"]), st.booleans())
def test_a_number_means_the_same_in_every_notation(value: Decimal, marks: Any, minus: str, unit: bool) -> None:  # noqa: FBT001
    point, groups = marks
    swapped = f"{abs(value):,.2f}".translate({ord(","): groups or "", ord("."): point})
    text = minus.format(swapped) if value.is_signed() else swapped
    file = FileFormat(
        decimal_mark=point,
        thousands=groups,
        negatives=("parentheses", "trailing"),
        units=("£",) if unit else (),
    )
    written = f"£{text}" if unit else text
    assert parse(texts(written), Column("x", Kind.DECIMAL, precision=18, scale=2), file).values.to_pylist() == [value]
    assert readable_number(written, file) == value


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="0123456789.,-+() €?'", max_size=10))
def test_both_readers_of_numbers_agree_on_every_text(text: str) -> None:
    plain = plain_numbers(texts(text.strip()), GERMAN).to_pylist()[0]
    number = readable_number(text, GERMAN)
    assert (number is None) == plain.startswith("?")
    assert number is None or number == Decimal(plain)


def test_the_reason_for_another_encoding_is_noted() -> None:
    contract = a_contract(encodings=("utf-8", "cp1252"))
    found = validate(b"id,name,amount\n1,a,2\n2,caf\xe9,3\n3,\x80,4\n", contract)
    assert found.totals.notes == {"cp1252": "line 3 is read as cp1252: byte 0xe9 cannot be read as utf-8"}
    assert validate(b"id,name,amount\n1,a,2\n", contract).totals.notes == {}


@pytest.mark.parametrize("delimiter", list("\t;|^~:!&\x01\x1f"))
@pytest.mark.parametrize("quote", ['"', "'", "`", "%", None])
def test_any_delimiter_and_quote_read_back_what_they_wrote(delimiter: str, quote: str | None) -> None:
    ends = ["\n"] if quote else []
    inside = [f"a{delimiter}b", f"{quote}", f"{quote}{delimiter}{quote}{quote}", *ends] if quote else ['"', "'"]
    names = [*inside, "plain", "caf\u00e9", "x,y"]
    text = io.StringIO()
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
    written = csv.writer(text, delimiter=delimiter, quotechar=quote, quoting=quoting, lineterminator="\r\n")
    written.writerows([("id", "name", "amount"), *[(at, name, "1.50") for at, name in enumerate(names)]])
    found = validate(text.getvalue().encode(), a_contract(delimiter=delimiter, quote=quote, trim=False))
    assert (column(found, "name"), found.quarantined.num_rows) == (names, 0)
    lines = [2 + at + ends.count("\n") * (at > names.index("\n")) if ends else 2 + at for at in range(len(names))]
    assert column(found, "_row") == lines


def test_dates_are_read_in_the_first_form_that_fits() -> None:
    forms = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%y")
    cells = texts("01/02/2026", "01/13/2026", "13.01.26", "13/13/2026", None)
    parsed = parse(cells, Column("d", Kind.DATE, formats=forms), FileFormat())
    assert parsed.values.to_pylist() == [date(2026, 2, 1), date(2026, 1, 13), date(2026, 1, 13), None, None]
    assert parse(cells, Column("d", Kind.DATE, formats=forms[1:]), FileFormat()).values[0].as_py() == date(2026, 1, 2)
