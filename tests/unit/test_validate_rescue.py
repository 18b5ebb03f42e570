"""What a contract does not know is kept as it is named and written, and can do nothing else."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerlake.errors import RejectedError
from tables.contract import RESCUED
from tests.shapes import AMOUNT, ID, NAME, a_contract, column, in_format, in_pieces, messages
from validation.header import check_header
from validation.validate import check_conservation, validate
from validation.verdict import Verdict

FORMATS = ["csv", "jsonl", "parquet"]


def rescuing(form: str = "csv", **file: Any) -> Any:
    return a_contract((ID, NAME, AMOUNT), name=form, unknown_columns="rescue", **file)


def rescued(found: Verdict) -> list[dict[str, str] | None]:
    return [text and json.loads(text) for text in column(found, RESCUED.name)]


@pytest.mark.parametrize("form", FORMATS)
def test_cells_of_unknown_columns_are_one_json_object(form: str) -> None:
    rows: list[dict[str, Any]] = [
        {"id": "1", "zone": " a ", "Note": "x", "_row": "9"},
        {"id": "2", "zone": None, "Note": "", "_row": ""},
        {"id": "x", "zone": "b", "Note": "", "_row": ""},
    ]
    found = validate(in_format(rows, form), rescuing(form))
    assert column(found, RESCUED.name) == ['{"Note":"x","_row":"9","zone":"a"}', None]
    assert found.accepted.schema.equals(rescuing(form).schema)
    assert found.quarantined.num_rows == 1
    check_conservation(found)


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_without_unknown_columns_rescues_nothing(form: str) -> None:
    assert column(validate(in_format([{"id": "1"}], form), rescuing(form)), RESCUED.name) == [None]


def test_a_column_without_a_name_is_rescued_by_its_number() -> None:
    assert rescued(validate(b"id,,a,\n1,x,y,\n2,,,\n", rescuing())) == [{"#2": "x", "a": "y"}, None]
    assert rescued(validate(b'{"id": 1, "": 2}\n', rescuing("jsonl"))) == [{"": "2"}]
    with pytest.raises(RejectedError, match="columns 2 '#3' and 3 '' all mean '#3'; keep one"):
        validate(b"id,#3,\n1,x,y\n", rescuing())


@pytest.mark.parametrize("data", [b"id,a,A \n1,2,3\n", b'id,a,"a\n"\n1,2,3\n'])
def test_a_name_stands_once(data: bytes) -> None:
    with pytest.raises(RejectedError, match="all mean 'a'; keep one"):
        check_header(data, rescuing(), complete=True)


def test_a_column_without_a_name_and_without_values_is_nothing() -> None:
    contract = a_contract()
    found = validate(b"id,,name,\n1,,a,\n2,x,b,\n3, ,c,\n", contract)
    assert column(found, "id") == [1, 3]
    assert messages(found) == ["the row has a value in a column without a name"]
    assert found.quarantined["raw"].to_pylist() == ["2,x,b,"]
    check_conservation(found)
    assert column(validate(b'{"id": 1, "": ""}\n{"id": 2, "": 0}\n', a_contract(name="jsonl")), "id") == [1]


def test_nested_json_is_rescued_with_its_digits_and_order() -> None:
    line = b'{"id": 1, "x": {"b": [1.10, "1", null, true], "a": {"\\u00e9": -0}}, "y": false, "z": null}\n'
    assert rescued(validate(line, rescuing("jsonl"))) == [
        {"x": '{"b":[1.10,"1",null,true],"a":{"é":-0}}', "y": "false"}
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (r'{"id": 1, "x": 1, "X": 2}', "member 'X' gives 'X' a second time"),
        (r'{"id": 1, "\ud800": 1}', "half a character"),
        (r'{"id": 1, "x": ["\ud800"]}', "half a character"),
        ('{"id": 1, "x": ' + "[" * 5000 + "]" * 5000 + "}", ""),
    ],
)
def test_a_member_that_cannot_be_kept_refuses_its_line(line: str, words: str) -> None:
    found = validate(f'{{"id": 2}}\n{line}\n'.encode(), rescuing("jsonl"))
    assert column(found, "id") == [2]
    assert words in messages(found)[0]


def test_parquet_columns_are_rescued_as_text_and_bytes_are_refused() -> None:
    file = io.BytesIO()
    pq.write_table(pa.table({"id": [1], "n": pa.array([2], pa.int8()), "d": pa.array([1.5]), "t": [True]}), file)
    assert rescued(validate(file.getvalue(), rescuing("parquet"))) == [{"n": "2", "d": "1.5", "t": "true"}]
    file = io.BytesIO()
    pq.write_table(pa.table({"id": [1], "b": [b"\xff"]}), file)
    with pytest.raises(RejectedError, match="'b' holds bytes"):
        validate(file.getvalue(), rescuing("parquet"))


def test_a_text_of_parquet_that_is_not_utf8_rejects_the_file() -> None:
    bad = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff"]).buffers())
    for name in ("name", "note"):
        file = io.BytesIO()
        pq.write_table(pa.table({"id": [1], name: bad}), file)
        with pytest.raises(RejectedError, match="from row 1 is not UTF-8"):
            validate(file.getvalue(), rescuing("parquet"))


WEIRD = ["", " ", "#2", "_rescued", "_seq", "é", "e\u0301", "\0", '"', "\\", "{}", "'; DROP TABLE t; --", "${jndi:x}"]
NAMES = st.lists(
    st.one_of(st.sampled_from(WEIRD), st.text(max_size=4)),
    max_size=5,
    unique_by=lambda name: name.strip().casefold(),
).filter(lambda names: not {"id", "name", "amount", "full name"} & {name.strip().casefold() for name in names})
TEXTS = st.one_of(st.sampled_from(WEIRD), st.text(max_size=4))


@st.composite
def files(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    names = draw(NAMES)
    rows = draw(st.lists(st.lists(TEXTS, min_size=len(names), max_size=len(names)), max_size=5))
    return names, rows


@settings(max_examples=150, deadline=None)
@given(files(), st.integers(1, 60), st.sampled_from(["csv", "jsonl"]))
def test_any_names_and_texts_come_back_as_they_were_however_they_are_cut(
    file: tuple[list[str], list[list[str]]], size: int, form: str
) -> None:
    names, rows = file
    contract = rescuing(form, trim=False, null_tokens=("",))
    if form == "csv":
        text = io.StringIO()
        numbered = [[number, *row] for number, row in enumerate(rows)]
        csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([["id", *names], *numbered])
        data = text.getvalue().encode()
    else:
        lines = [{"id": number, **dict(zip(names, row, strict=True))} for number, row in enumerate(rows)]
        data = "".join(json.dumps(line) + "\n" for line in lines).encode()
    nameless = [f"#{at}" for at, name in enumerate(names, 2) if not name.strip()]
    if form == "csv" and set(nameless) & {name.strip() for name in names}:
        with pytest.raises(RejectedError, match="keep one"):
            validate(data, contract)
        return
    found = validate(data, contract)
    keys = [name.strip() or (f"#{at}" if form == "csv" else "") for at, name in enumerate(names, 2)]
    wanted = [{key: cell for key, cell in zip(keys, row, strict=True) if cell} or None for row in rows]
    assert rescued(found) == wanted
    assert all(text is None or text == _canonical(json.loads(text)) for text in column(found, RESCUED.name))
    pieces = in_pieces(data, contract, size)
    assert pieces.accepted.equals(found.accepted)
    assert pieces.totals == found.totals


def _canonical(members: dict[str, str]) -> str:
    return json.dumps(members, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
