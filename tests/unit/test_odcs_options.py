"""What a contract asks of its merge mode is what the mode offers, or is refused in its place."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from ledgerlake.errors import ContractError
from tables.budget import over_budget
from tables.contract import Deletes, Unpivot
from tables.mode import Use
from tables.modes import MODES
from tables.odcs import load
from tables.odcs_options import OPTIONS

HEAD = "apiVersion: v3.2.0\nkind: DataContract\nid: x\nversion: 1.0.0\nstatus: active\nschema:\n  - name: trades\n"
COLUMNS = """{name: id, logicalType: string, primaryKey: true}
{name: seen, logicalType: date, required: true}
{name: note, logicalType: string}
{name: op, logicalType: string, customProperties: [{property: stored, value: false}]}"""
STATED = {
    "deletes": "{column: op, values: [D]}",
    "dedupe": "true",
    "ignoreNulls": "true",
    "untracked": "[note]",
    "keepHistory": "true",
    "maxShrink": "0.25",
}
NEEDS = {name: mode.needs for name, mode in MODES.items()}


def text(mode: str, columns: str = COLUMNS, **custom: str) -> str:
    """A contract of that mode; a mode that cannot do without an order has one."""
    own = {"mode": mode, **custom}
    if NEEDS[mode].sequence_by is Use.MUST and "sequenceBy" not in own:
        own["sequenceBy"] = "seen"
    stated = "".join(f"      - {{property: {name}, value: {value}}}\n" for name, value in own.items() if value)
    lines = "".join(f"      - {line}\n" for line in columns.splitlines())
    return f"{HEAD}    customProperties:\n{stated}    properties:\n{lines}"


def only(given: str) -> str:
    with pytest.raises(ContractError) as caught:
        load(given, "x.yaml")
    assert len(caught.value.problems) == 1, caught.value.problems
    return str(caught.value.problems[0])


@pytest.mark.parametrize("mode", MODES)
def test_a_mode_asks_for_a_key_and_an_order_as_its_needs_say(mode: str) -> None:
    needs = NEEDS[mode]
    assert load(text(mode), "x.yaml").mode == mode
    keyless = text(mode, COLUMNS.replace(", primaryKey: true", ""))
    assert "needs a primary key" in only(keyless) if needs.primary_key else load(keyless, "x.yaml").primary_key == ()
    ordered = text(mode, sequenceBy="seen")
    if needs.sequence_by is Use.NEVER:
        assert f"{mode} has no order to decide" in only(ordered)
    else:
        assert load(ordered, "x.yaml").sequence_by == "seen"
    if needs.sequence_by is Use.MUST:
        assert "needs to know when" in only(text(mode, sequenceBy=""))


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("mode", MODES)
def test_an_option_is_read_or_refused_as_the_needs_of_the_mode_say(mode: str, name: str) -> None:
    if OPTIONS[name] in NEEDS[mode].options:
        found = getattr(load(text(mode, **{name: STATED[name]}), "x.yaml"), OPTIONS[name])
        assert found in (Deletes("op", ("D",)), True, ("note",), Decimal("0.25"))
    else:
        given = text(mode, **{name: STATED[name]})
        place = given.splitlines().index(f"      - {{property: {name}, value: {STATED[name]}}}") + 1
        assert only(given).startswith(f"x.yaml:{place}:{20 + len(name) + 9}: {mode} has no {name!r}. Remove it")


def test_every_option_of_a_mode_can_be_stated() -> None:
    assert {option for needs in NEEDS.values() for option in needs.options} <= set(OPTIONS.values())


def test_values_that_delete_are_typed_as_their_column() -> None:
    columns = COLUMNS + "\n{name: gone_on, logicalType: date}\n{name: gone, logicalType: boolean}"
    given = text("upsert", columns, deletes="{column: gone_on, values: ['2026-01-31']}")
    assert load(given, "x").deletes == Deletes("gone_on", (date(2026, 1, 31),))
    assert load(text("upsert", columns, deletes="{column: gone, values: [true]}"), "x").deletes == Deletes(
        "gone", (True,)
    )
    assert load(text("upsert", columns, deletes="{column: gone_on}"), "x").deletes == Deletes("gone_on")


def test_a_column_that_is_not_stored_is_read_all_the_same() -> None:
    contract = load(text("upsert", deletes="{column: op, values: [D]}"), "x")
    assert "op" in contract.schema.names
    assert "op" not in contract.stored_schema.names


CASES = {
    "deletes needs its column": (text("upsert", deletes="{values: [D]}"), "what a row deletes is missing"),
    "deletes is no text": (text("upsert", deletes="op"), "expected members"),
    "deletes names a column": (text("upsert", deletes="{column: opp, values: [D]}"), "mean 'op'"),
    "deletes lists values": (text("upsert", deletes="{column: op, values: []}"), "no value is listed"),
    "a value of another type": (text("upsert", deletes="{column: op, values: [1]}"), "no value of a string column"),
    "every row would delete": (text("upsert", deletes="{column: seen}"), "every row deletes"),
    "the key cannot say it": (text("upsert", deletes="{column: id, values: [D]}"), "needed to find"),
    "duplicates of what": (
        text("append", COLUMNS.replace(", primaryKey: true", ""), dedupe="true"),
        "told by a primary key",
    ),
    "a key is stored": (
        text("upsert", COLUMNS.replace("true}\n", "true, customProperties: [{property: stored, value: false}]}\n", 1)),
        "'id' is part of the primary key, and not stored",
    ),
    "an order is stored": (
        text(
            "upsert",
            "{name: id, logicalType: string, primaryKey: true}\n{name: seen, logicalType: date, required: true, "
            "customProperties: [{property: stored, value: false}]}",
            sequenceBy="seen",
        ),
        "'seen' is the order of the rows, and not stored",
    ),
    "something is stored": (
        text("append", "{name: a, logicalType: string, customProperties: [{property: stored, value: false}]}"),
        "no column is stored",
    ),
    "a flag is true or false": (text("append", dedupe="1"), "true or false"),
    "its events are its own": (text("append").replace("trades", "trades__events"), "merge modes keep beside"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_contract_is_refused_because(name: str) -> None:
    given, words = CASES[name]
    assert words in only(given)


@pytest.mark.parametrize("share", ["0", "-0.1", "1.01", "true", "'0.5'", "2"])
def test_a_share_is_above_0_and_at_most_1(share: str) -> None:
    assert "no share of the rows" in only(text("snapshot", maxShrink=share))


@pytest.mark.parametrize(
    ("columns", "words"),
    [("[nte]", "mean 'note'"), ("[id]", "key or order"), ("[seen]", "key or order"), ("[op]", "untracked, and not s")],
)
def test_untracked_columns_are_stored_and_may_change(columns: str, words: str) -> None:
    assert words in only(text("scd2", untracked=columns))


WIDE = """{name: date, logicalType: date, primaryKey: true}
{name: currency, logicalType: string, primaryKey: true}
{name: rate, logicalType: number, physicalType: 'decimal(18,6)', required: true}"""


def wide(unpivot: str, columns: str = WIDE, more: str = "") -> str:
    return text("upsert", columns, fileFormat=f"{{unpivot: {unpivot}{more}}}")


def test_a_wide_file_names_the_columns_that_its_cells_become() -> None:
    assert load(wide("{name: currency, value: rate}"), "x").file.unpivot == Unpivot("currency", "rate")
    listed = load(wide("{name: currency, value: rate, columns: [USD, ' JPY'], keepNulls: true}"), "x").file.unpivot
    assert listed == Unpivot("currency", "rate", ("USD", "JPY"), keep_nulls=True)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (wide("{name: currency}"), "unpivot needs its 'value'"),
        (wide("{name: curency, value: rate}"), "mean 'currency'"),
        (wide("{name: currency, value: rat}"), "mean 'rate'"),
        (wide("{name: currency, value: rate, column: [A]}"), "mean 'columns'"),
        (wide("{name: currency, value: rate, columns: [A, ' a ']}"), "listed twice"),
        (wide("{name: currency, value: rate, columns: [Date]}"), "feeds a column"),
        (wide("{name: currency, value: rate, columns: ['']}"), "without a name"),
        (wide("{name: currency, value: rate, columns: []}"), "no column is listed"),
        (wide("{name: rate, value: currency}"), "told apart by their name"),
        (wide("{name: date, value: rate}"), "is a text"),
        (wide("{name: currency, value: rate}", more=", unknownColumns: rescue"), "none is unknown"),
    ],
)
def test_a_wide_file_is_refused_because(given: str, words: str) -> None:
    assert any(words in problem for problem in _problems(given))


def _problems(given: str) -> list[str]:
    with pytest.raises(ContractError) as caught:
        load(given, "x.yaml")
    return [str(problem) for problem in caught.value.problems]


def test_a_contract_says_who_waits_who_releases_and_how_many_rows_may_be_refused() -> None:
    assert not load(text("append"), "x.yaml").waits
    stated = load(text("append", whenHeld="wait", fourEyes="true", quarantineBudget="0.02"), "x.yaml")
    assert (stated.waits, stated.four_eyes, stated.quarantine_budget) == (True, True, Decimal("0.02"))
    assert load(text("append", quarantineBudget="100"), "x.yaml").quarantine_budget == 100
    assert "'stop' is not possible" in only(text("append", whenHeld="stop"))
    for budget in ("-1", "1.5", "true", "many"):
        assert "is no budget of refused rows" in only(text("append", quarantineBudget=budget))


@pytest.mark.parametrize(
    ("budget", "refused", "rows", "held"),
    [
        (None, 9, 9, False),
        ("0", 0, 9, False),
        ("0", 1, 9, True),
        ("3", 3, 3, False),
        ("3", 4, 400, True),
        ("0.02", 2, 100, False),
        ("0.02", 3, 100, True),
        ("0.02", 0, 0, False),
    ],
)
def test_a_budget_below_one_is_a_share(budget: str | None, refused: int, rows: int, *, held: bool) -> None:
    contract = load(text("append", **({"quarantineBudget": budget} if budget else {})), "x.yaml")
    assert bool(over_budget(contract, refused, rows)) == held
