"""Rules in a contract: read with their parameters and severity, or refused in their place with what was meant."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ledgerlake.errors import ContractError
from tables.checks import checks
from tables.contract import RuleUse, Severity
from tables.odcs import load
from tables.widening import as_stored

HEAD = "apiVersion: v3.2.0\nkind: DataContract\nid: x\nversion: 1.0.0\nstatus: active\nschema:\n  - name: trades\n"
COLUMNS = """      - {name: status, logicalType: string}
      - {name: currency, logicalType: string}
      - {name: traded, logicalType: date}
      - {name: net, logicalType: number, physicalType: 'decimal(18,2)'}
      - {name: lots, logicalType: integer}
      - {name: open, logicalType: boolean}
"""


def check(implementation: str, more: str = "") -> str:
    return f"[{{type: custom, engine: ledgerlake{more}, implementation: {{{implementation}}}}}]"


def at_column(implementation: str, kind: str = "number, physicalType: 'decimal(18,2)'", more: str = "") -> str:
    own = f"      - {{name: x, logicalType: {kind}, quality: {check(implementation, more)}}}\n"
    return f"{HEAD}    properties:\n{COLUMNS}{own}"


def at_table(implementation: str, more: str = "") -> str:
    return f"{HEAD}    quality: {check(implementation, more)}\n    properties:\n{COLUMNS}"


def use(text: str) -> RuleUse:
    contract = load(text, "x.yaml")
    (found,) = [each for _, each in contract.uses]
    return found


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (at_column("rule: precision, fraction: 1"), RuleUse("precision", (("fraction", 1),))),
        (at_column("rule: country", "string"), RuleUse("country", (("letters", "2"),))),
        (at_column("rule: country, letters: 3", "string"), RuleUse("country", (("letters", "3"),))),
        (at_column("rule: minor_units, currency: currency"), RuleUse("minor_units", (("currency", "currency"),))),
        (at_column("rule: not_before, column: traded", "date"), RuleUse("not_before", (("column", "traded"),))),
        (at_column("rule: not_future", "timestamp"), RuleUse("not_future", (("days", 0),))),
        (at_column("rule: business_day, calendar: US-NY", "date"), RuleUse("business_day", (("calendar", "US-NY"),))),
        (
            at_column("rule: required_when, column: lots, values: [1, 2]", "boolean"),
            RuleUse("required_when", (("column", "lots"), ("values", (1, 2)))),
        ),
        (
            at_column("rule: sum_of, plus: [net, lots], tolerance: 0.01"),
            RuleUse("sum_of", (("plus", ("net", "lots")), ("minus", ()), ("tolerance", Decimal("0.01")))),
        ),
        (
            at_column("rule: foreign_key, dataset: accounts, column: id", "integer"),
            RuleUse("foreign_key", (("dataset", "accounts"), ("column", "id"))),
        ),
        (
            at_column("rule: outlier, method: iqr"),
            RuleUse("outlier", (("method", "iqr"), ("limit", Decimal(3))), Severity.WARNING),
        ),
        (
            at_column("rule: between, low: 1.5", more=", severity: warning"),
            RuleUse("between", (("low", Decimal("1.5")), ("high", None)), Severity.WARNING),
        ),
        (
            at_table("rule: balanced, by: [status], debit: net", ", severity: hold"),
            RuleUse(
                "balanced",
                (("by", ("status",)), ("debit", "net"), ("credit", None), ("tolerance", Decimal(0))),
                Severity.HOLD,
            ),
        ),
    ],
)
def test_a_rule_has_its_parameters_and_severity(text: str, wanted: RuleUse) -> None:
    assert use(text) == wanted


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        (
            at_column("rule: precison, fraction: 1"),
            "precison",
            "there is no rule 'precison'. Did you mean 'precision'?",
        ),
        (at_column("rule: precision"), "{rule: precision}", "the rule needs 'fraction', a whole number from 0"),
        (at_column("rule: precision, fraction: -1"), "-1", "-1 is below 0"),
        (at_column("rule: precision, fractoin: 1, fraction: 1"), "fractoin", "Did you mean 'fraction'?"),
        (at_column("rule: between, low: 2, high: 1"), "{rule", "nothing lies between 2 and 1"),
        (at_column("rule: between, low: 0.001"), "0.001", "0.001 does not fit decimal(18,2)"),
        (at_column("rule: iban", "integer"), "iban", "rule 'iban' is not for a integer column. It is for string."),
        (
            at_column("rule: unique_together, columns: [net]"),
            "unique_together",
            "State it in the `quality` of the table",
        ),
        (at_table("rule: iban"), "iban", "State it in the `quality` of its column"),
        (at_column("rule: minor_units, currency: curency"), "curency", "no column 'curency'. Did you mean 'currency'?"),
        (at_column("rule: minor_units, currency: lots"), "lots}", "'lots' is a integer column. Name one of string."),
        (at_column("rule: sum_of, plus: [net, x]"), "x]", "'x' is the column of this rule"),
        (at_column("rule: sum_of, plus: [net, net]"), "[net", "names a column twice"),
        (at_column("rule: sum_of, plus: [net], tolerance: -1"), "-1", "-1 is no number from 0"),
        (at_column("rule: sum_of, plus: [net], tolerance: 1e-19"), "1e-19", "has too many digits"),
        (
            at_column("rule: sum_of, plus: [net, lots]", "number, physicalType: 'decimal(38,38)'").replace(
                "decimal(18,2)", "decimal(38,0)"
            ),
            "{rule",
            "may have more than 76 digits",
        ),
        (at_column("rule: country, letters: 4", "string"), "4}", "4 is not possible"),
        (at_column("rule: business_day, calendar: XNYSE", "date"), "XNYSE", "'XNYSE'. Did you mean 'XNYS'?"),
        (at_column("rule: business_day, calendar: US-ZZ", "date"), "US-ZZ", "no calendar 'US-ZZ'"),
        (at_column("rule: foreign_key, dataset: No, column: a", "string"), "No,", "'No' is no dataset name"),
        (at_column("rule: required_when, column: lots, values: [a]"), "a]", "'a' is no value of a integer column"),
        (at_column("rule: pattern, pattern: '(?=a)'", "string"), "'(?=a)'", "the pattern is not RE2"),
        (at_column("rule: unique", more=", severity: warn"), "warn", "'warn' is not possible. Did you mean 'warning'?"),
        (at_column("rule: outlier", more=", severity: error"), "error", "this rule is no error. Write warning."),
        (at_table("rule: balanced, by: [status], debit: status"), "status}", "'status' is a string column."),
        (
            f"{HEAD}    quality: [{{metric: rowCount, mustBe: 0}}]\n    properties:\n{COLUMNS}",
            "{metric",
            "not enforced",
        ),
    ],
)
def test_what_is_wrong_with_a_rule_is_said_in_its_place(text: str, place: str, message: str) -> None:
    with pytest.raises(ContractError) as caught:
        load(text, "x.yaml")
    (problem,) = caught.value.problems
    line = next(at for at, line in enumerate(text.splitlines(), 1) if place in line)
    start = text.splitlines()[line - 1].index(place) + 1
    assert str(problem).startswith(f"x.yaml:{line}:{start}: ")
    assert message in str(problem)


def test_only_what_refuses_a_row_becomes_a_check_of_the_table() -> None:
    bounds = [load(at_column("rule: between, low: 1", more=f", severity: {each}"), "x") for each in Severity]
    assert [list(checks(contract.columns)) for contract in bounds] == [["x_valid"], [], []]


def test_rows_keep_their_warnings_where_the_contract_asks_for_it() -> None:
    asked = at_column("rule: between, low: 1").replace(
        "    properties:\n", "    customProperties: [{property: keepWarnings, value: true}]\n    properties:\n", 1
    )
    contract = load(asked, "x")
    assert contract.keep_warnings
    assert "_warnings" in contract.stored_schema.names
    assert as_stored(contract, contract.stored_schema).keep_warnings
    assert not load(at_column("rule: between, low: 1"), "x").keep_warnings
