"""A row that deletes needs its key, its order and what says so; whatever else stands in it, cents are conserved."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerlake.errors import RejectedError
from tables.contract import Column, Contract, Deletes, Kind, RuleUse
from tests.shapes import a_contract, column, in_format, in_pieces, reasons
from validation.header import check_header
from validation.totals import Declared
from validation.validate import check_conservation, validate

COLUMNS = (
    Column("id", Kind.INTEGER, required=True),
    Column("seen", Kind.DATE, required=True),
    Column("op", Kind.STRING, rules=(RuleUse("enum", (("values", ("D", "U")),)),), stored=False),
    Column("amount", Kind.DECIMAL, precision=6, scale=2, required=True, money=True),
    Column("code", Kind.STRING, required=True, rules=(RuleUse("length", (("low", 2), ("high", 2))), RuleUse("unique"))),
)
FORMATS = ["csv", "jsonl", "parquet"]


def trades(form: str = "csv", values: tuple[str, ...] = ("D",)) -> Contract:
    contract = a_contract(COLUMNS, name=form)
    return replace(contract, primary_key=("id",), mode="upsert", sequence_by="seen", deletes=Deletes("op", values))


@pytest.mark.parametrize("form", FORMATS)
def test_a_row_that_deletes_is_judged_by_its_key_and_order_only(form: str) -> None:
    rows: list[dict[str, Any]] = [
        {"id": "1", "seen": "2026-01-01", "op": "D", "amount": "x", "code": "too long"},
        {"id": "2", "seen": "2026-01-01", "op": "U", "amount": "x", "code": "too long"},
        {"id": "3", "seen": "1 May", "op": "D", "amount": None, "code": None},
        {"id": "4", "seen": "2026-01-01", "op": "X", "amount": "1.5", "code": "ab"},
    ]
    found = validate(in_format(rows, form), trades(form))
    assert found.accepted.drop_columns(["seen", "_row"]).to_pylist() == [
        {"id": 1, "op": "D", "amount": None, "code": "too long"}
    ]
    assert [(rule, name) for _, rule, name in reasons(found)] == [
        ("type", "amount"),
        ("length", "code"),
        ("type", "seen"),
        ("enum", "op"),
    ]
    check_conservation(found)


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_of_deletes_may_leave_out_every_other_column(form: str) -> None:
    rows = [{"id": "1", "seen": "2026-01-01", "op": "D"}, {"id": "2", "seen": "2026-01-02", "op": "D"}]
    data = in_format(rows, form)
    check_header(data, trades(form), complete=True)
    found = validate(data, trades(form))
    assert found.accepted.select(["id", "amount", "code"]).to_pylist() == [
        {"id": 1, "amount": None, "code": None},
        {"id": 2, "amount": None, "code": None},
    ]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("left_out", ["id", "seen", "op"])
def test_a_file_without_key_order_or_operation_is_rejected(form: str, left_out: str) -> None:
    row = {"id": "1", "seen": "2026-01-01", "op": "D"}
    del row[left_out]
    with pytest.raises(RejectedError, match="is missing"):
        check_header(in_format([row], form), trades(form), complete=True)


def test_without_listed_values_any_value_deletes() -> None:
    contract = replace(trades(values=()), columns=(*COLUMNS[:2], replace(COLUMNS[2], rules=()), *COLUMNS[3:]))
    found = validate(b"id,seen,op\n1,2026-01-01,gone\n2,2026-01-01,\n", contract)
    assert column(found, "id") == [1]


def test_a_value_of_a_row_that_deletes_can_come_again() -> None:
    data = b"id,seen,op,amount,code\n1,2026-01-01,D,1,ab\n2,2026-01-01,U,2,ab\n3,2026-01-01,,3,ab\n"
    found = validate(data, trades())
    assert column(found, "id") == [1, 2]
    assert reasons(found) == [(4, "unique", "code")]


def test_money_that_a_deletion_cannot_hold_counts_nowhere_and_a_declared_total_notices() -> None:
    data = b"id,seen,op,amount,code\n1,2026-01-01,D,1.234,ab\n2,2026-01-01,U,2,cd\n3,2026-01-01,D,4,\n"
    found = validate(data, trades(), Declared(totals={"amount": Decimal("7.234")}))
    assert found.totals.money == {"amount": Decimal("6.00")}
    assert found.held == ("the upload declares 7.234 amount in all, the file has 6.00: a difference of 1.234",)
    check_conservation(found)


CELLS = {
    "id": st.sampled_from(["1", "2", "", "x", "99999999999999999999"]),
    "seen": st.sampled_from(["2026-01-01", "2026-02-30", ""]),
    "op": st.sampled_from(["D", "U", "", "d"]),
    "amount": st.sampled_from(["1.5", "-2.25", "1.234", "123456", "", "x", "1e5"]),
    "code": st.sampled_from(["ab", "cd", "", "abc"]),
}
GOOD = {
    "id": {"1", "2"},
    "seen": {"2026-01-01"},
    "op": {"D", "U", ""},
    "amount": {"1.5", "-2.25"},
    "code": {"ab", "cd"},
}


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.fixed_dictionaries(CELLS), min_size=1, max_size=8),
    st.integers(1, 80),
    st.sampled_from(["csv", "jsonl"]),
)
def test_rows_are_told_apart_as_a_plain_model_does_however_they_are_cut(
    rows: list[dict[str, str]], size: int, form: str
) -> None:
    data, contract = in_format(rows, form), trades(form)
    found = validate(data, contract)
    seen: set[str] = set()
    wanted = []
    for row in rows:
        deletes = row["op"] == "D"
        good = all(row[name] in GOOD[name] for name in (("id", "seen", "op") if deletes else GOOD))
        repeated = not deletes and row["code"] in seen
        seen |= set() if deletes or not row["code"] else {row["code"]}
        wanted.append(good and not repeated)
    first = 2 if form == "csv" else 1
    assert column(found, "_row") == [at for at, good in enumerate(wanted, first) if good]
    check_conservation(found)
    pieces = in_pieces(data, contract, size)
    assert pieces.accepted.equals(found.accepted)
    assert pieces.quarantined.equals(found.quarantined)
    assert pieces.totals == found.totals
