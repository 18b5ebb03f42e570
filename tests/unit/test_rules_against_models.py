"""Every rule of one row against its meaning in plain Python, a row at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import holidays
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tables.contract import Column, Kind, RuleUse
from tables.reference import countries, currencies
from tables.rule_names import RULE_NAMES, Form
from validation.known import Known
from validation.rules import RULES, Ask
from validation.rules.keys import Keys
from validation.rules.lake import History
from validation.uses import apply

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)
COLUMNS = {
    "day": Column("day", Kind.DATE),
    "other_day": Column("other_day", Kind.DATE),
    "moment": Column("moment", Kind.TIMESTAMP),
    "amount": Column("amount", Kind.DECIMAL, precision=18, scale=3),
    "fee": Column("fee", Kind.INTEGER),
    "currency": Column("currency", Kind.STRING),
    "code": Column("code", Kind.STRING),
}
DAYS = st.dates(date(2025, 12, 20), date(2026, 7, 10))
ROW = st.fixed_dictionaries(
    {
        "day": st.none() | DAYS,
        "other_day": st.none() | DAYS,
        "moment": st.none()
        | st.datetimes(datetime(2026, 3, 30), datetime(2026, 4, 2)).map(lambda at: at.replace(tzinfo=UTC)),
        "amount": st.none() | st.decimals(-20, 20, places=3) | st.integers(-20, 20).map(Decimal),
        "fee": st.none() | st.integers(-20, 20),
        "currency": st.none() | st.sampled_from(["EUR", "JPY", "BHD", "CLF", "XAU", "DEM", "eur", ""]),
        "code": st.none() | st.sampled_from(["CH", "CHE", "XK", "UK", "A", "AB", "1", "é"]),
    }
)
Row = dict[str, Any]
MARKET, BAVARIA = holidays.financial_holidays("XNYS"), holidays.country_holidays("DE", subdiv="BY")
HISTORY = History(100, mean=1.0, deviation=2.0, lower=-1.0, upper=3.0)


@dataclass(frozen=True)
class Case:
    """A rule at a column, with its parameters, what it knows, and when a row is fine by it."""

    rule: str
    column: str
    fine: Callable[[Row], bool]
    params: tuple[tuple[str, Any], ...] = ()
    fact: Any = None


def _fraction(number: Decimal) -> int:
    return max(0, -int(number.normalize().as_tuple().exponent))


CASES = [
    Case("between", "amount", lambda row: -1 <= row["amount"] <= 7, (("low", Decimal(-1)), ("high", Decimal(7)))),
    Case("between", "fee", lambda row: row["fee"] <= 3, (("low", None), ("high", 3))),
    Case("date_range", "day", lambda row: row["day"] >= date(2026, 3, 1), (("low", date(2026, 3, 1)), ("high", None))),
    Case("enum", "fee", lambda row: row["fee"] in {1, 2}, (("values", (1, 2)),)),
    Case("precision", "amount", lambda row: _fraction(row["amount"]) <= 1, (("fraction", 1),)),
    Case("pattern", "code", lambda row: row["code"] in {"A", "AB", "CH", "XK", "UK"}, (("pattern", "[A-Z]{1,2}"),)),
    Case("length", "code", lambda row: len(row["code"]) == 1, (("low", None), ("high", 1))),
    Case("currency", "currency", lambda row: row["currency"] in currencies()),
    Case("country", "code", lambda row: row["code"] in countries(2), (("letters", "2"),)),
    Case(
        "minor_units",
        "amount",
        lambda row: _fraction(row["amount"]) <= {"EUR": 2, "JPY": 0, "BHD": 3, "CLF": 4}.get(row["currency"], 9),
        (("currency", "currency"),),
    ),
    Case(
        "not_before",
        "day",
        lambda row: row["other_day"] is None or row["day"] >= row["other_day"],
        (("column", "other_day"),),
    ),
    Case(
        "not_after",
        "day",
        lambda row: row["other_day"] is None or row["day"] <= row["other_day"],
        (("column", "other_day"),),
    ),
    Case(
        "not_after",
        "moment",
        lambda row: (
            row["day"] is None
            or row["moment"] <= datetime(row["day"].year, row["day"].month, row["day"].day, tzinfo=UTC)
        ),
        (("column", "day"),),
    ),
    Case("not_future", "day", lambda row: row["day"] <= date(2026, 4, 2), (("days", 2),)),
    Case("not_future", "moment", lambda row: row["moment"] <= NOON + timedelta(days=1), (("days", 1),)),
    Case("business_day", "day", lambda row: MARKET.is_working_day(row["day"]), (("calendar", "XNYS"),)),
    Case("business_day", "day", lambda row: BAVARIA.is_working_day(row["day"]), (("calendar", "DE-BY"),)),
    Case(
        "required_when",
        "amount",
        lambda row: row["amount"] is not None or row["currency"] not in {"EUR", "JPY"},
        (("column", "currency"), ("values", ("EUR", "JPY"))),
    ),
    Case(
        "sum_of",
        "amount",
        lambda row: row["fee"] is None or abs(row["amount"] - row["fee"]) <= Decimal("1.5"),
        (("plus", ("fee",)), ("minus", ()), ("tolerance", Decimal("1.5"))),
    ),
    Case(
        "foreign_key",
        "code",
        lambda row: row["code"] in {"CH", "é"},
        (("dataset", "codes"), ("column", "code")),
        Keys(pa.array(["CH", "é", None])),
    ),
    Case(
        "outlier",
        "amount",
        lambda row: -5 <= row["amount"] <= 7,
        (("method", "z_score"), ("limit", Decimal(3))),
        HISTORY,
    ),
    Case("outlier", "fee", lambda row: -5 <= row["fee"] <= 7, (("method", "iqr"), ("limit", Decimal(1))), HISTORY),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.column}.{case.rule}")
@settings(max_examples=40, deadline=None)
@given(st.lists(ROW, max_size=6))
def test_a_rule_means_what_it_says(case: Case, rows: list[Row]) -> None:
    columns = {name: pa.array([row[name] for row in rows], own.arrow) for name, own in COLUMNS.items()}
    use = RuleUse(case.rule, case.params)
    broken = apply(use, COLUMNS[case.column], columns, Known(NOON, {use: case.fact}))
    judged = [at for at, row in enumerate(rows) if row[case.column] is not None or case.rule == "required_when"]
    assert (broken.at.tolist() if broken else []) == [at for at in judged if not case.fine(rows[at])]


def test_all_rules_of_one_row_are_here() -> None:
    elsewhere = {"iban", "bic", "lei", "isin", "cusip", "sedol", "figi"}  # test_identifiers.py
    alone = {
        name
        for name, rule in RULES.items()
        if rule.memory is None and rule.gather is None and RULE_NAMES[name].kinds and name not in elsewhere
    }
    assert {case.rule for case in CASES} == alone
    assert {name for name, rule in RULES.items() if rule.asks is Ask.TIME} == {"not_future"}
    assert all(
        dict(case.params).keys() == RULE_NAMES[case.rule].params.keys() and Form(each.form)
        for case in CASES
        for each in RULE_NAMES[case.rule].params.values()
    )
