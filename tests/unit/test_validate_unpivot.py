"""A wide file becomes one row for each cell that has a value, under the number of its line."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerlake.errors import RejectedError
from tables.contract import Column, Contract, Kind, RuleUse, Unpivot
from tests.shapes import a_contract, in_format, in_pieces, messages, reasons
from validation import others
from validation.formats.block import Block, Others
from validation.header import check_header
from validation.validate import check_conservation, validate
from validation.verdict import Verdict

COLUMNS = (
    Column("day", Kind.DATE, required=True),
    Column("currency", Kind.STRING, required=True, rules=(RuleUse("pattern", (("pattern", "[A-Z]{3}"),)),)),
    Column("rate", Kind.DECIMAL, precision=9, scale=4, required=True, money=True),
)
FORMATS = ["csv", "jsonl", "parquet"]


ALL = Unpivot("currency", "rate")


def rates(form: str = "csv", unpivot: Unpivot = ALL, **file: Any) -> Contract:
    contract = a_contract(COLUMNS, name=form, null_tokens=("", "N/A"), unpivot=unpivot, **file)
    return replace(contract, primary_key=("day", "currency"), mode="upsert")


def cells(found: Verdict) -> list[tuple[Any, ...]]:
    rows = [found.accepted[name].to_pylist() for name in ("currency", "rate", "_row")]
    return list(zip(*rows, strict=True))


@pytest.mark.parametrize("form", FORMATS)
def test_each_value_is_a_row_and_no_value_is_none(form: str) -> None:
    rows: list[dict[str, Any]] = [
        {"Day": "2026-01-01", "USD": "1.5", "JPY": "N/A"},
        {"Day": "2026-01-02", "USD": None, "JPY": "160"},
        {"Day": "2026-01-03", "USD": "", "JPY": None},
        {"Day": "2026-01-04", "USD": "x", "JPY": "3"},
    ]
    found = validate(in_format(rows, form), rates(form))
    first = 2 if form == "csv" else 1
    assert cells(found) == [
        ("USD", Decimal("1.5"), first),
        ("JPY", Decimal(160), first + 1),
        ("JPY", Decimal(3), first + 3),
    ]
    assert reasons(found) == [(first + 3, "type", "rate")]
    assert (found.totals.rows, found.totals.money) == (4, {"rate": Decimal("164.5")})
    check_conservation(found)


def test_a_bad_cell_of_the_line_refuses_each_of_its_rows() -> None:
    found = validate(b"day,USD,JPY\n1 May,1,2\n", rates())
    assert reasons(found) == [(2, "type", "day"), (2, "type", "day")]
    assert found.quarantined["raw"].to_pylist() == ["1 May,1,2"] * 2
    assert found.totals.money == {"rate": Decimal(3)}


def test_an_odd_header_is_an_odd_value() -> None:
    assert reasons(validate(b"day,USD,comment\n2026-01-01,1,x\n", rates())) == [
        (2, "pattern", "currency"),
        (2, "type", "rate"),
    ]


def test_nulls_are_rows_where_the_contract_keeps_them() -> None:
    contract = rates(unpivot=Unpivot("currency", "rate", keep_nulls=True))
    contract = replace(contract, columns=(*COLUMNS[:2], replace(COLUMNS[2], required=False)))
    found = validate(b"day,USD,JPY,\n2026-01-01,1,N/A,\n", contract)
    assert cells(found) == [("USD", Decimal(1), 2), ("JPY", None, 2)]


@pytest.mark.parametrize("form", FORMATS)
def test_of_listed_columns_some_may_be_there_and_others_are_unknown(form: str) -> None:
    listed = Unpivot("currency", "rate", ("USD", "JPY"))
    rows = [{"day": "2026-01-01", " usd": "1", "note": "a"}]
    with pytest.raises(RejectedError, match="'note' is unknown"):
        check_header(in_format(rows, form), rates(form, listed), complete=True)
    assert cells(validate(in_format(rows, form), rates(form, listed, unknown_columns="ignore")))[0][0] == "USD"
    found = validate(in_format(rows, form), rates(form, listed, unknown_columns="rescue"))
    assert found.accepted["_rescued"].to_pylist() == ['{"note":"a"}']


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("day", "no column gives a 'rate': any other name is accepted"),
        ("day,", "no column gives a 'rate'"),
        ("USD,JPY", "column 'day' is missing"),
        ("day,USD, usd", "columns 2 'USD' and 3 'usd' all mean 'usd'; keep one"),
        ("day,currency,rate", "column 2 'currency' is made of the names and cells of the other columns"),
        ("day,USD,Rate", "column 3 'Rate' is made of"),
    ],
)
def test_a_wrong_header_is_rejected(header: str, words: str) -> None:
    with pytest.raises(RejectedError) as caught:
        check_header(f"{header}\n".encode(), rates(), complete=True)
    assert words in caught.value.message


def test_a_comma_at_the_end_of_each_line_is_nothing_but_a_value_there_breaks_its_line() -> None:
    found = validate(b"day,USD,\n2026-01-01,1,\n2026-01-02,2, \n2026-01-03,3,4\n2026-01-04,,5\n", rates())
    assert cells(found) == [("USD", Decimal(1), 2), ("USD", Decimal(2), 3)]
    assert messages(found) == ["the row has a value in a column without a name"] * 2
    assert found.totals.rows == 4


def test_rows_that_would_grow_beyond_memory_reject_the_file() -> None:
    many = 2000
    text = pa.array(["x" * (others.MAX_TEXT // many + 1)])
    beside = Others(np.zeros(many, np.int64), pa.array(["A"] * many), pa.array(["1"] * many))
    block = Block(np.array([7]), {"day": text}, lambda _: [""], others=beside)
    with pytest.raises(RejectedError, match="from line 7: the rows of these lines would take 1,07"):
        others.settle(block, rates())


NAMES = st.lists(
    st.sampled_from(["USD", "JPY", "x y", "é", '"', ",", "'; DROP TABLE t; --", "N/A", "day "]), unique=True, min_size=1
)
CELLS = st.sampled_from(["1", "2.5", "", "N/A", "x", " 3 "])


@st.composite
def wide_files(draw: st.DrawFn) -> list[list[str]]:
    names = [name for name in draw(NAMES) if name != "day "] or ["USD"]
    days = st.sampled_from(["2026-01-01", "2026-02-30", ""])
    rows = draw(st.lists(st.tuples(days, *[CELLS] * len(names)), max_size=6))
    return [["day", *names], *[list(row) for row in rows]]


@settings(max_examples=100, deadline=None)
@given(wide_files(), st.integers(1, 60), st.sampled_from(["", ","]))
def test_any_wide_file_is_its_cells_however_it_is_cut(table: list[list[str]], size: int, end: str) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(table)
    data = text.getvalue().replace("\n", f"{end}\n").encode()
    found = validate(data, rates())
    header, *rows = table
    good: list[tuple[Any, ...]] = []
    bad: list[int] = []
    for number, row in enumerate(rows, 2):
        for name, cell in zip(header[1:], row[1:], strict=True):
            if cell.strip() not in {"", "N/A"}:
                fine = row[0] == "2026-01-01" and cell != "x" and name in {"USD", "JPY"}
                if fine:
                    good.append((name, Decimal(cell), number))
                else:
                    bad.append(number)
    assert cells(found) == good
    assert found.quarantined["_row"].to_pylist() == bad
    check_conservation(found)
    pieces = in_pieces(data, rates(), size)
    assert pieces.accepted.equals(found.accepted)
    assert pieces.quarantined.equals(found.quarantined)
    assert pieces.totals == found.totals
