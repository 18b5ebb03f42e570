"""Workbooks: what a person sees in the sheet is what is accepted or quarantined, on the row where it stands."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerlake.errors import RejectedError
from tables.contract import Contract, Trailer
from tests.shapes import AMOUNT, DAY, ID, NAME, a_contract, column, messages, reasons
from validation.header import check_header
from validation.validate import check_conservation, validate

COLUMNS = (ID, NAME, AMOUNT, DAY)


def _contract(**file: Any) -> Contract:
    return a_contract(COLUMNS, name="xlsx", **file)


def _workbook(*rows: Sequence[Any], sheet: str = "Sheet") -> bytes:
    book = openpyxl.Workbook()
    book.active.title = sheet
    for row in rows:
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


SHEET, WORKBOOK = "xl/worksheets/sheet1.xml", "xl/workbook.xml"
HEAD = ("id", "name", "amount", "day")
REPORT = _workbook(
    ("Report of March",),
    (),
    HEAD,
    (1, "a,b", 1234.5, date(2026, 3, 31)),
    (2, None, -0.1, "01/04/2026"),
    (),
    ("x", "c", 0.3, datetime(2026, 3, 31)),
    (4, "d", 1, None, "beyond"),
    HEAD,
    ("Total", None, 1235.7),
)


def _changed(data: bytes, part: str, before: bytes, after: bytes) -> bytes:
    """The workbook with a part altered."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, content.replace(before, after) if name == part else content)
    return file.getvalue()


def test_a_sheet_is_read_between_its_banner_and_its_total() -> None:
    total = Trailer("Total,,([0-9.]+)(?:,*)", "sum", "amount")
    found = validate(REPORT, _contract(header=None, skip_rows=("header",), trailers=(total,)))
    assert [tuple(row.values()) for row in found.accepted.to_pylist()] == [
        (1, "a,b", Decimal("1234.50"), date(2026, 3, 31), 4),
        (2, None, Decimal("-0.10"), date(2026, 4, 1), 5),
    ]
    assert reasons(found) == [(7, "type", "id"), (8, "columns", None)]
    assert found.quarantined.column("raw").to_pylist()[1] == "4,d,1,,beyond"
    (why,) = found.held
    assert why.endswith("declares 1,235.7 amount in all, the file has 1,234.70: a difference of 1.00")
    check_conservation(found)


def test_a_number_is_its_shortest_decimal() -> None:
    odd = _changed(REPORT, SHEET, b"<v>0.3</v>", b"<v>0.30000000000000004</v>")
    assert "found '0.30000000000000004'" in " ".join(messages(validate(odd, _contract(header=3))))


@pytest.mark.parametrize("wrapped", [REPORT, gzip.compress(REPORT)])
def test_a_workbook_may_come_packed(wrapped: bytes) -> None:
    assert column(validate(wrapped, _contract(header=3)), "id") == [1, 2]


def test_a_zip_of_one_workbook_is_unpacked() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("report.xlsx", REPORT)
    assert column(validate(file.getvalue(), _contract(header=3)), "id") == [1, 2]


def test_the_sheet_is_found_by_its_name() -> None:
    data = _workbook(HEAD, (1, "a", 2, None), sheet="March")
    assert column(validate(data, _contract(sheet="March")), "id") == [1]
    with pytest.raises(RejectedError, match="no sheet April; it has 'March'"):
        validate(data, _contract(sheet="April"))


def test_a_wrong_header_is_rejected_with_its_row() -> None:
    for contract, why in (
        (_contract(), "header on row 1: column 1 'Report of March' is unknown"),
        (_contract(header=50), "no header found on row 50"),
    ):
        for judged in (lambda: check_header(REPORT, contract, True), lambda: validate(REPORT, contract)):  # noqa: B023
            with pytest.raises(RejectedError, match=why):
                judged()


def test_what_is_no_workbook_is_rejected() -> None:
    for data in (b"id,name\n", REPORT[:200], REPORT[:-100], b"PK\x03\x04" + b"\0" * 100):
        with pytest.raises(RejectedError):
            validate(data, _contract())


@pytest.mark.parametrize(
    ("part", "before", "after"),
    [
        (SHEET, b"<worksheet", b'<!DOCTYPE w [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><worksheet'),
        (WORKBOOK, b"<workbook", b'<!DOCTYPE w SYSTEM "http://localhost/x"><workbook'),
        (SHEET, b'<row r="4"', b'<row r="999999999999"'),
        (SHEET, b'r="A4"', b'r="ZZZZZZZ4"'),
        (SHEET, b"<v>1234.5</v>", b"<v>12,5</v>"),
    ],
)
def test_a_workbook_made_to_do_harm_is_rejected(part: str, before: bytes, after: bytes) -> None:
    altered = _changed(REPORT, part, before, after)
    assert zipfile.ZipFile(io.BytesIO(altered)).read(part) != zipfile.ZipFile(io.BytesIO(REPORT)).read(part)
    with pytest.raises(RejectedError):
        validate(altered, _contract(header=3))


def test_a_dimension_that_lies_costs_nothing() -> None:
    lying = _changed(REPORT, SHEET, b'ref="A1:E10"', b'ref="A1:XFD1048576"')
    assert column(validate(lying, _contract(header=3)), "id") == [1, 2]


@pytest.mark.parametrize(("column", "value", "rows"), [(2, "x" * 30_000, 1_000), (16_384, 1, 100)])
def test_a_sheet_that_is_much_larger_than_its_file_is_rejected(column: int, value: Any, rows: int) -> None:
    """One text that all rows share; and rows of blank cells, which are not written but read."""
    book, file = openpyxl.load_workbook(io.BytesIO(_workbook(HEAD))), io.BytesIO()
    for row in range(2, rows + 2):
        book.active.cell(row, column, value)
    book.save(file)
    assert len(file.getvalue()) < 50_000
    with pytest.raises(RejectedError, match="bytes unpack to more than 16,777,216; at most 200 times"):
        validate(file.getvalue(), _contract(unknown_columns="ignore"))


CELLS = st.one_of(
    st.none(), st.integers(-(10**15), 10**15), st.decimals(-(10**6), 10**6, places=2), st.text("a ,\"'é", max_size=4)
)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=6))
def test_rows_are_conserved_and_keep_their_numbers(rows: list[tuple[Any, ...]]) -> None:
    found = validate(_workbook(HEAD[:3], *rows), a_contract((ID, NAME, AMOUNT), name="xlsx"))
    check_conservation(found)
    numbers = [*column(found, "_row"), *found.quarantined.column("_row").to_pylist()]
    assert sorted(numbers) == [
        at for at, row in enumerate(rows, 2) if any(cell is not None and str(cell).strip() for cell in row)
    ]
