"""A sheet of refused rows runs nothing, and the cell at fault is the one that is marked."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.refused import MARK, SHEET, marked, sheet
from tables.contract import Column, Contract, FileFormat, Kind
from tables.quarantine import Refused

CONTRACT = Contract(
    dataset="fees",
    version="1.0.0",
    sha256="0" * 64,
    columns=(Column("id", Kind.STRING, aliases=("number",)), Column("amount", Kind.DECIMAL, 18, 2)),
)


def a_refused(raw: str, column: str | None = "amount", value: str | None = "7", message: str = "no") -> Refused:
    reason = {"rule": "type", "column": column, "value": value, "message": message}
    return Refused("fees", 1, "01990000-0000-7000-8000-000000000000", 3, raw, [reason], "0" * 64, datetime.now(UTC))


def marks(refused: Refused, header: str, **file: Any) -> list[str]:
    contract = CONTRACT if not file else Contract(**{**_members(CONTRACT), "file": FileFormat(**file)})
    line = marked(refused, contract, header)
    return [line.plain[span.start : span.end] for span in line.spans if span.style == MARK]


def _members(contract: Contract) -> dict[str, Any]:
    return {name: getattr(contract, name) for name in contract.__dataclass_fields__}


@pytest.mark.parametrize(
    ("raw", "header", "expected"),
    [
        ("7,7", "number,amount", "7"),
        ("x,seven", "id,amount\n", "seven"),
        ('"a, ""b""",9x', "Number, AMOUNT ", "9x"),
        ("9x,a", "amount,id", "9x"),
        ("a,", "id,amount", ","),
    ],
)
def test_the_cell_of_the_column_is_marked_wherever_it_stands(raw: str, header: str, expected: str) -> None:
    assert marks(a_refused(raw, value="7"), header) == [expected]


def test_without_a_header_the_text_is_marked_and_without_a_text_the_line() -> None:
    assert marks(a_refused("a;b;7x", value="7x"), "", delimiter=";") == ["7x"]
    assert marks(a_refused('{"amount": "7x"}', value="7x"), "", name="jsonl") == ["7x"]
    assert marks(a_refused("a,b,c", None, None), "id,amount") == ["a,b,c"]


def test_a_repeated_text_is_marked_where_its_column_is() -> None:
    line = marked(a_refused("7,7"), CONTRACT, "id,amount")
    assert [(span.start, span.end) for span in line.spans] == [(2, 3)]


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@given(raw=cells, value=st.none() | cells, message=cells)
def test_no_cell_of_a_sheet_begins_as_a_formula_does(raw: str, value: str | None, message: str) -> None:
    made = list(csv.reader(io.StringIO(sheet([a_refused(raw, value=value, message=message)]), newline="")))
    assert made[0] == list(SHEET)
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in made[1])
    assert made[1][-1] in {raw, f"'{raw}"}


def test_what_a_spreadsheet_would_run_has_an_apostrophe_before_it() -> None:
    assert '"\'=HYPERLINK(""http://x"")"' in sheet([a_refused('=HYPERLINK("http://x")')])
