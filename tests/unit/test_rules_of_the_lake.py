"""Rules that ask for more than the file: when it was accepted, what other tables have, what its own table has."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tables.contract import Column, Contract, Kind, RuleUse, Severity
from tests.shapes import a_contract, column, messages, reasons
from validation.known import Known
from validation.rules.keys import Keys, key_of
from validation.rules.lake import FEWEST, History
from validation.validate import Declared, validate
from validation.verdict import Verdict, warnings

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)


def judged(contract: Contract, known: Known, *cells: object) -> Verdict:
    lines = [",".join(each.name for each in contract.columns), *(f"{cell}," for cell in cells)]
    return validate("\n".join(lines).encode(), contract, Declared(), known)


def with_rule(kind: Kind, name: str, severity: Severity = Severity.ERROR, **params: Any) -> tuple[Contract, RuleUse]:
    use = RuleUse(name, tuple(params.items()), severity)
    own = Column("x", kind, precision=18, scale=2, rules=(use,))
    return a_contract((own, Column("y", Kind.STRING))), use


@pytest.mark.parametrize(
    ("kind", "days", "fine", "late"),
    [
        (Kind.DATE, 0, "2026-03-31", "2026-04-01"),
        (Kind.DATE, 2, "2026-04-02", "2026-04-03"),
        (Kind.TIMESTAMP, 0, "2026-03-31T12:00:00Z", "2026-03-31T12:00:00.000001Z"),
        (Kind.TIMESTAMP, 1, "2026-04-01T14:00:00+02:00", "2026-04-01T12:00:01Z"),
    ],
)
def test_the_future_begins_when_a_file_is_accepted(kind: Kind, days: int, fine: str, late: str) -> None:
    contract, _ = with_rule(kind, "not_future", days=days)
    assert reasons(judged(contract, Known(NOON), fine, late, "")) == [(3, "not_future", "x")]


def test_a_foreign_key_is_one_that_the_other_table_has() -> None:
    contract, use = with_rule(Kind.INTEGER, "foreign_key", dataset="accounts", column="account_id")
    found = judged(contract, Known(NOON, {use: Keys(pa.array([1, 2], pa.int64()))}), 2, "", 3)
    assert column(found, "x") == [2, None]
    assert messages(found) == ["x must be a value that account_id of accounts has; found '3'"]


def test_a_key_of_an_earlier_file_is_refused() -> None:
    use = RuleUse("new_to_table", (("columns", ("x", "y")),))
    contract = Contract("t", "1", "0", (Column("x", Kind.INTEGER), Column("y", Kind.STRING)), rules=(use,))
    before = key_of([pa.array([1, 1], pa.int64()), pa.array(["a", "b"])])
    found = validate(b"x,y\n1,a\n1,c\n11,a\n,a\n", contract, Declared(), Known(NOON, {use: Keys(before)}))
    assert reasons(found) == [(2, "new_to_table", None)]
    assert messages(found) == ["x, y must not repeat together what a row of an earlier file says"]


@pytest.mark.parametrize(("method", "limit", "kept"), [("z_score", 3, (70, 130)), ("iqr", 2, (50, 150))])
def test_an_outlier_is_kept_and_counted(method: str, limit: int, kept: tuple[int, int]) -> None:
    contract, use = with_rule(Kind.DECIMAL, "outlier", Severity.WARNING, method=method, limit=Decimal(limit))
    history = History(FEWEST, mean=100, deviation=10, lower=90, upper=110)
    low, high = kept
    found = judged(contract, Known(NOON, {use: history}), low, high, low - 1, high + 1)
    assert column(found, "_row") == [2, 3, 4, 5]
    assert warnings(found.flags) == {"x.outlier": 2}
    assert warnings(judged(contract, Known(NOON, {use: History(FEWEST - 1)}), 10**9).flags) == {}


@given(st.lists(st.tuples(st.text("1:a", max_size=3), st.text("1:a", max_size=3)), max_size=12))
def test_two_rows_have_one_key_only_if_they_say_the_same(rows: list[tuple[str, str]]) -> None:
    first, second = (pa.array([row[at] for row in rows], pa.string()) for at in (0, 1))
    keys = key_of([first, second]).to_pylist()
    assert len(set(keys)) == len(set(rows))
