"""Rows of every format, written again as JSON Lines, say to the stream what they said in their file."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tables.contract import RESCUED, Column, Contract, FileFormat, Kind, RuleUse
from tests.shapes import a_contract
from tests.statements import COLUMNS as ENTRY
from tests.statements import STATEMENTS
from validation.notation import said
from validation.reentry import Form, again, encoded, form_of, judge_again, text_of, to_correct
from validation.validate import validate

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)
COLUMNS = (
    Column("id", Kind.INTEGER, required=True),
    Column("name", Kind.STRING, aliases=("Full Name",)),
    Column("amount", Kind.DECIMAL, precision=18, scale=2, money=True),
    Column("day", Kind.DATE),
    Column("at", Kind.TIMESTAMP),
    Column("paid", Kind.BOOLEAN),
)
NAMES = ["ID", "Full Name", "amount", "day", "at", "paid", "note"]
WORDS = st.sampled_from(["", " ", "-", "x", "ä\u2028b", "a,b", '"q"', "two\nlines", "=1", "\ufeff", "1.50", "(3)", "0"])
CELLS = st.tuples(
    st.one_of(st.integers(-5, 5), WORDS),
    WORDS,
    st.one_of(st.decimals(-9, 9, places=2).map(float), WORDS),
    st.one_of(st.dates(date(1900, 3, 1), date(2100, 1, 1)), WORDS),
    st.one_of(st.datetimes(datetime(1900, 3, 1), datetime(2100, 1, 1)), WORDS),
    st.one_of(st.booleans(), WORDS),
    WORDS,
)
ROWS = st.lists(CELLS, min_size=1, max_size=4)
READ = st.fixed_dictionaries(
    {
        "trim": st.booleans(),
        "null_tokens": st.sampled_from([(), ("",), ("", "-", "0")]),
        "decimal_mark": st.sampled_from([".", ","]),
        "negatives": st.sampled_from([(), ("parentheses",)]),
        "unknown_columns": st.sampled_from(["ignore", "rescue"]),
    }
)


def a_workbook(rows: Sequence[Sequence[Any]]) -> bytes:
    book, file = openpyxl.Workbook(), io.BytesIO()
    for row in (["Report"], NAMES, *rows):
        book.active.append([cell.replace("\ufeff", "") if isinstance(cell, str) else cell for cell in row])
    book.save(file)
    return file.getvalue()


def a_parquet(rows: Sequence[Sequence[Any]]) -> bytes:
    """Each column has its values' type if all have it, else text."""
    columns = []
    for cells in zip(*rows, strict=True):
        kinds = {type(cell) for cell in cells}
        columns.append(pa.array(cells if len(kinds) == 1 else [str(cell) for cell in cells]))
    file = io.BytesIO()
    pq.write_table(pa.table(columns, NAMES), file)
    return file.getvalue()


def a_document(rows: Sequence[Sequence[Any]]) -> bytes:
    objects = [dict(zip(NAMES, row, strict=True)) for row in rows]
    indent = 1 if len(rows) % 2 else None  # else all stand on one line
    return json.dumps(objects, indent=indent, default=str, ensure_ascii=False).encode()


def a_sheet(rows: Sequence[Sequence[Any]]) -> bytes:
    quoted = (",".join('"' + str(cell).replace('"', '""') + '"' for cell in row) for row in (NAMES, *rows))
    return "".join(f"{line}\n" for line in ("Report", *quoted)).encode()


FILES = {"xlsx": a_workbook, "parquet": a_parquet, "json": a_document, "csv": a_sheet}
NOT_YET = {
    Kind.INTEGER: RuleUse("between", (("low", 10**9), ("high", None))),
    Kind.STRING: RuleUse("enum", (("values", ("no such account",)),)),
}


def refusing(contract: Contract) -> Contract:
    """Under which no row is good, as the first column is required and no value of it is."""
    first, *others = contract.columns
    return replace(contract, columns=(replace(first, required=True, rules=(NOT_YET[first.kind],)), *others))


def entering(data: bytes, contract: Contract) -> tuple[list[int], str | None]:
    """The lines of all rows as they enter again under the contract, and the file they are in, if all can."""
    refused = validate(data, refusing(contract)).quarantined.select(["_row", "raw"]).to_pylist()
    found = again(data, contract, [(row["_row"], row["raw"]) for row in refused])
    assert sorted(index for index, _ in found) == list(range(len(refused)))
    texts = [text for _, text in found if text is not None]
    return [refused[index]["_row"] for index, _ in found], text_of("", texts) if len(texts) == len(found) else None


def check(data: bytes, contract: Contract) -> None:
    lines, text = entering(data, contract)
    assert text is not None
    assert lines == sorted(lines)
    before = validate(data, contract)
    after = judge_again(encoded(text, contract), contract, len(lines), NOON).verdict
    for part in ("accepted", "quarantined"):
        names = [name for name in getattr(before, part).column_names if name not in {"_row", "raw"}]
        assert getattr(after, part).select(names).to_pylist() == getattr(before, part).select(names).to_pylist()


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(sorted(FILES)), ROWS, READ)
def test_a_row_says_again_what_it_said(form: str, rows: list[Sequence[Any]], read: dict[str, Any]) -> None:
    contract = a_contract(COLUMNS, name=form, header=None, **read)
    assert form_of(contract) is Form.CELLS
    check(FILES[form](rows), contract)


@pytest.mark.parametrize("form", STATEMENTS)
def test_entries_of_statements_say_again_what_they_said(form: str) -> None:
    contract = a_contract(ENTRY, name=form)
    for data in (STATEMENTS[form], STATEMENTS[form].replace(b"250", b"x50", 1)):
        check(data, contract)


def test_rows_of_one_line_are_told_apart_by_how_they_look_and_stay_in_their_order() -> None:
    data = b'[{"id": 2, "name": "b"}, {"id": 3, "name": "c"}, {"id": 2, "name": "b"}, {"id": 1, "name": "a"}]'
    contract = a_contract(COLUMNS[:2], name="json")
    one, two = '{"id": 1, "name": "a"}', '{"id": 2, "name": "b"}'
    found = again(data, contract, [(1, one), (1, two), (1, two)])
    assert [(index, json.loads(text or "")["id"]) for index, text in found] == [(1, "2"), (2, "2"), (0, "1")]
    assert again(data, contract, [(1, "another"), (2, one)]) == [(0, None), (1, None)]


def test_entries_that_look_the_same_and_differ_are_left_to_a_person() -> None:
    entry = b"<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20260331<TRNAMT>1.00<FITID>1</STMTTRN>"
    head, _, rest = STATEMENTS["ofx"].partition(b"<STMTRS>")
    statement = b"<STMTRS><CURDEF>EUR<BANKACCTFROM><ACCTID>%d</BANKACCTFROM><BANKTRANLIST>%s</BANKTRANLIST></STMTRS>"
    data = head + statement % (1, entry) + statement % (2, entry) + rest[rest.index(b"</STMTTRNRS>") :]
    contract = a_contract(ENTRY, name="ofx")
    rows = validate(data, refusing(contract)).quarantined.to_pylist()
    assert len(rows) == 2
    assert again(data, contract, [(rows[0]["_row"], rows[0]["raw"])]) == [(0, None)]
    both = again(data, contract, [(row["_row"], row["raw"]) for row in rows])
    assert [json.loads(text or "")["account"] for _, text in both] == ["1", "2"]


def test_a_row_that_never_became_cells_is_written_by_a_person() -> None:
    data = b'[{"id": 1, "id": 2},\n{"id": "x"}]'
    contract = a_contract(COLUMNS[:2], name="json")
    rows = [(row["_row"], row["raw"]) for row in validate(data, contract).quarantined.to_pylist()]
    text = to_correct(data, contract, rows)
    assert text.splitlines() == [json.dumps('{"id": 1, "id": 2}'), '{"id": "x", "name": null}']
    again_ = judge_again(encoded(text, contract), contract, 2, NOON)
    assert again_.accepted == [False, False]


VALUES = {
    Kind.INTEGER: (st.integers(-(2**63), 2**63 - 1), ()),
    Kind.DECIMAL: (st.decimals(-(10**15), 10**15, places=2), ()),
    Kind.DATE: (st.dates(), ("%d.%m.%y", "%d/%m/%Y")),
    Kind.TIMESTAMP: (st.datetimes(timezones=st.just(UTC)), ()),
    Kind.BOOLEAN: (st.booleans(), ("ja/nein",)),
}


@pytest.mark.parametrize("kind", VALUES)
@settings(max_examples=60, deadline=None)
@given(data=st.data(), mark=st.sampled_from([".", ","]), stated=st.booleans())
def test_every_value_has_a_text_that_says_it(kind: Kind, data: st.DataObject, mark: str, *, stated: bool) -> None:
    values, formats = VALUES[kind]
    column = Column("x", kind, precision=18, scale=2, formats=formats if stated else ())
    file = FileFormat(decimal_mark=mark, thousands="." if mark == "," else None, null_tokens=("", "0", "0,00", "1.00"))
    cells = pa.array(data.draw(st.lists(st.none() | values, max_size=5)), column.arrow)
    texts, unsaid = said(cells, column, file)
    assert not unsaid.any()
    assert [text is None for text in texts] == cells.is_null().to_pylist()


def test_a_value_that_no_text_says_is_left_to_a_person() -> None:
    column, cells = Column("day", Kind.DATE, formats=("%d.%m.%y",)), pa.array([date(1926, 3, 31), date(2026, 3, 31)])
    texts, unsaid = said(cells, column, FileFormat())
    assert (texts, unsaid.tolist()) == ([None, "31.03.26"], [True, False])
    file = io.BytesIO()
    pq.write_table(pa.table({"id": [1, 2], "day": cells}), file)
    contract = a_contract((COLUMNS[0], column), name="parquet")
    _, text = entering(file.getvalue(), contract)
    assert text is None


def test_what_was_rescued_is_rescued_again() -> None:
    data = a_parquet([(1, "a", 1.5, date(2026, 3, 31), NOON, True, "kept")])
    contract = a_contract(COLUMNS, name="parquet", unknown_columns="rescue")
    _, text = entering(data, contract)
    after = judge_again(encoded(text or "", contract), contract, 1, NOON).verdict
    assert after.accepted[RESCUED.name].to_pylist() == ['{"note":"kept"}']
    assert after.accepted["amount"].to_pylist() == [Decimal("1.50")]
