"""Parquet with values that Python, a text or a calendar cannot hold: refused by cell, and their rows are still written.

Whatever a file holds, the answer is a verdict or a rejection: any other error would have the stream try it for ever.
"""

from __future__ import annotations

import io
import json
import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerlake.errors import RejectedError
from tables.contract import Column, Contract, Kind, RuleUse
from tests.shapes import DAY, ID, NAME, a_contract, column, messages, reasons
from validation.known import Known
from validation.validate import check_conservation, validate

TIME = Column("at", Kind.TIMESTAMP)
MOMENT = pa.timestamp("us", "UTC")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAYS = (date.min.toordinal() - EPOCH.toordinal(), date.max.toordinal() - EPOCH.toordinal())
DAY_US = 86_400_000_000
MILLISECONDS = (DAYS[0] * 86_400_000, (DAYS[1] + 1) * 86_400_000 - 1)
MICROSECONDS = (DAYS[0] * DAY_US, (DAYS[1] + 1) * DAY_US - 1)

WRAPPED_YEAR = (65_536 + 30) * 31_556_952_000
"""Milliseconds to a year that is 2000 in 16 bits."""
WRAPPED_DAY = (2**32 + 100) * 86_400_000
"""Milliseconds to a day that is the 100th in 32 bits."""


def of_bits(numbers: list[int | None], kind: pa.DataType) -> pa.Array:
    """Values of a type of numbers of so many bits, which nobody checks."""
    return pa.array(numbers, pa.int32() if kind.bit_width == 32 else pa.int64()).view(kind)


def a_parquet(columns: dict[str, pa.Array]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("own", "kind", "numbers"),
    [
        (DAY, pa.date32(), [*DAYS, DAYS[0] - 1, DAYS[1] + 1, 6_600_000, -(2**31), 2**31 - 1]),
        (TIME, MOMENT, [*MICROSECONDS, MICROSECONDS[0] - 1, MICROSECONDS[1] + 1, 3 * 10**18, -(2**63), 2**63 - 1]),
        (
            TIME,
            pa.timestamp("ms", "Europe/London"),
            [MILLISECONDS[0], MILLISECONDS[1], MILLISECONDS[0] - 1, MILLISECONDS[1] + 1, 2**62, -(2**63), 10**17],
        ),
    ],
    ids=str,
)
def test_a_year_beyond_9999_or_before_1_is_refused_and_its_neighbours_are_not(
    own: Column, kind: pa.DataType, numbers: list[int]
) -> None:
    cells = of_bits([*numbers, None], kind)
    found = validate(a_parquet({"id": pa.array(range(8)), own.name: cells}), a_contract((ID, own), name="parquet"))
    assert column(found, "id") == [0, 1, 7]
    assert column(found, own.name) == cells.cast(own.arrow, safe=False).take([0, 1, 7]).to_pylist()
    assert reasons(found) == [(row, "type", own.name) for row in range(3, 8)]
    assert all(message.endswith("which is not in the years 0001 to 9999") for message in messages(found))


@pytest.mark.parametrize("own", [DAY, TIME], ids=["date", "timestamp"])
def test_years_that_would_wrap_into_ours_are_refused(own: Column) -> None:
    cells = of_bits([WRAPPED_YEAR, WRAPPED_DAY], pa.timestamp("ms", "UTC"))
    found = validate(a_parquet({"id": pa.array([1, 2]), own.name: cells}), a_contract((ID, own), name="parquet"))
    assert reasons(found) == [(1, "type", own.name), (2, "type", own.name)]


def test_a_year_that_would_wrap_is_no_other_year_as_text() -> None:
    cells = of_bits([WRAPPED_YEAR, 0], pa.timestamp("ms", "UTC"))
    found = validate(a_parquet({"id": pa.array([1, 2]), "name": cells}), a_contract((ID, NAME), name="parquet"))
    assert column(found, "name") == [f"<value out of range: {WRAPPED_YEAR}>Z", "1970-01-01 00:00:00.000Z"]


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "No/Where"])
def test_a_moment_is_no_number_and_no_day_unless_it_is_its_midnight_in_utc(zone: str) -> None:
    cells = of_bits([0, 1], pa.timestamp("ms", zone))
    own = Column("day", Kind.DATE)
    numbers = validate(a_parquet({"id": cells}), a_contract((ID,), name="parquet"))
    days = validate(a_parquet({"id": pa.array([1, 2]), "day": cells}), a_contract((ID, own), name="parquet"))
    midnights = validate(a_parquet({"id": pa.array([1]), "day": cells[:1]}), a_contract((ID, own), name="parquet"))
    assert (numbers.accepted.num_rows, column(midnights, "day")) == (0, [date(1970, 1, 1)])
    assert reasons(days) == [(2, "type", "day")]


def test_a_row_that_python_cannot_hold_is_written_as_arrow_writes_it() -> None:
    rows = {
        "id": pa.array(["x", "2"]),
        "day": of_bits([6_600_000, 0], pa.date32()),
        "name": pa.array([b"\xff", b"a"]).view(pa.string()),
        "took": of_bits([2**63 - 1, 1], pa.duration("s")),
        "days": pa.ListArray.from_arrays([0, 1, 2], of_bits([2**31 - 1, 0], pa.date32())),
        "plain": pa.array([Decimal("1.50"), None]),
    }
    contract = a_contract((ID,), name="parquet", unknown_columns="ignore")
    (raw,) = validate(a_parquet(rows), contract).quarantined["raw"].to_pylist()
    found = json.loads(raw)
    assert list(found) == list(rows)
    assert (found["id"], found["plain"], found["day"]) == ("x", "1.50", "20040-03-09")
    assert "out of range" in found["days"]


def test_ordinary_rows_are_written_as_python_writes_them() -> None:
    rows = {"id": pa.array(["x"]), "at": pa.array([EPOCH], MOMENT), "day": pa.array([date(2026, 3, 31)])}
    (raw,) = validate(a_parquet(rows), a_contract((ID, TIME, DAY), name="parquet")).quarantined["raw"].to_pylist()
    assert raw == '{"id": "x", "at": "1970-01-01 00:00:00+00:00", "day": "2026-03-31"}'


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()], ids=str)
def test_a_text_that_is_no_utf_8_rejects_its_file(kind: pa.DataType) -> None:
    size = (
        pa.large_binary()
        if kind == pa.large_string()
        else pa.binary_view()
        if kind == pa.string_view()
        else pa.binary()
    )
    rows = {"id": pa.array([1]), "name": pa.array([b"\xff"], size).view(kind)}
    with pytest.raises(RejectedError, match="UTF-8"):
        validate(a_parquet(rows), a_contract((ID, NAME), name="parquet"))


# Any type at any column


def _bits(width: int, *more: int) -> st.SearchStrategy[int]:
    ends = [-(2 ** (width - 1)), 2 ** (width - 1) - 1, -1, 0, 1, *more]
    return st.sampled_from(ends) | st.integers(ends[0], ends[1])


def _decimals(digits: int, scale: int) -> st.SearchStrategy[Decimal]:
    top = 10**digits - 1
    return (st.sampled_from([top, -top, 0]) | st.integers(-top, top)).map(
        lambda number: Decimal((number < 0, tuple(map(int, str(abs(number)))), -scale))
    )


TEXTS = st.sampled_from(["", " 1 ", "nan", "9999-12-31", "10000-01-01", "1" * 400, "true", "\x00"]) | st.text(
    max_size=5
)
OF_BITS = [
    *[pa.timestamp(unit, zone) for unit in ("s", "ms", "us", "ns") for zone in (None, "UTC", "Asia/Tokyo", "No/Where")],
    *[pa.duration(unit) for unit in ("s", "ms", "us", "ns")],
    *(pa.date32(), pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns")),
]
NUMBERS = [getattr(pa, f"{sign}int{width}")() for sign in ("", "u") for width in (8, 16, 32, 64)]
PLAIN: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    *[(kind, TEXTS) for kind in (pa.string(), pa.large_string(), pa.string_view())],
    *[(kind, st.binary(max_size=4)) for kind in (pa.binary(), pa.large_binary(), pa.binary_view())],
    *[
        (kind, st.floats(width=32) | st.sampled_from([math.nan, math.inf, 1e30]))
        for kind in (pa.float32(), pa.float64())
    ],
    (pa.float16(), st.floats(width=16)),
    *[(pa.decimal128(*size), _decimals(*size)) for size in ((38, 0), (38, 38), (18, 2), (1, 0))],
    *[(pa.decimal256(*size), _decimals(*size)) for size in ((76, 0), (76, 76), (40, 2))],
    (pa.bool_(), st.booleans()),
    (pa.null(), st.none()),
    *[
        (kind, st.sampled_from([0, 1, 2**kind.bit_width // 2 - 1]) | st.integers(0, 2 ** (kind.bit_width - 1) - 1))
        for kind in NUMBERS
    ],
]
USED_BITS = {Kind.DATE, Kind.TIMESTAMP}
MONDAY, NOON = date(2026, 3, 30), datetime(2026, 3, 30, 12, tzinfo=UTC)
FINE: dict[Kind, Any] = {
    Kind.STRING: "a",
    Kind.INTEGER: 1,
    Kind.DECIMAL: Decimal(1),
    Kind.DATE: MONDAY,
    Kind.TIMESTAMP: NOON.replace(hour=0),
    Kind.BOOLEAN: True,
}
"""Cells that break no rule here, but that of being unique."""
USES: dict[Kind, list[tuple[str, tuple[tuple[str, Any], ...]]]] = {
    Kind.STRING: [("unique", ()), ("enum", (("values", ("a", "b")),)), ("length", (("low", 1), ("high", 3)))],
    Kind.INTEGER: [("between", (("low", -5), ("high", 9))), ("enum", (("values", (1, 2)),)), ("unique", ())],
    Kind.DECIMAL: [
        ("between", (("low", Decimal(0)), ("high", None))),
        ("precision", (("fraction", 1),)),
        ("unique", ()),
    ],
    Kind.DATE: [
        ("date_range", (("low", date(2, 1, 1)), ("high", date(9998, 1, 1)))),
        ("not_future", (("days", 1),)),
        ("business_day", (("calendar", "XNYS"),)),
        ("not_before", (("column", "timestamp"),)),
        ("unique", ()),
    ],
    Kind.TIMESTAMP: [("not_future", (("days", 1),)), ("not_before", (("column", "date"),)), ("unique", ())],
    Kind.BOOLEAN: [("enum", (("values", (True,)),))],
}


@st.composite
def columns_of(draw: st.DrawFn, rows: int) -> pa.Array:
    """A column of any type that Parquet has, with values at the ends of the type."""
    if draw(st.booleans()):
        kind = draw(st.sampled_from(OF_BITS))
        ends = [*DAYS, 6_600_000] if kind.bit_width == 32 else [*MICROSECONDS, 3 * 10**18]
        numbers = _bits(kind.bit_width, *(each for end in ends for each in (end - 1, end, end + 1)))
        return of_bits(draw(st.lists(st.none() | numbers, min_size=rows, max_size=rows)), kind)
    kind, values = draw(st.sampled_from(PLAIN))
    cells = pa.array(draw(st.lists(st.none() | values, min_size=rows, max_size=rows)), kind)
    return cells.dictionary_encode() if kind in {pa.string(), pa.int64()} and draw(st.booleans()) else cells


def columns_like(own: Column, rows: int) -> st.SearchStrategy[pa.Array]:
    """A column of the contract's own type, with values near the ends of what is accepted."""
    near: dict[Kind, st.SearchStrategy[Any]] = {
        Kind.STRING: TEXTS,
        Kind.INTEGER: _bits(64),
        Kind.DECIMAL: _decimals(18, 2),
        Kind.DATE: st.dates().map(lambda day: day.toordinal() - EPOCH.toordinal())
        | st.sampled_from([*DAYS, DAYS[1] + 1]),
        Kind.TIMESTAMP: st.integers(*MICROSECONDS) | st.sampled_from([*MICROSECONDS, MICROSECONDS[1] + 1]),
        Kind.BOOLEAN: st.booleans(),
    }
    cells = st.lists(st.none() | near[own.kind], min_size=rows, max_size=rows)
    return cells.map(lambda each: of_bits(each, own.arrow) if own.kind in USED_BITS else pa.array(each, own.arrow))


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    """A column of each kind, each with some rules."""
    columns = []
    for kind in Kind:
        uses = draw(st.lists(st.sampled_from(USES[kind]), max_size=3, unique_by=lambda use: use[0]))
        rules = tuple(RuleUse(name, params) for name, params in uses)
        money = kind is Kind.DECIMAL
        required = draw(st.booleans())
        columns.append(
            Column(kind.value, kind, 18 if money else 38, 2 if money else 0, required, rules=rules, money=money)
        )
    return a_contract(columns, name="parquet", unknown_columns=draw(st.sampled_from(["ignore", "rescue"])))


@settings(max_examples=150, deadline=None)
@given(st.data(), contracts(), st.integers(1, 4))
def test_any_parquet_file_has_a_verdict_that_conserves_it_or_is_rejected(
    data: st.DataObject, contract: Contract, rows: int
) -> None:
    names = [*(each.name for each in contract.columns), "more"]
    drawn = {each.name: pa.array([FINE[each.kind]] * rows, each.arrow) for each in contract.columns}
    for each in data.draw(st.lists(st.sampled_from(contract.columns), min_size=1, max_size=3, unique=True)):
        drawn[each.name] = data.draw(columns_like(each, rows) | columns_of(rows), label=each.name)
    file = a_parquet({**drawn, "more": data.draw(columns_of(rows), label="more")})
    try:
        found = validate(file, contract, known=Known(NOON, {}))
    except RejectedError:
        return
    check_conservation(found)
    assert found.totals.rows == rows
    for row in found.accepted.to_pylist():  # which raises for a year that Python has not
        assert row["_row"] in range(1, rows + 1)
    for raw in found.quarantined["raw"].to_pylist():
        assert list(json.loads(raw)) == names
