"""A contract is read exactly, or refused with every problem in its place."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from ledgerlake.errors import ContractError
from tables.contract import Kind, RuleUse
from tables.odcs import load
from tables.rule_names import RULE_NAMES

ROOT = Path(__file__).parents[2]
CONTRACTS = sorted([*(ROOT / "contracts").glob("*.yaml"), *(ROOT / "tests" / "contracts").glob("*.yaml")])

HEAD = "apiVersion: v3.2.0\nkind: DataContract\nid: x\nversion: 1.0.0\nstatus: active\n"


def a_contract(properties: str, table: str = "", head: str = HEAD) -> str:
    """A contract text; `properties` and `table` are flow-style YAML lines."""
    lines = "".join(f"      - {line}\n" for line in properties.strip().splitlines())
    return f"{head}schema:\n  - name: trades\n{table}    properties:\n{lines}"


def problems(text: str) -> list[str]:
    with pytest.raises(ContractError) as caught:
        load(text, "trades.yaml")
    return [str(problem) for problem in caught.value.problems]


def only(text: str) -> str:
    found = problems(text)
    assert len(found) == 1, found
    return found[0]


def at(text: str, part: str, nth: int = 0) -> str:
    """`file:line:column` of the nth occurrence of `part`."""
    start = [found.start() for found in re.finditer(re.escape(part), text)][nth]
    return f"trades.yaml:{text.count(chr(10), 0, start) + 1}:{start - text.rfind(chr(10), 0, start)}"


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.name)
def test_every_contract_of_the_repository_loads(path: Path) -> None:
    contract = load(path.read_text("utf-8"), path.name)
    assert contract.dataset == path.stem
    assert contract.columns


def test_payments_is_read_as_it_is_written() -> None:
    contract = load((ROOT / "contracts" / "payments.yaml").read_text("utf-8"), "payments.yaml")
    assert (contract.mode, contract.sequence_by, contract.primary_key) == ("upsert", "updated_at", ("payment_id",))
    assert contract.money == ("amount",)
    assert contract.column("amount").arrow == pa.decimal128(18, 2)
    assert contract.column("amount").rules == (
        RuleUse("between", (("low", Decimal("0.01")), ("high", Decimal("999999999999.99")))),
    )
    assert contract.column("updated_at").arrow == pa.timestamp("us", tz="UTC")
    assert contract.latency_seconds == 30
    assert contract.audit_days >= 3650


def test_country_no_is_norway_and_a_date_is_its_text() -> None:
    contract = load(
        a_contract("""{name: country, logicalType: string, enum: [{value: NO}, {value: on}]}
{name: day, logicalType: date, logicalTypeOptions: {minimum: 2020-01-31}}
{name: seen, logicalType: timestamp, logicalTypeOptions: {maximum: 2020-01-31T12:00:00+02:00}}"""),
        "x",
    )
    assert contract.column("country").rules == (RuleUse("enum", (("values", ("NO", "on")),)),)
    assert contract.column("day").rules[0].params[0] == ("low", date(2020, 1, 31))
    assert contract.column("seen").rules[0].params[1] == ("high", datetime(2020, 1, 31, 10, tzinfo=UTC))


def test_date_formats_are_jdk_patterns() -> None:
    contract = load(
        a_contract("""{name: d, logicalType: date, logicalTypeOptions: {format: dd/MM/yyyy}, \
customProperties: [{property: formats, value: ["yyyyMMdd", "d MMM yyyy"]}]}
{name: t, logicalType: timestamp, logicalTypeOptions: {format: "yyyy-MM-dd'T'HH:mm:ssX"}}"""),
        "x",
    )
    assert contract.column("d").formats == ("%d/%m/%Y", "%Y%m%d", "%d %b %Y")
    assert contract.column("t").formats == ("%Y-%m-%dT%H:%M:%S%z",)


def test_quality_checks_become_rules() -> None:
    contract = load(
        a_contract("""{name: a, logicalType: string, quality: [\
{metric: invalidValues, arguments: {validValues: [x, y]}, mustBe: 0}, {metric: nullValues, mustBe: 0}]}
{name: b, logicalType: string, quality: [{type: custom, engine: ledgerlake, \
implementation: {rule: length, low: 2}}, {type: text, description: as the bank says}]}"""),
        "x",
    )
    assert contract.column("a").rules == (RuleUse("enum", (("values", ("x", "y")),)),)
    assert contract.column("a").required
    assert contract.column("b").rules == (RuleUse("length", (("low", 2), ("high", None))),)


def test_a_typo_is_found_with_its_place_and_the_word_that_was_meant() -> None:
    text = a_contract("{name: a, logicalType: string, requierd: true}")
    assert only(text) == f"{at(text, 'requierd')}: ODCS has no 'requierd' here. Did you mean 'required'?"


def test_all_problems_come_at_once_in_the_order_of_the_text() -> None:
    text = a_contract(
        """{name: Booking Date, logicalType: date}
{name: _seq, logicalType: integer}
{name: amount, logicalType: number, physicalType: double}
{name: fee, logicalType: integer, customProperties: [{property: money, value: true}]}
{name: code, logicalType: string, logicalTypeOptions: {pattern: "(?=x)"}}""",
        table="    customProperties: [{property: mode, value: upsrt}]\n",
    )
    found = problems(text)
    assert [line.split(": ")[0] for line in found] == [
        at(text, "upsrt"),
        at(text, "Booking Date"),
        at(text, "_seq"),
        at(text, "double"),
        at(text, "true}]"),
        at(text, '"(?=x)"'),
    ]
    assert "Did you mean 'upsert'?" in found[0]
    assert "'booking_date'" in found[1]
    assert "decimal(18,2)" in found[3]


@pytest.mark.parametrize(
    ("bound", "kind"),
    [
        ("9" * 36 + ".99", "38,2"),
        ("1.500", "4,2"),
        ("-0.01", "2,2"),
        ("0", "1,1"),
        ("9" * 38, "38,0"),
        ("1e3", "4,0"),
        ("0.000", "3,1"),
    ],
)
def test_a_bound_of_any_size_is_exact(bound: str, kind: str) -> None:
    text = a_contract(
        f"{{name: a, logicalType: number, physicalType: 'decimal({kind})', logicalTypeOptions: {{maximum: {bound}}}}}",
    )
    column = load(text, "x").columns[0]
    assert column.rules == (RuleUse("between", (("low", None), ("high", Decimal(bound)))),)
    assert pa.scalar(Decimal(bound), column.arrow).as_py() == Decimal(bound)


@pytest.mark.parametrize(("bound", "kind"), [("0.001", "38,2"), ("100", "4,2"), ("1e40", "38,0"), ("1e-9", "9,2")])
def test_a_bound_that_its_column_cannot_hold_is_refused(bound: str, kind: str) -> None:
    assert "does not fit" in only(
        a_contract(
            f"{{name: a, logicalType: number, physicalType: 'decimal({kind})', "
            f"logicalTypeOptions: {{maximum: {bound}}}}}",
        ),
    )


def test_properties_of_other_vendors_are_left_alone() -> None:
    load(a_contract("{name: a, logicalType: string, customProperties: [{property: x, value: 1, vendor: soda}]}"), "x")


def test_keys_follow_their_stated_positions() -> None:
    text = a_contract(
        "{name: a, logicalType: string, primaryKey: true, primaryKeyPosition: 2}\n"
        "{name: b, logicalType: string, primaryKey: true, primaryKeyPosition: 1}",
    )
    assert load(text, "x").primary_key == ("b", "a")
    assert "Number them 1..2" in only(text.replace("Position: 2", "Position: 3"))


def test_rule_names_are_frozen() -> None:
    assert {name: sorted(signature.params) for name, signature in RULE_NAMES.items()} == {
        "between": ["high", "low"],
        "date_range": ["high", "low"],
        "enum": ["values"],
        "unique": [],
        "precision": ["fraction"],
        "pattern": ["pattern"],
        "length": ["high", "low"],
        "currency": [],
        "country": ["letters"],
        "iban": [],
        "bic": [],
        "lei": [],
        "isin": [],
        "cusip": [],
        "sedol": [],
        "figi": [],
        "minor_units": ["currency"],
        "not_before": ["column"],
        "not_after": ["column"],
        "not_future": ["days"],
        "business_day": ["calendar"],
        "required_when": ["column", "values"],
        "sum_of": ["minus", "plus", "tolerance"],
        "running_balance": ["amount", "by", "tolerance"],
        "unique_together": ["columns"],
        "balanced": ["by", "credit", "debit", "tolerance"],
        "foreign_key": ["column", "dataset"],
        "new_to_table": ["columns"],
        "outlier": ["limit", "method"],
    }
    assert all(signature.kinds <= set(Kind) for signature in RULE_NAMES.values())
