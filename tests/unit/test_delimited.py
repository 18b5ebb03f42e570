"""Delimited files: what a person sees in the file is what is accepted or quarantined, on the line where it stands."""

from __future__ import annotations

import gzip
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from ledgerlake.errors import RejectedError
from tables.contract import FileFormat, Trailer
from tests.shapes import AMOUNT, DAY, ID, NAME, a_contract, column, messages, reasons
from validation.formats import delimited
from validation.header import check_header
from validation.validate import check_conservation, parts, validate
from validation.verdict import Verdict

TRADES = a_contract()
TRAILERS = (Trailer("END ([0-9]+)", "count"), Trailer("SUM ([0-9.,-]+)", "sum", "amount"))


def rows_of(found: Verdict) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in found.accepted.to_pylist()]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_numbers_are_those_of_an_editor(ending: str) -> None:
    lines = ["id,name,amount", "1,a,1.5", "", '2,"two', 'lines",2', "   ", "x,c,3", "3,d"]
    found = validate(ending.join(lines).encode(), TRADES)
    assert rows_of(found) == [(1, "a", Decimal("1.50"), 2), (2, f"two{ending}lines", Decimal("2.00"), 4)]
    assert reasons(found) == [(7, "type", "id"), (8, "columns", None)]
    assert found.quarantined.column("raw").to_pylist() == ["x,c,3", "3,d"]
    assert found.totals.money == {"amount": Decimal("6.50")}
    check_conservation(found)


def test_a_ragged_row_is_quarantined_with_its_width() -> None:
    found = validate(b"id,name,amount\n1,a,2,3\n", TRADES)
    assert messages(found) == ["the row has 4 columns, the header has 3"]


def test_a_ragged_row_is_filled_where_the_contract_says_so() -> None:
    data = b'id,name,amount,day\n1,a\n\n2,b,1.5,01/02/2026,,\n3,c,2,03/04/2026,x\n,\n"4","d\nd"\n'
    columns = (ID, NAME, AMOUNT, DAY)
    found = validate(data, a_contract(columns, ragged_rows="fill"))
    assert [row[:3] + row[4:] for row in rows_of(found)] == [
        (1, "a", None, 2),
        (2, "b", Decimal("1.50"), 4),
        (4, "d\nd", None, 7),
    ]
    assert messages(found) == ["the row has 5 columns, the header has 4", "id is required; found ''"]
    found = validate(data, a_contract(columns, ragged_rows="fill", unknown_columns="rescue"))
    assert column(found, "_rescued") == [None, None, '{"#5":"x"}', None]
    assert column(found, "day") == [None, date(2026, 2, 1), date(2026, 4, 3), None]
    found = validate(data, a_contract(columns, ragged_rows="fill", unknown_columns="ignore"))
    assert column(found, "_row") == [2, 4, 5, 7]


def test_a_further_cell_of_a_ragged_row_never_takes_the_place_of_a_column() -> None:
    contract = a_contract(ragged_rows="fill", unknown_columns="rescue")
    found = validate(b"id,#3\n1,a,b\n2,a\n", contract)
    assert column(found, "_rescued") == ['{"#3":"a"}']
    assert messages(found) == ["the row has 3 columns, the header has 2"]


def test_a_day_of_a_filled_row_is_read_like_every_other() -> None:
    contract = a_contract((ID, DAY, NAME), ragged_rows="fill")
    found = validate(b"id,day,name\n1,01/02/2026,a\n2,02/02/2026\n3,30/02/2026,c\n4,01/02/2026,d\n5\n", contract)
    assert column(found, "day") == [date(2026, 2, 1), date(2026, 2, 2), date(2026, 2, 1), None]
    assert messages(found) == [
        "day must be a date written %d/%m/%Y; found '30/02/2026', which is no day of the calendar"
    ]


def test_columns_are_found_by_name_or_alias_in_any_order() -> None:
    found = validate(b" Amount ,full name,ID\n1.5,a,1\n", TRADES)
    assert rows_of(found) == [(1, "a", Decimal("1.50"), 2)]


def test_a_column_that_is_not_required_may_be_absent() -> None:
    found = validate(b"id\n1\n\n2\n", TRADES)
    assert rows_of(found) == [(1, None, None, 2), (2, None, None, 4)]


def test_unknown_columns_are_ignored_where_the_contract_says_so() -> None:
    found = validate(b"id,note,amount\n1,x,2\n", a_contract(unknown_columns="ignore"))
    assert rows_of(found) == [(1, None, Decimal("2.00"), 2)]


def test_the_header_may_stand_below_a_preamble() -> None:
    data = b"Report of March\nprinted by us, today\nid,name,amount\n1,a,2\n"
    assert rows_of(validate(data, a_contract(header=3))) == [(1, "a", Decimal("2.00"), 4)]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"id,nmae,amount\n", "header on line 1: column 2 'nmae' is unknown (did you mean 'name'?)"),
        (b"idd,name\n", "column 'id' is missing: name it 'id' (is it 'idd'?)"),
        (b"id,name,Full Name\n", "columns 2 'name' and 3 'Full Name' all mean 'name'; keep one"),
        (b"\n1,2,3\n", "line 1: no header found"),
        (b"", "line 1: no header found"),
    ],
)
def test_a_wrong_header_is_rejected_with_all_its_problems(data: bytes, words: str) -> None:
    for judged in (lambda: check_header(data, TRADES, True), lambda: validate(data, TRADES)):
        with pytest.raises(RejectedError) as caught:
            judged()
        assert caught.value.check == "header"
        assert words in caught.value.message


def test_an_open_quote_rejects_the_file_instead_of_swallowing_its_rest() -> None:
    with pytest.raises(RejectedError, match="line 3: a quote is opened and never closed"):
        validate(b'id,name,amount\n1,a,2\n2,"b,3\n3,c,4\n', TRADES)


def test_a_stray_quote_swallows_nothing() -> None:
    found = validate(b'id,name,amount\n1,5" pipe,2\n2,"b",3\n', TRADES)
    assert column(found, "name") == ['5" pipe', "b"]


def test_without_a_quote_character_a_quote_is_text() -> None:
    found = validate(b'id|name|amount\n1|"a|2\n2|b"|3\n', a_contract(delimiter="|", quote=None))
    assert column(found, "name") == ['"a', 'b"']


@pytest.mark.parametrize(
    ("data", "encodings", "name"),
    [
        ("é".encode(), ("utf-8", "cp1252"), "é"),
        ("é".encode("cp1252"), ("utf-8", "cp1252"), "é"),
        ("é".encode("cp1252"), ("cp1252",), "é"),
        ("€".encode("cp1252"), ("ascii", "cp1252"), "€"),
    ],
)
def test_each_line_is_read_in_the_first_encoding_that_fits(data: bytes, encodings: tuple[str, ...], name: str) -> None:
    found = validate(b"id,name,amount\n1," + data + b",2\n2,plain,3\n", a_contract(encodings=encodings))
    assert column(found, "name") == [name, "plain"]


def test_one_cp1252_byte_does_not_spoil_the_utf8_lines_beside_it() -> None:
    data = "id,name,amount\n1,Łódź,2\n".encode() + b"2,caf\xe9,3\n" + b"x,caf\xe9,3\n"
    found = validate(data, a_contract(encodings=("utf-8", "cp1252")))
    assert column(found, "name") == ["Łódź", "café"]
    assert found.quarantined.column("raw").to_pylist() == ["x,café,3"]


def test_a_byte_that_no_encoding_reads_rejects_the_file_by_line() -> None:
    with pytest.raises(RejectedError, match="line 3: byte 0xff cannot be read as utf-8"):
        validate(b"id,name,amount\n1,a,2\n2,\xff,3\n", TRADES)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "shift_jis"])
def test_marks_and_wide_encodings_are_read(encoding: str) -> None:
    mark = b"\xff\xfe" if encoding == "utf-16-le" else b""
    data = mark + "id,name,amount\n1,表|b,2\nx,表,3\n".encode(encoding)
    found = validate(data, a_contract(encodings=("utf-8" if encoding == "utf-8-sig" else encoding,)))
    assert column(found, "name") == ["表|b"]
    assert found.quarantined.column("raw").to_pylist() == ["x,表,3"]


def test_a_mark_of_an_undeclared_encoding_is_rejected() -> None:
    with pytest.raises(RejectedError, match="UTF-16; accepted: utf-8"):
        validate("id\n1\n".encode("utf-16"), TRADES)


def test_trailers_are_control_totals_and_neverrows_of() -> None:
    contract = a_contract(trailers=TRAILERS)
    found = validate(b"id,name,amount\n1,a,2\n2,b,3.5\n\nEND 2\nSUM 5.50\n\n", contract)
    assert (found.accepted.num_rows, found.quarantined.num_rows, found.held) == (2, 0, ())
    assert [(line.line, line.declared) for line in found.totals.trailers] == [(5, "2"), (6, "5.50")]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"1,a,2\nEND 2\nSUM 2\n", "the trailer on line 3 declares 2 rows, the file has 1: a difference of 1"),
        (
            b"1,a,2\nEND 1\nSUM 2.01\n",
            "the trailer on line 4 declares 2.01 amount in all, the file has 2.00: a difference of 0.01",
        ),
        (b"1,a,2\nSUM 2\n", "no trailer line matches END ([0-9]+): the file may be cut off"),
        (b"1,a,2\nEND 1\nSUM 2-\n", "the trailer on line 4 declares '2-', which is no number"),
    ],
)
def test_a_trailer_that_differs_or_is_missing_holds_the_file(data: bytes, reason: str) -> None:
    assert validate(b"id,name,amount\n" + data, a_contract(trailers=TRAILERS)).held == (reason,)


def test_a_trailer_in_the_middle_is_a_row_that_is_quarantined() -> None:
    found = validate(b"id,name,amount\n1,a,2\nEND 1\n2,b,3\nEND 2\nSUM 5\n", a_contract(trailers=TRAILERS))
    assert reasons(found) == [(3, "columns", None)]
    assert found.held == ("the trailer on line 5 declares 2 rows, the file has 3: a difference of -1",)


def test_a_trailer_counts_once() -> None:
    found = validate(b"id,name,amount\n1,a,2\nEND 1\nEND 2\nSUM 2\n", a_contract(trailers=TRAILERS))
    assert reasons(found) == [(3, "columns", None)]
    assert found.held == ()


@pytest.mark.parametrize("final_end", [b"", b"\n", b"\r\n"])
def test_the_last_line_may_lack_its_end(final_end: bytes) -> None:
    assert validate(b"id,name,amount\n1,a,2" + final_end, TRADES).accepted.num_rows == 1


def test_a_format_is_told_by_its_first_bytes() -> None:
    assert delimited.sniff(b"id,name\n")
    assert not any(delimited.sniff(prefix) for prefix in (b"PAR1", b"PK\x03\x04", b"%PDF-1.7", b"a\0b", b'{"id": 1}'))


def test_memory_does_not_grow_with_the_file() -> None:
    rows = b"".join(b"%d,name %d,%d.50\n" % (number, number % 977, number * 7919 % 10**6) for number in range(400_000))
    data = gzip.compress(b"id,name,amount\n" + rows, 1)
    start, count, most = pa.total_allocated_bytes(), 0, 0
    for part in parts(data, TRADES):
        count += part.accepted.num_rows
        most = max(most, pa.total_allocated_bytes() - start)
    assert count == 400_000
    assert most < len(rows)
    assert most < 8 * 1024**2


def test_the_default_file_is_a_csv_in_utf8() -> None:
    assert FileFormat() == FileFormat("csv", ",", '"', ("utf-8",))
