"""What is no contract is refused, with what was found, where, and what would be accepted."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerlake.errors import ContractError
from tables.odcs import load
from tests.unit.test_odcs import HEAD, ROOT, a_contract, only, problems

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
