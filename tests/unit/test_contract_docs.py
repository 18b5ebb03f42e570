"""What `docs/contracts.md` says is what the loader does."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from tables.contract import FileFormat
from tables.known_names import ENGINES, FORMAT_NAMES
from tables.modes import MODES
from tables.odcs import load
from tables.odcs_file import MEMBERS
from validation.formats import FORMATS

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
