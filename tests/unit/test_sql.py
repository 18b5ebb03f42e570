"""SQL made of names and values means exactly those names and values, in the engine that runs it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from deltalake import QueryBuilder
from hypothesis import given, settings
from hypothesis import strategies as st

from tables import sql

LONG = st.integers(-(2**63), 2**63 - 1)
CASES: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.string(): st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
    pa.int64(): LONG,
    pa.bool_(): st.booleans(),
    pa.date32(): st.dates(),
    pa.decimal128(38, 2): st.integers(-(10**38) + 1, 10**38 - 1).map(lambda cents: Decimal(f"{cents}E-2")),
    pa.timestamp("us", tz="UTC"): st.datetimes(timezones=st.just(UTC)),
}


def answer(statement: str) -> pa.Table:
    return pa.RecordBatchReader.from_stream(QueryBuilder().execute(statement)).read_all()


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_literal_is_its_value_and_its_type(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(list(CASES)))
    value = data.draw(st.none() | CASES[kind])
    found = answer(f"SELECT {sql.literal(value, kind)} AS v")["v"]
    assert found.cast(kind).to_pylist() == [value]
    if value is not None and not pa.types.is_string(kind):
        assert found.type == kind


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20))
@settings(max_examples=40, deadline=None)
def test_an_identifier_is_its_name(name: str) -> None:
    assert answer(f"SELECT 1 AS {sql.identifier(name)}").column_names == [name]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (date(1, 1, 1), pa.date32()),
        (date(9999, 12, 31), pa.date32()),
        (datetime(1, 1, 1, tzinfo=UTC), pa.timestamp("us", tz="UTC")),
        (datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), pa.timestamp("us", tz="UTC")),
        (Decimal("9" * 36 + ".99"), pa.decimal128(38, 2)),
        (Decimal("-" + "9" * 38), pa.decimal128(38, 0)),
        (-(2**63), pa.int64()),
    ],
)
def test_the_ends_of_every_type_survive(value: object, kind: pa.DataType) -> None:
    assert answer(f"SELECT {sql.literal(value, kind)} AS v")["v"].to_pylist() == [value]


@given(st.lists(st.none() | LONG, max_size=4), st.none() | LONG)
@settings(max_examples=40, deadline=None)
def test_one_of_finds_what_is_in_the_list(values: list[int | None], probe: int | None) -> None:
    kind = pa.int64()
    where = sql.one_of("v", values, kind)
    found = answer(f"SELECT count(*) AS n FROM (SELECT {sql.literal(probe, kind)} AS v) WHERE {where}")  # noqa: S608  # what is tested
    assert found["n"].to_pylist() == [int(probe in values)]


@given(st.none() | LONG, LONG, LONG, st.booleans())
@settings(max_examples=40, deadline=None)
def test_between_includes_both_ends(probe: int | None, one: int, other: int, or_null: bool) -> None:  # noqa: FBT001
    kind, (low, high) = pa.int64(), sorted([one, other])
    where = sql.between("v", low, high, kind, or_null=or_null)
    found = answer(f"SELECT count(*) AS n FROM (SELECT {sql.literal(probe, kind)} AS v) WHERE {where}")  # noqa: S608  # what is tested
    assert found["n"].to_pylist() == [int(or_null if probe is None else low <= probe <= high)]


def test_a_type_without_literal_is_refused() -> None:
    with pytest.raises(ValueError, match="no literal of type double"):
        sql.literal(1.5, pa.float64())


@pytest.mark.parametrize("value", ["a\\b", "it's"])
def test_a_text_that_two_engines_read_differently_has_no_portable_literal(value: str) -> None:
    assert sql.portable_literal(value, pa.string()) is None
