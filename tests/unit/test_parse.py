"""Text becomes exactly the value it says, or is refused; the quick ways say what the careful ways say."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tables.contract import Column, FileFormat, Kind
from tests.shapes import texts
from validation.decimals import short_decimals
from validation.explain import explain
from validation.numbers import readable_number
from validation.parse import Parsed, careful_decimals, careful_distinct, careful_integers, parse

FILE = FileFormat(null_tokens=("", "NA"))
INTEGER = Column("n", Kind.INTEGER)
MONEY = Column("m", Kind.DECIMAL, precision=10, scale=2)
DAY = Column("d", Kind.DATE, formats=("%d/%m/%Y", "%Y%m%d"))
TIME = Column("t", Kind.TIMESTAMP)
FLAG = Column("f", Kind.BOOLEAN)
BAD = "bad"

NUMBERS = st.one_of(
    st.text(alphabet="0123456789.-+ ,eEx", max_size=12),
    st.integers().map(str),
    st.just("NA"),
    st.decimals(allow_nan=True, allow_infinity=True, places=3).map(str),
    st.none(),
)
DAYS = st.one_of(
    st.dates().map(lambda day: f"{day:%d/%m/}{day.year:04d}"),
    st.none(),
    st.sampled_from(["30/02/2024", "1/2/2024", ""]),
    st.text(alphabet="0123456789/", min_size=7, max_size=10),
)


def _cells(parsed: Parsed) -> list[Any]:
    bad = parsed.bad.to_pylist() if parsed.bad is not None else [False] * len(parsed.values)
    return [BAD if wrong else value for wrong, value in zip(bad, parsed.values.to_pylist(), strict=True)]


def _one(text: str | None, column: Column, file: FileFormat = FILE) -> Any:
    return _cells(parse(texts(text), column, file))[0]


def _model_integer(text: str | None) -> Any:
    cell = (text or "").strip()
    if cell in FILE.null_tokens:
        return None
    fits = re.fullmatch("[+-]?[0-9]+", cell) and -(2**63) <= int(cell) < 2**63
    return int(cell) if fits else BAD


def _model_decimal(text: str | None) -> Any:
    cell = (text or "").strip()
    if cell in FILE.null_tokens:
        return None
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)", cell):
        return BAD
    value = Decimal(cell)
    fits = abs(value) < 10 ** (MONEY.precision - MONEY.scale) and value == round(value, MONEY.scale)
    return round(value, MONEY.scale) if fits else BAD


@settings(max_examples=80, deadline=None)
@given(st.lists(NUMBERS, max_size=6))
def test_integers_are_those_of_a_plain_model_whatever_stands_beside_them(cells: list[str | None]) -> None:
    expected = [_model_integer(cell) for cell in cells]
    assert _cells(parse(texts(*cells), INTEGER, FILE)) == expected
    assert _cells(careful_integers(texts(*cells), FILE)) == expected


@settings(max_examples=80, deadline=None)
@given(st.lists(NUMBERS, max_size=6))
def test_decimals_are_those_of_a_plain_model_whatever_stands_beside_them(cells: list[str | None]) -> None:
    expected = [_model_decimal(cell) for cell in cells]
    assert _cells(parse(texts(*cells), MONEY, FILE)) == expected
    assert _cells(careful_decimals(texts(*cells), MONEY, FILE)) == expected


@settings(max_examples=80, deadline=None)
@given(st.lists(st.one_of(st.none(), st.decimals(-(10**7), 10**7, places=2).map(str)), min_size=1, max_size=6))
def test_short_decimals_are_read_as_bytes(cells: list[str | None]) -> None:
    found = short_decimals(texts(*cells), MONEY.arrow)
    assert found is not None
    found.validate(full=True)
    assert found.to_pylist() == [None if cell is None else Decimal(cell) for cell in cells]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.from_regex(r"-?[0-9]{0,14}\.[0-9]{1,9}", fullmatch=True), min_size=1, max_size=3))
def test_short_decimals_are_exact_to_the_last_digit_or_left_to_the_careful_way(cells: list[str]) -> None:
    values = [Decimal(cell) for cell in cells]
    short = all(len(cell) <= 15 and abs(value) < 10**11 for cell, value in zip(cells, values, strict=True))
    held = short and all(value == round(value, 4) for value in values)
    found = short_decimals(texts(*cells), pa.decimal128(18, 4))
    assert (found and found.to_pylist()) == (values if held else None)


@settings(max_examples=80, deadline=None)
@given(st.lists(DAYS, max_size=6))
def test_days_exist_in_the_calendar_and_are_written_as_declared(cells: list[str | None]) -> None:
    found = _cells(parse(texts(*cells), DAY, FILE))
    assert found == _cells(careful_distinct(texts(*cells), DAY, FILE))
    for cell, value in zip(cells, found, strict=True):
        if isinstance(value, date) and cell is not None:
            digits = [int(part) for part in cell.split("/")]
            assert digits in ([value.day, value.month, value.year], [int(f"{value.year:04d}{value:%m%d}")])


@settings(max_examples=80, deadline=None)
@given(st.datetimes(timezones=st.just(UTC)))
def test_every_moment_is_read_back(moment: datetime) -> None:
    assert _one(f"{moment.year:04d}{moment.strftime('-%m-%dT%H:%M:%S.%fZ')}", TIME) == moment


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-03-31T12:00:00Z", datetime(2026, 3, 31, 12, tzinfo=UTC)),
        ("2026-03-31 12:00:00.5+02:00", datetime(2026, 3, 31, 10, 0, 0, 500000, tzinfo=UTC)),
        ("2026-03-31T12:00:00", BAD),
        ("2026-02-30T12:00:00Z", BAD),
        ("2026-03-31T24:00:00Z", BAD),
        ("2026-03-31T12:00:00.1234567Z", BAD),
        ("0001-01-01T00:00:00+01:00", BAD),
    ],
)
def test_a_time_needs_its_zone(text: str, value: object) -> None:
    assert _one(text, TIME) == value


@pytest.mark.parametrize(
    ("form", "text", "value"),
    [
        ("%d/%m/%Y %H:%M:%SZ", "31/03/2026 12:00:00Z", datetime(2026, 3, 31, 12, tzinfo=UTC)),
        ("%d/%m/%Y %H:%M UTC", "31/03/2026 12:00 UTC", datetime(2026, 3, 31, 12, tzinfo=UTC)),
        ("%Y-%m-%d %H:%M:%S.%f%z", "2026-03-31 12:00:00.25+0200", datetime(2026, 3, 31, 10, 0, 0, 250000, tzinfo=UTC)),
        ("%Y-%m-%dT%H:%M:%S%z", "2026-02-30T12:00:00+0000", BAD),
        ("%d/%m/%Y %H:%M", "31/03/2026 12:00", BAD),
    ],
)
def test_a_declared_time_format_names_its_zone_or_states_utc(form: str, text: str, value: object) -> None:
    assert _one(text, Column("t", Kind.TIMESTAMP, formats=(form,))) == value


@pytest.mark.parametrize(
    ("form", "text", "value"),
    [
        ("%d.%m.%y", "31.03.26", date(2026, 3, 31)),
        ("%d.%m.%y", "31.03.69", date(1969, 3, 31)),
        ("%d.%m.%y", "31.03.2026", BAD),
        ("%d-%b-%Y", "01-JAN-2026", date(2026, 1, 1)),
        ("%d/%m/%Y", "1/2/2026", date(2026, 2, 1)),
        ("%d/%m/%Y", "01/01/0001", date(1, 1, 1)),
        ("%d/%m/%Y", "31/12/9999", date(9999, 12, 31)),
        ("%Y%m%d", "2026331", BAD),
        ("%Y-%m-%d", "26-03-31", BAD),
    ],
)
def test_a_day_is_read_as_its_format_says(form: str, text: str, value: object) -> None:
    assert _one(text, Column("d", Kind.DATE, formats=(form,))) == value


@pytest.mark.parametrize(("text", "value"), [("TRUE", True), ("no", False), ("1", True), (" yes ", True), ("y", BAD)])
def test_booleans_have_six_texts(text: str, value: object) -> None:
    assert _one(text, FLAG) == value


def test_booleans_may_be_declared() -> None:
    declared = Column("f", Kind.BOOLEAN, formats=("Y/N",))
    assert [_one(text, declared) for text in ("y", "N", "true")] == [True, False, BAD]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,234.50", Decimal("1234.5")),
        ("-1,234,567", Decimal(-1234567)),
        ("1234.5", Decimal("1234.5")),
        ("12,34", BAD),
        ("1,2345", BAD),
        (",123", BAD),
    ],
)
def test_thousands_are_parted_in_groups_of_three(text: str, value: object) -> None:
    assert _one(text, MONEY, FileFormat(thousands=",")) == value


def test_a_decimal_may_have_38_digits_and_none_is_lost() -> None:
    wide = Column("m", Kind.DECIMAL, precision=38, scale=0)
    cells = ["9" * 38, "-" + "9" * 38, "0" * 40 + "7", "9" * 39]
    assert _cells(parse(texts(*cells), wide, FILE)) == [Decimal("9" * 38), Decimal("-" + "9" * 38), Decimal(7), BAD]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (".0", 0),
        ("+.0", 0),
        (" .5", Decimal("0.5")),
        ("5.", 5),
        ("-00.10 ", Decimal("-0.1")),
        (".", BAD),
        ("-", BAD),
        ("1.2.3", BAD),
        ("--1", BAD),
        ("1-", BAD),
    ],
)
def test_a_number_may_begin_or_end_with_its_point(text: str, value: object) -> None:
    assert _one(text, MONEY) == value


def test_text_is_trimmed_and_null_tokens_are_read_only_where_declared() -> None:
    name = Column("s", Kind.STRING)
    assert _cells(parse(texts(" a\u00a0", " NA ", "na", None), name, FILE)) == ["a", None, "na", None]
    assert _cells(parse(texts(" a ", " ", ""), name, FileFormat(trim=False))) == [" a ", " ", None]


def test_cells_that_have_their_type_already_pass() -> None:
    assert parse(pa.array([1, None]), INTEGER, FILE).values.to_pylist() == [1, None]


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("0x1F", INTEGER, "hexadecimal"),
        ("1e5", MONEY, "exponent"),
        ("NaN", MONEY, "not a finite number"),
        ("1.239", MONEY, "3 fraction digits"),
        ("12345678901", MONEY, "too large"),
        ("1.5", INTEGER, "1 fraction digits"),
        ("(5.00)", MONEY, "write a minus sign"),
        ("£5.00", MONEY, "a number with a unit"),
        ("30/02/2024", DAY, "no day of the calendar"),
        ("2026-03-31T12:00:00", TIME, "without its zone"),
        ("maybe", FLAG, "true/false"),
    ],
)
def test_a_message_says_what_was_found_and_what_is_accepted(text: str, column: Column, words: str) -> None:
    assert _one(text, column) == BAD
    message = explain(text, column, FILE)
    assert message.startswith(f"{column.name} must be ")
    assert f"found {text!r}" in message
    assert words in message


@settings(max_examples=80, deadline=None)
@given(NUMBERS)
def test_a_number_is_readable_even_if_its_column_cannot_hold_it(cell: str | None) -> None:
    value = _model_decimal(cell)
    if isinstance(value, Decimal):
        assert readable_number(cell, FILE) == value


def test_readable_numbers_have_38_digits_on_either_side() -> None:
    assert readable_number("9" * 38 + "." + "1" * 38, FILE) == Decimal("9" * 38 + "." + "1" * 38)
    assert [readable_number(cell, FILE) for cell in ("9" * 39, ".", "1e5", None)] == [None] * 4
