"""What `docs/contracts.md` says is what the loader does."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from tables.contract import FileFormat, Kind, Severity
from tables.known_names import ENGINES, FORMAT_NAMES
from tables.modes import MODES
from tables.odcs import load
from tables.odcs_file import MEMBERS
from tables.rule_names import RULE_NAMES
from validation.formats import FORMATS
from validation.rules import RULES

TEXT = (Path(__file__).parents[2] / "docs" / "contracts.md").read_text("utf-8")


def test_the_example_of_the_docs_is_a_contract() -> None:
    examples = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    contract = load(examples[0], "docs/contracts.md")
    assert len(examples) == 1
    assert (contract.dataset, contract.mode, contract.primary_key) == ("broker_fees", "upsert", ("fee_id",))
    assert contract.column("booked_on").formats == ("%d.%m.%Y", "%Y-%m-%d")
    assert [trailer.total for trailer in contract.file.trailers] == ["count", "sum"]


def test_every_option_of_a_file_is_in_the_docs() -> None:
    described = re.findall(r"^\| `(\w+)` \|", TEXT.split("## The file")[1], re.MULTILINE)
    assert set(described) == MEMBERS
    assert len(MEMBERS) == len(fields(FileFormat))


def test_every_mode_engine_and_format_is_in_the_docs() -> None:
    assert all(f"`{name}`" in TEXT for name in (*MODES, *ENGINES, *FORMAT_NAMES))


def test_the_formats_that_contracts_name_are_those_that_exist() -> None:
    assert set(FORMATS) == set(FORMAT_NAMES)


def _rules() -> dict[str, tuple[str, set[str]]]:
    """Of each rule in the docs: where it stands, and its parameters; those in brackets may be left out."""
    table = TEXT.split("## Rules")[1].split("| `severity` |")[0]
    rows = [line.split("|")[1:4] for line in table.splitlines() if line.startswith("| `")]
    return {
        name: (where.strip(), set(re.findall(r"\[?`\w+`\]?", params)))
        for names, where, params in rows
        for name in re.findall(r"`(\w+)`", names)
    }


def test_every_rule_is_in_the_docs_with_its_columns_and_parameters() -> None:
    kinds = {frozenset(Kind): "all", frozenset(Kind) - {Kind.BOOLEAN}: "all but boolean", frozenset(): "the table"}
    wanted = {
        name: (
            kinds.get(each.kinds, ", ".join(kind for kind in Kind if kind in each.kinds)),
            {f"`{param}`" if said.needed else f"[`{param}`]" for param, said in each.params.items()},
        )
        for name, each in RULE_NAMES.items()
    }
    assert _rules() == wanted
    assert set(RULES) == set(wanted)
    assert all(f"| `{severity}`" in TEXT for severity in Severity)
