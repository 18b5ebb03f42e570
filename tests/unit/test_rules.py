"""Every rule a contract can name, on cells that are fine, wrong and empty."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tables.contract import Column, Kind, RuleUse
from tables.rule_names import RULE_NAMES
from tests.shapes import a_contract, column, messages, reasons
from validation.container import as_stream
from validation.formats import delimited
from validation.rules import RULES
from validation.validate import judge, validate, verdict


def _judged(kind: Kind, rule: str, params: dict[str, Any], *cells: str, **options: Any) -> tuple[list[Any], list[str]]:
    """Accepted values and the messages of the others."""
    use = RuleUse(rule, tuple(params.items()))
    contract = a_contract((Column("x", kind, rules=(use,), **options), Column("y", Kind.STRING)))
    found = validate(b"x,y\n" + "".join(f"{cell},\n" for cell in cells).encode(), contract)
    return column(found, "x"), messages(found)


def test_the_rules_are_those_a_contract_can_name() -> None:
    assert set(RULES) == set(RULE_NAMES)
    for name, signature in RULE_NAMES.items():
        code = RULES[name].check.__code__
        assert set(code.co_varnames[: code.co_argcount]) - {"cells", "seen", "last", "known"} <= set(signature.params)


@pytest.mark.parametrize(
    ("kind", "rule", "params", "cells", "fine", "message"),
    [
        (
            Kind.STRING,
            "pattern",
            {"pattern": "^[A-Z]{3}$"},
            ("EUR", "", "EURO"),
            ["EUR", None],
            "x must match ^[A-Z]{3}$ from its first character to its last; found 'EURO'",
        ),
        (
            Kind.STRING,
            "pattern",
            {"pattern": "a|b"},
            ("a", "ab"),
            ["a"],
            "x must match a|b from its first character to its last; found 'ab'",
        ),
        (
            Kind.INTEGER,
            "between",
            {"low": 1, "high": 3},
            ("1", "3", "", "4"),
            [1, 3, None],
            "x must be between 1 and 3; found '4'",
        ),
        (
            Kind.DECIMAL,
            "between",
            {"low": Decimal("0.5"), "high": None},
            ("0.50", "0.49"),
            [Decimal("0.50")],
            "x must be at least 0.5; found '0.49'",
        ),
        (
            Kind.DATE,
            "date_range",
            {"low": None, "high": date(2026, 3, 31)},
            ("2026-03-31", "2026-04-01"),
            [date(2026, 3, 31)],
            "x must be at most 2026-03-31; found '2026-04-01'",
        ),
        (
            Kind.TIMESTAMP,
            "date_range",
            {"low": datetime(2026, 1, 1, tzinfo=UTC), "high": None},
            ("2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z"),
            [datetime(2026, 1, 1, tzinfo=UTC)],
            "x must be at least 2026-01-01 00:00:00+00:00; found '2025-12-31T23:59:59Z'",
        ),
        (
            Kind.STRING,
            "enum",
            {"values": ("Revenue", "Capital")},
            ("Capital", "", "capital"),
            ["Capital", None],
            "x must be one of Revenue, Capital; found 'capital'",
        ),
        (Kind.INTEGER, "enum", {"values": (1, 2)}, ("2", "3"), [2], "x must be one of 1, 2; found '3'"),
        (
            Kind.STRING,
            "length",
            {"low": 2, "high": 3},
            ("éé", "", "é"),
            ["éé", None],
            "x must have between 2 and 3 characters; found 'é'",
        ),
        (
            Kind.DECIMAL,
            "precision",
            {"fraction": 1},
            ("1.50", "-1.5", "", "-1.55", "1"),
            [Decimal("1.50"), Decimal("-1.50"), None, Decimal("1.00")],
            "x must have at most 1 digits after its point; found '-1.55'",
        ),
        (
            Kind.STRING,
            "currency",
            {},
            ("EUR", "", "XAU", "DEM"),
            ["EUR", None, "XAU"],
            "x must be a currency code of ISO 4217 in force; found 'DEM'",
        ),
        (
            Kind.STRING,
            "country",
            {"letters": "3"},
            ("CHE", "", "CH"),
            ["CHE", None],
            "x must be a country code of ISO 3166-1 of 3 letters; found 'CH'",
        ),
        (
            Kind.DATE,
            "business_day",
            {"calendar": "XNYS"},
            ("2026-07-02", "", "2026-07-03"),  # the Fourth of July is a Saturday
            [date(2026, 7, 2), None],
            "x must be a business day of XNYS; found '2026-07-03'",
        ),
        (
            Kind.DATE,
            "business_day",
            {"calendar": "DE"},
            ("2026-05-04", "0001-01-01"),
            [date(2026, 5, 4)],
            "x must be a business day of DE; found '0001-01-01'",
        ),
        (
            Kind.STRING,
            "cusip",
            {},
            ("037833100", "", "037833101"),
            ["037833100", None],
            "x must be a CUSIP of 9 characters with its check digit; found '037833101'",
        ),
        (
            Kind.STRING,
            "unique",
            {},
            ("a", "", "b", "", "a"),
            ["a", None, "b", None],
            "x must not repeat a value of an earlier row of the file; found 'a'",
        ),
    ],
)
def test_a_rule_refuses_what_is_wrong_and_passes_nulls(  # noqa: PLR0913, PLR0917  # one row of the table above
    kind: Kind, rule: str, params: dict[str, Any], cells: tuple[str, ...], fine: list[Any], message: str
) -> None:
    options = {"precision": 18, "scale": 2} if kind is Kind.DECIMAL else {}
    assert _judged(kind, rule, params, *cells, **options) == (fine, [message])


def test_a_required_cell_is_not_empty_and_a_bad_cell_has_one_reason() -> None:
    contract = a_contract((Column("x", Kind.INTEGER, required=True), Column("y", Kind.STRING, required=True)))
    found = validate(b"x,y\n1,a\n,\nz,b\n", contract)
    assert reasons(found) == [(3, "required", "x"), (3, "required", "y"), (4, "type", "x")]


def test_a_row_has_all_its_reasons() -> None:
    rules = (RuleUse("pattern", (("pattern", "[a-z]+"),)), RuleUse("length", (("low", None), ("high", 2))))
    found = validate(b"x,y\nABC,1\n", a_contract((Column("x", Kind.STRING, rules=rules), Column("y", Kind.STRING))))
    assert reasons(found) == [(2, "pattern", "x"), (2, "length", "x")]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=12), st.integers(1, 20))
def test_unique_keeps_the_first_of_each_value_however_the_file_is_cut(cells: list[str], size: int) -> None:
    contract = a_contract((Column("x", Kind.STRING, rules=(RuleUse("unique"),)), Column("y", Kind.STRING)))
    data = "x,y\n" + "".join(f"{cell},\n" for cell in cells)
    found = verdict(judge(delimited.split(as_stream(data.encode()), contract, size, 2), contract, 2), contract)
    firsts = [row for row, cell in enumerate(cells, 2) if not cell or cells.index(cell) == row - 2]
    assert column(found, "_row") == firsts
