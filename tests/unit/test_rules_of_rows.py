"""Rules about more than one cell: of a row, of the rows before it, of a group, wherever the file is cut."""

from __future__ import annotations

import gzip
import io
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tables.contract import Column, Contract, Deletes, Kind, RuleUse, Severity
from tests.shapes import AMOUNT, a_contract, column, in_pieces, messages, reasons
from validation.formats import delimited
from validation.known import NOTHING_KNOWN
from validation.validate import judge, parts, validate, verdict

NET = Column("net", Kind.DECIMAL, precision=18, scale=2)
TAX = Column("tax", Kind.DECIMAL, precision=18, scale=3)
KEY = Column("journal", Kind.STRING)


def a_use(name: str, severity: Severity = Severity.ERROR, **params: Any) -> RuleUse:
    return RuleUse(name, tuple(params.items()), severity)


def ruled(own: Column, *uses: RuleUse) -> Column:
    return replace(own, rules=uses)


def a_file(contract: Contract, rows: Sequence[Sequence[object]]) -> bytes:
    lines = [[each.name for each in contract.columns], *rows]
    return "".join(",".join(map(str, line)) + "\n" for line in lines).encode()


# Of a row


def test_a_day_may_not_come_before_another() -> None:
    first = Column("traded", Kind.DATE)
    second = ruled(Column("settled", Kind.DATE), a_use("not_before", column="traded"))
    found = validate(
        a_file(a_contract((first, second)), [("2026-01-02", "2026-01-02"), ("2026-01-02", "2026-01-01"), ("", "")]),
        a_contract((first, second)),
    )
    assert column(found, "_row") == [2, 4]
    assert messages(found) == ["settled must not be before traded; found '2026-01-01'"]


def test_a_moment_is_compared_with_the_midnight_of_a_day() -> None:
    day, moment = Column("d", Kind.DATE), ruled(Column("t", Kind.TIMESTAMP), a_use("not_after", column="d"))
    contract = a_contract((day, moment))
    data = a_file(contract, [("2026-01-02", "2026-01-02T00:00:00Z"), ("2026-01-02", "2026-01-02T00:00:01Z")])
    assert reasons(validate(data, contract)) == [(3, "not_after", "t")]


def test_a_value_is_required_where_another_column_says_so() -> None:
    status = Column("status", Kind.STRING)
    booked = ruled(Column("booked", Kind.DATE), a_use("required_when", column="status", values=("BOOKED",)))
    contract = a_contract((status, booked))
    rows = [("BOOKED", "2026-01-01"), ("BOOKED", ""), ("PENDING", ""), ("", ""), ("BOOKED", "soon")]
    found = validate(a_file(contract, rows), contract)
    assert reasons(found) == [(3, "required_when", "booked"), (6, "type", "booked")]
    assert messages(found)[0] == "booked is required where status is one of BOOKED; found ''"
    anything = a_contract((status, ruled(booked, a_use("required_when", column="status", values=()))))
    assert reasons(validate(a_file(contract, rows[1:4]), anything)) == [
        (2, "required_when", "booked"),
        (3, "required_when", "booked"),
    ]


def test_an_amount_has_no_more_digits_than_its_currency() -> None:
    money = ruled(Column("amount", Kind.DECIMAL, precision=18, scale=3), a_use("minor_units", currency="currency"))
    contract = a_contract((money, Column("currency", Kind.STRING)))
    rows = [("1.5", "EUR"), ("1.505", "EUR"), ("1.0", "JPY"), ("1.5", "JPY"), ("1.505", "BHD"), ("1.505", "XAU")]
    found = validate(a_file(contract, [*rows, ("1.505", "DEM"), ("1.505", "")]), contract)
    assert reasons(found) == [(3, "minor_units", "amount"), (5, "minor_units", "amount")]


NUMBERS = st.decimals(-10_000, 10_000, places=2)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(NUMBERS, NUMBERS, st.sampled_from(["0", "0.001", "0.01", "-5"])), max_size=8), st.booleans())
def test_gross_is_net_plus_tax_to_the_last_digit(
    rows: list[tuple[Decimal, Decimal, str]],
    tolerant: bool,  # noqa: FBT001  # of Hypothesis
) -> None:
    tolerance = Decimal("0.005") if tolerant else Decimal(0)
    rule = a_use("sum_of", plus=("net", "tax"), minus=("fee",), tolerance=tolerance)
    gross = ruled(Column("gross", Kind.DECIMAL, precision=38, scale=3), rule)
    contract = a_contract((gross, NET, TAX, Column("fee", Kind.INTEGER)))
    cells = [(net + tax - 3 + Decimal(off), net, tax, 3) for net, tax, off in rows]
    found = validate(a_file(contract, cells), contract)
    assert column(found, "_row") == [at for at, (_, _, off) in enumerate(rows, 2) if abs(Decimal(off)) <= tolerance]
    wrong = [(cell, off) for cell, (_, _, off) in zip(cells, rows, strict=True) if abs(Decimal(off)) > tolerance]
    assert len(messages(found)) == len(wrong)
    for text, (cell, off) in zip(messages(found), wrong, strict=True):
        assert text.startswith("gross must be net + tax - fee")
        expected, _, difference = text.split("; expected ")[1].partition(": a difference of ")
        assert (Decimal(expected), Decimal(difference)) == (cell[0] - Decimal(off), Decimal(off))


# Of the rows before


def test_a_balance_that_does_not_follow_from_the_one_before_is_refused_once() -> None:
    use = a_use("running_balance", amount="amount", by=(), tolerance=Decimal(0))
    contract = a_contract((AMOUNT, ruled(Column("balance", Kind.DECIMAL, precision=18, scale=2), use)))
    found = validate(a_file(contract, [(1, 10), (2, 12), (3, 15.5), (1, 16.5), ("", ""), (1, 1)]), contract)
    assert reasons(found) == [(4, "running_balance", "balance")]
    assert messages(found) == [
        "balance must be that of the row before plus amount; found '15.5'; expected 15.00: a difference of 0.50"
    ]


ROWS = st.lists(
    st.tuples(st.sampled_from(["a", "b", ""]), st.integers(-2, 2), st.sampled_from([0, 0, 0, 1])), max_size=12
)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.integers(1, 40))
def test_running_balances_of_accounts_are_followed_however_the_file_is_cut(
    rows: list[tuple[str, int, int]], size: int
) -> None:
    use = a_use("running_balance", amount="amount", by=("journal",), tolerance=Decimal(0))
    contract = a_contract((KEY, AMOUNT, ruled(Column("balance", Kind.INTEGER), use)))
    last: dict[str, int] = {}
    lines, wrong = [], []
    for at, (key, amount, off) in enumerate(rows, 2):
        balance = last.get(key, 7) + amount + off
        if off and key in last:
            wrong.append(at)
        last[key] = balance
        lines.append((key, amount, balance))
    found = in_pieces(a_file(contract, lines), contract, size)
    assert [row for row, _, _ in reasons(found)] == wrong


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["1", "11", ""]), st.sampled_from(["1", "12", ""])), max_size=12),
    st.integers(1, 20),
)
def test_a_key_of_several_columns_stands_once_in_a_file(rows: list[tuple[str, str]], size: int) -> None:
    contract = replace(
        a_contract((Column("x", Kind.STRING), Column("y", Kind.INTEGER))),
        rules=(a_use("unique_together", columns=("x", "y")),),
    )
    found = in_pieces(a_file(contract, rows), contract, size)
    firsts = [at for at, row in enumerate(rows, 2) if row != ("", "") and ("" in row or rows.index(row) == at - 2)]
    assert [at for at in column(found, "_row") if rows[at - 2] != ("", "")] == firsts
    assert {name for _, _, name in reasons(found)} <= {None}


# Of a group

LINES = st.lists(
    st.tuples(st.sampled_from(["J1", "J2", "J3"]), st.integers(0, 3), st.integers(0, 3), st.booleans()), max_size=10
)


@settings(max_examples=60, deadline=None)
@given(LINES, st.booleans())
def test_a_journal_goes_in_whole_or_not_at_all(
    lines: list[tuple[str, int, int, bool]],
    packed: bool,  # noqa: FBT001  # of Hypothesis
) -> None:
    contract = replace(
        a_contract((KEY, Column("debit", Kind.INTEGER), Column("credit", Kind.INTEGER), Column("n", Kind.INTEGER))),
        rules=(a_use("balanced", by=("journal",), debit="debit", credit="credit", tolerance=Decimal(0)),),
    )
    data = a_file(contract, [(key, debit, credit, 1 if fine else "x") for key, debit, credit, fine in lines])
    differences: dict[str, int] = defaultdict(int)
    for key, debit, credit, fine in lines:
        differences[key] += (debit - credit) * fine
    found = verdict(parts(io.BytesIO(gzip.compress(data) if packed else data), contract), contract)
    assert column(found, "_row") == [
        at for at, (key, _, _, fine) in enumerate(lines, 2) if fine and not differences[key]
    ]
    said = [text for text in messages(found) if text.startswith("debit must equal credit in the rows of each journal")]
    wrong = [key for key, _, _, _ in lines if differences[key]]
    assert said == [
        f"debit must equal credit in the rows of each journal; in '{key}' there is a difference of {differences[key]}"
        for key in wrong
    ]


def test_an_unbalanced_journal_holds_the_file_where_the_contract_says_so() -> None:
    rule = a_use("balanced", Severity.HOLD, by=("journal",), debit="amount", credit=None, tolerance=Decimal("0.01"))
    contract = replace(a_contract((KEY, AMOUNT)), rules=(rule,))
    assert validate(a_file(contract, [("a", 1), ("b", 2), ("a", "-1.01")]), contract).held == (
        "1 row, first on line 3: amount must equal 0 in the rows of each journal (to within 0.01)",
    )
    assert validate(a_file(contract, [("a", 1), ("a", "-1.01")]), contract).held == ()


# Severities


def test_a_warning_keeps_the_row_and_counts_it() -> None:
    low = a_use("between", Severity.WARNING, low=None, high=Decimal(10))
    high = a_use("between", low=None, high=Decimal(100))
    contract = a_contract((KEY, ruled(AMOUNT, low, high)))
    found = in_pieces(a_file(contract, [("a", 1), ("b", 11), ("c", 12), ("d", 101)]), contract, 3)
    assert column(found, "amount") == [1, 11, 12]
    assert reasons(found) == [(5, "between", "amount")]
    assert [(flag.column, flag.rows, flag.first, flag.message) for flag in found.flags] == [
        ("amount", 2, 3, "amount must be at most 10")
    ]
    assert found.held == ()


def test_a_row_says_itself_which_warnings_it_was_kept_with() -> None:
    money = ruled(AMOUNT, a_use("between", Severity.WARNING, low=None, high=Decimal(10)))
    rule = a_use("unique_together", Severity.WARNING, columns=("journal", "amount"))
    contract = replace(a_contract((KEY, money), unknown_columns="rescue"), rules=(rule,), keep_warnings=True)
    found = in_pieces(a_file(contract, [("a", 1), ("b", 11), ("b", 11), ("b", "x"), ("c", 12)]), contract, 3)
    said = [json.loads(each) if each else None for each in column(found, "_warnings")]
    assert said == [None, ["amount.between"], ["amount.between", "unique_together"], ["amount.between"]]
    assert found.accepted.schema == contract.schema
    assert contract.row_schema.names[-5:] == ["_rescued", "_warnings", "_upload_id", "_seq", "_row"]


def test_a_rule_that_holds_names_how_many_rows_and_the_first() -> None:
    contract = a_contract((KEY, ruled(AMOUNT, a_use("between", Severity.HOLD, low=Decimal(0), high=None))))
    found = in_pieces(a_file(contract, [("a", 1), ("b", -1), ("c", -2)]), contract, 3)
    assert found.held == ("2 rows, first on line 3: amount must be at least 0",)


def test_a_row_that_deletes_is_judged_by_its_key_only() -> None:
    rules = (a_use("unique_together", columns=("journal", "amount")),)
    money = ruled(AMOUNT, a_use("between", low=Decimal(0), high=None), a_use("unique"))
    contract = replace(
        a_contract((KEY, money, Column("op", Kind.STRING))),
        rules=rules,
        primary_key=("journal",),
        mode="upsert",
        deletes=Deletes("op", ("D",)),
    )
    found = validate(a_file(contract, [("a", 1, ""), ("a", 1, "D"), ("a", -1, "D"), ("a", 1, "")]), contract)
    assert reasons(found) == [(5, "unique", "amount"), (5, "unique_together", None)]


@pytest.mark.parametrize("threads", [1, 2])
def test_a_rule_that_asks_for_what_nobody_knows_stands_in_the_way(threads: int) -> None:
    contract = a_contract((KEY, ruled(Column("day", Kind.DATE), a_use("not_future", days=0))))
    tasks = delimited.split(io.BytesIO(a_file(contract, [("a", "2026-01-01")])), contract)
    with pytest.raises(Exception, match="'not_future' must know when the file was accepted"):
        list(judge(tasks, contract, threads, NOTHING_KNOWN))
