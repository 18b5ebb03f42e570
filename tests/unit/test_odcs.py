"""A contract is read exactly, or refused with every problem in its place."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


CASES = {
    "a table needs columns": ("apiVersion: v3.2.0\nkind: DataContract\nid: x\nversion: '1'\nstatus: a\n", "no schema"),
    "version is a text": (a_contract("{name: a, logicalType: string}", head=HEAD.replace("1.0.0", "1.0")), "quotes"),
    "upsert needs a key": (
        a_contract("{name: a, logicalType: string}", "    customProperties: [{property: mode, value: upsert}]\n"),
        "needs a primary key",
    ),
    "sequenceBy exists": (
        a_contract(
            "{name: a, logicalType: integer, primaryKey: true}",
            "    customProperties: [{property: mode, value: upsert}, {property: sequenceBy, value: aa}]\n",
        ),
        "mean 'a'",
    ),
    "sequenceBy is orderable": (
        a_contract(
            "{name: a, logicalType: string, primaryKey: true}",
            "    customProperties: [{property: mode, value: upsert}, {property: sequenceBy, value: a}]\n",
        ),
        "required number",
    ),
    "append has no order": (
        a_contract(
            "{name: a, logicalType: integer, required: true}",
            "    customProperties: [{property: sequenceBy, value: a}]\n",
        ),
        "no order",
    ),
    "a decimal cannot partition": (
        a_contract("{name: a, logicalType: number, physicalType: 'decimal(3,1)', partitioned: true}"),
        "cannot partition",
    ),
    "a key is required": (
        a_contract("{name: a, logicalType: string, primaryKey: true, required: false}"),
        "always req",
    ),
    "an enum of texts has texts": (a_contract("{name: a, logicalType: string, enum: [{value: 007}]}"), "in quotes"),
    "a bound fits its column": (
        a_contract("{name: a, logicalType: number, physicalType: 'decimal(4,2)', logicalTypeOptions: {maximum: 100}}"),
        "does not fit",
    ),
    "an integer has 64 bits": (
        a_contract("{name: a, logicalType: integer, logicalTypeOptions: {minimum: 9223372036854775808}}"),
        "does not fit 64 bits",
    ),
    "time begins in year 1": (
        a_contract("{name: a, logicalType: timestamp, logicalTypeOptions: {minimum: '0001-01-01T00:00:00+02:00'}}"),
        "is no timestamp",
    ),
    "nobody keeps for ever": (
        a_contract(
            "{name: a, logicalType: string}",
            head=HEAD + "slaProperties: [{property: retention, value: 1e99, unit: y}]\n",
        ),
        "at most 100 years",
    ),
    "bounds are in order": (
        a_contract("{name: a, logicalType: integer, logicalTypeOptions: {minimum: 2, maximum: 1}}"),
        "nothing lies between",
    ),
    "a moment names its zone": (
        a_contract("{name: a, logicalType: timestamp, logicalTypeOptions: {minimum: '2020-01-01T00:00:00'}}"),
        "names no zone",
    ),
    "what is not enforced is refused": (
        a_contract("{name: a, logicalType: integer, logicalTypeOptions: {multipleOf: 5}}"),
        "not enforced",
    ),
    "sql is not enforced": (
        a_contract("{name: a, logicalType: string, quality: [{type: sql, query: select 1, mustBe: 0}]}"),
        "not enforced",
    ),
    "a nested type": (a_contract("{name: a, logicalType: array}"), "cannot be 'array'"),
    "a reserved name": (
        a_contract("{name: a, logicalType: string}").replace("trades", "uploads"),
        "the product itself",
    ),
    "an unknown custom property": (
        a_contract("{name: a, logicalType: string}", "    customProperties: [{property: sequenzBy, value: a}]\n"),
        "mean 'sequenceBy'",
    ),
    "an unknown file option": (
        a_contract(
            "{name: a, logicalType: string}",
            "    customProperties: [{property: fileFormat, value: {delimeter: ';'}}]\n",
        ),
        "mean 'delimiter'",
    ),
    "a trailer captures its total": (
        a_contract(
            "{name: a, logicalType: string}",
            "    customProperties: [{property: "
            "fileFormat, value: {trailers: [{pattern: '^T \\d+$', total: count}]}}]\n",
        ),
        "captures",
    ),
    "a trailer sums money": (
        a_contract(
            "{name: a, logicalType: string}",
            "    customProperties: [{property: fileFormat, "
            "value: {trailers: [{pattern: '^T (\\d+)$', total: sum, column: a}]}}]\n",
        ),
        "no money column",
    ),
    "csv options belong to csv": (
        a_contract(
            "{name: a, logicalType: string}",
            "    customProperties: [{property: fileFormat, value: {format: jsonl, delimiter: ';'}}]\n",
        ),
        "belongs to csv",
    ),
    "an unknown encoding": (
        a_contract(
            "{name: a, logicalType: string}",
            "    customProperties: [{property: fileFormat, value: {encodings: [utf8x]}}]\n",
        ),
        "unknown encoding",
    ),
    "a date pattern": (a_contract("{name: a, logicalType: date, logicalTypeOptions: {format: YYYY-MM-dd}}"), "'YYYY'"),
    "a latency without unit": (
        a_contract(
            "{name: a, logicalType: string}",
            head=HEAD + "slaProperties: [{property: latency, value: 5, unit: week}]\n",
        ),
        "latency in 'week'",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_contract_is_refused_because(name: str) -> None:
    text, words = CASES[name]
    assert words in only(text)


def test_two_columns_cannot_claim_one_header() -> None:
    text = a_contract(
        "{name: c, logicalType: string}\n{name: d, logicalType: string, "
        "customProperties: [{property: aliases, value: [' C ']}]}",
    )
    assert ["two columns are called 'c'" in line for line in problems(text)] == [True, True]


def test_properties_of_other_vendors_are_left_alone() -> None:
    load(a_contract("{name: a, logicalType: string, customProperties: [{property: x, value: 1, vendor: soda}]}"), "x")


def test_keys_follow_their_stated_positions() -> None:
    text = a_contract(
        "{name: a, logicalType: string, primaryKey: true, primaryKeyPosition: 2}\n"
        "{name: b, logicalType: string, primaryKey: true, primaryKeyPosition: 1}",
    )
    assert load(text, "x").primary_key == ("b", "a")
    assert "Number them 1..2" in only(text.replace("Position: 2", "Position: 3"))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: [1,\n", "2:1"),
        ("a: 1\nb: 2\na: 3\n", "3:1"),
        ("", "1:1"),
        ("a: &x [1]\nb: *x\n", "1:4"),
        ("a: !!python/name:os.system ''\n", "1:4"),
    ],
)
def test_what_is_not_plain_yaml_is_refused_in_its_place(text: str, place: str) -> None:
    assert only(text).startswith(f"trades.yaml:{place}: ")


@given(st.text(max_size=200))
@settings(max_examples=50, deadline=None)
def test_any_text_is_a_contract_or_a_contract_error(text: str) -> None:
    with pytest.raises(ContractError):
        load(text, "x.yaml")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["upsert", "a", "", "date"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "value", "property", "logicalType", "x"]), inner, max_size=3)
    ),
)


@given(JSON, st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_any_value_in_any_place_is_read_or_refused_but_never_breaks(value: object, seed: int) -> None:
    text = (ROOT / "contracts" / "payments.yaml").read_text("utf-8")
    spots = [found.span() for found in re.finditer(r"(?<=: )[^\s,{}\[\]]+(?=[\n,}\]])", text)]
    start, end = spots[seed % len(spots)]
    mutated = text[:start] + _flow(value) + text[end:]
    with suppress(ContractError):
        load(mutated, "x.yaml")


def _flow(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case list():
            return f"[{', '.join(map(_flow, value))}]"
        case dict():
            return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
        case str():
            return f"'{value}'"
        case _:
            return str(value)


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
