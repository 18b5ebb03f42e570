"""Parquet: what has the contract's type passes as it is; anything else is judged as its text would be."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ledgerlake.errors import RejectedError
from tables.contract import Column, Kind
from tests.shapes import AMOUNT, ID, NAME, a_contract, column, messages, reasons
from validation.formats import parquet
from validation.header import check_header
from validation.validate import check_conservation, judge, validate, verdict

DAY, TIME = Column("day", Kind.DATE), Column("at", Kind.TIMESTAMP)
TRADES = a_contract((ID, NAME, AMOUNT, DAY, TIME), name="parquet")
NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)


def a_parquet(**columns: pa.Array) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


def test_typed_columns_pass_and_rows_count_from_one() -> None:
    data = a_parquet(
        ID=pa.array([1, 2], pa.int32()),
        amount=pa.array([Decimal("1.5"), None], pa.decimal128(9, 4)),
        day=pa.array([date(2026, 3, 31)] * 2),
        at=pa.array([NOON] * 2, pa.timestamp("ns", "Europe/London")),
        name=pa.array(["a", "a"]).dictionary_encode(),
    )
    found = validate(data, TRADES)
    assert found.accepted.to_pylist() == [
        {"id": 1, "name": "a", "amount": Decimal("1.50"), "day": date(2026, 3, 31), "at": NOON, "_row": 1},
        {"id": 2, "name": "a", "amount": None, "day": date(2026, 3, 31), "at": NOON, "_row": 2},
    ]
    assert found.totals.money == {"amount": Decimal("1.50")}


def test_what_would_lose_digits_is_quarantined_by_cell() -> None:
    nanos = pa.array([NOON.timestamp() * 10**9, NOON.timestamp() * 10**9 + 512], pa.float64()).cast(pa.int64())
    data = a_parquet(id=pa.array([1, 2]), amount=pa.array([1.5, 2.345]), at=nanos.cast(pa.timestamp("ns", "UTC")))
    found = validate(data, TRADES)
    assert [row["_row"] for row in found.accepted.to_pylist()] == [1]
    assert reasons(found) == [(2, "type", "amount"), (2, "type", "at")]
    assert found.quarantined.column("raw").to_pylist()[0].startswith('{"id": 2, "amount": 2.345')
    assert found.totals.money == {"amount": Decimal("3.845")}
    check_conservation(found)


def test_a_time_without_zone_is_refused() -> None:
    found = validate(a_parquet(id=pa.array([1]), at=pa.array([datetime(2026, 3, 31)])), TRADES)
    assert "without its zone" in messages(found)[0]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (a_parquet(id=pa.array([1]), nmae=pa.array(["a"])), r"'nmae' is unknown \(did you mean 'name'\?\)"),
        (a_parquet(name=pa.array(["a"])), "column 'id' is missing"),
        (a_parquet(id=pa.array([1]), name=pa.array([["a"]])), "'name' holds"),
        (a_parquet(id=pa.array([1]), name=pa.array([b"\xff"])), "'name' holds"),
        (b"PAR1 and no more", "damaged"),
    ],
)
def test_a_schema_that_does_not_suit_is_rejected(data: bytes, words: str) -> None:
    with pytest.raises(RejectedError, match=words):
        check_header(data, TRADES, complete=True)
    with pytest.raises(RejectedError, match=words):
        validate(data, TRADES)
    check_header(data[:8], TRADES, complete=False)


def test_it_is_told_by_its_magic() -> None:
    assert parquet.sniff(a_parquet(id=pa.array([1])))
    assert not parquet.sniff(b"id,name")


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()], ids=str)
@pytest.mark.parametrize("piece", [1, 200, 1024**2])
def test_a_text_that_is_written_once_stands_in_every_row_however_they_are_cut(kind: pa.DataType, piece: int) -> None:
    names = ["a" * 100, None, "é", "a" * 100] * 25
    table = pa.table({"id": pa.array(range(100)), "name": pa.array(names, kind)})
    file = io.BytesIO()
    pq.write_table(table, file, row_group_size=30)
    found = verdict(judge(parquet.split(io.BytesIO(file.getvalue()), TRADES, piece), TRADES), TRADES)
    assert column(found, "name") == names
    assert column(found, "_row") == list(range(1, 101))


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()], ids=str)
def test_a_text_that_would_fill_the_memory_is_refused(kind: pa.DataType) -> None:
    with pytest.raises(RejectedError, match="bytes unpack to more than 67,108,864; at most 200 times"):
        validate(bomb(kind), TRADES)


def test_what_a_file_says_of_its_own_size_is_believed_if_it_is_too_much() -> None:
    data = a_parquet(id=pa.array([0] * 9_000_000))
    assert len(data) < 100_000
    with pytest.raises(RejectedError, match="bytes unpack to more than 67,108,864; at most 200 times"):
        validate(data, TRADES)


def bomb(kind: pa.DataType) -> bytes:
    """700 rows of one text of 100,000 characters, in a few thousand bytes."""
    return a_parquet(id=pa.array(range(700)), name=pa.array(["x" * 100_000] * 700, kind))
