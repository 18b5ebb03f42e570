"""Shortcuts for whole columns say what the long way says, of any column."""

from __future__ import annotations

import re
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.shapes import texts
from validation.rules import RULES
from validation.rules.keys import Keys
from validation.rules.numbers import is_round, lies_between, unscaled
from validation.rules.spans import span_of

SPANS = ["[A-Z]+", "^[0-9A-F]{2}$", "[ -~]*", "[a-b.]{1,2}", "[*@#]{0,}", "[b]{,2}", "[A-Za-z0-9_/]{2,3}"]
CELLS = st.lists(st.none() | st.text(alphabet="ABab09.*#_/ ~é\n", max_size=4), max_size=5)


def said(rule: str, cells: pa.Array, **params: object) -> list[bool | None]:
    found = RULES[rule].check(cells, **params)
    assert isinstance(found, pa.BooleanArray)
    return [
        bool(fine) if cell is not None else None
        for fine, cell in zip(found.to_pylist(), cells.to_pylist(), strict=True)
    ]


@settings(deadline=None)
@given(CELLS, st.sampled_from(SPANS))
def test_a_span_of_characters_matches_as_its_expression_does(cells: list[str | None], pattern: str) -> None:
    content = pattern.strip("^$")
    wanted = [None if cell is None else bool(re.fullmatch(content, cell)) for cell in cells]
    if pattern == "[b]{,2}":  # RE2 takes it literally
        wanted = [None if cell is None else cell == pattern for cell in cells]
    assert said("pattern", texts(*cells), pattern=pattern) == wanted


@pytest.mark.parametrize(
    "pattern", ["[a]", "a+", "[^a]+", "[[:alpha:]]+", r"[\d]+", "[a-]+", "[z-a]+", "([a]+)", "[b]{,2}"]
)
def test_what_is_no_span_is_left_to_the_expression(pattern: str) -> None:
    assert span_of(pattern) is None


def test_a_span_keeps_its_bounds() -> None:
    assert span_of("[a-c]{2,}") is not None
    assert [each.low for each in map(span_of, ("[a]*", "[a]+", "[a]{3}")) if each] == [0, 1, 3]
    assert span_of("[a]{99999999999}") is None


@settings(deadline=None)
@given(CELLS, st.integers(0, 3), st.integers(0, 3))
def test_lengths_are_counted_in_characters(cells: list[str | None], low: int, high: int) -> None:
    wanted = [None if cell is None else low <= len(cell) <= high for cell in cells]
    assert said("length", texts(*cells), low=low, high=high) == wanted


NUMBERS = st.lists(st.none() | st.decimals(-(10**20), 10**20, places=3, allow_nan=False), max_size=5)
BOUND = st.none() | st.decimals(-(10**20), 10**20, places=3)


@settings(deadline=None)
@given(NUMBERS, BOUND, BOUND, st.sampled_from([24, 38]))
def test_numbers_lie_between_their_bounds_whatever_their_size(
    cells: list[Decimal | None], low: Decimal | None, high: Decimal | None, digits: int
) -> None:
    if low is None and high is None:
        low = Decimal(0)
    wanted = [
        None if cell is None else (low is None or low <= cell) and (high is None or cell <= high) for cell in cells
    ]
    assert said("between", pa.array(cells, pa.decimal128(digits, 3)).slice(0), low=low, high=high) == wanted


@settings(deadline=None)
@given(st.lists(st.none() | st.decimals(-(10**14), 10**14, places=3), max_size=5), st.integers(0, 4), st.integers(0, 2))
def test_a_number_is_round_where_rounding_does_not_change_it(
    cells: list[Decimal | None], digits: int, skipped: int
) -> None:
    for precision in (18, 38):
        column = pa.array(cells, pa.decimal128(precision, 3)).slice(skipped)
        found = is_round(column, digits).to_pylist()
        for cell, fine in zip(cells[skipped:], found, strict=True):
            assert cell is None or fine == (cell == round(cell, digits))


def test_a_number_beyond_the_machine_is_left_to_arrow() -> None:
    wide = pa.array([Decimal(10**30)], pa.decimal128(38, 2))
    assert unscaled(wide) is None
    assert lies_between(wide, None, Decimal(1)) is None
    assert lies_between(pa.array([Decimal(1)], pa.decimal128(38, 2)), Decimal(10**30), None) is None
    assert said("between", wide, low=Decimal(10**29), high=None) == [True]
    assert said("precision", wide, fraction=1) == [True]


KEYS = st.one_of(
    st.lists(st.none() | st.text(alphabet="A\x7f\x00é12", max_size=10), max_size=6),
    st.lists(st.none() | st.text(alphabet="A1", max_size=3), max_size=6),
)


@settings(deadline=None)
@given(KEYS, KEYS, st.integers(0, 2))
def test_keys_have_what_is_among_them(there: list[str | None], sought: list[str | None], skipped: int) -> None:
    found = Keys(texts(*there)).have(texts(*sought).slice(skipped)).to_pylist()
    for cell, has in zip(sought[skipped:], found, strict=True):
        assert cell is None or has == (cell in there)


@pytest.mark.parametrize("kind", [pa.int64(), pa.date32(), pa.decimal128(18, 2), pa.timestamp("us", tz="UTC")])
def test_keys_of_other_types_have_what_is_among_them(kind: pa.DataType) -> None:
    there, sought = (pa.array(numbers, pa.int64()) for numbers in ([3, None, 1], [1, 2, None, 3, -1]))
    through = {pa.date32(): pa.int32(), pa.decimal128(18, 2): pa.float64()}.get(kind, pa.int64())
    there, sought = there.cast(through).cast(kind), sought.cast(through).cast(kind)
    found = Keys(there).have(sought).to_pylist()
    assert [found[at] for at in (0, 1, 3, 4)] == [True, False, True, False]
    assert not any(Keys(there[:0]).have(sought).to_pylist())
