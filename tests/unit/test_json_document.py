"""A JSON document: its array of objects is found, and each object stands on the line where a person finds it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerlake.errors import RejectedError
from tables.contract import Contract
from tests.shapes import a_contract, column, messages
from validation.formats import json_document
from validation.header import check_header
from validation.validate import check_conservation, validate

DATA = b"""{"report": {"made": "today, [early]", "pages": [1, [2, {"entries": []}]],
  "entries": [
    {"id": 1, "name": "a \\"quoted\\" ] }", "amount": 1.50},
    {"id": 2, "name": "b",
     "amount": 10000000000000.01},
    {"id": "x", "name": "c", "amount": 2}
  ], "count": 3}
}
"""


def _contract(path: str = "", **file: Any) -> Contract:
    return a_contract(name="json", path=tuple(filter(None, path.split("."))), **file)


def test_the_objects_of_an_array_are_rows_on_their_lines() -> None:
    found = validate(DATA, _contract("report.entries"))
    assert column(found, "_row") == [3, 4]
    assert column(found, "name") == ['a "quoted" ] }', "b"]
    assert column(found, "amount") == [Decimal("1.50"), Decimal("10000000000000.01")]
    (row,) = found.quarantined.to_pylist()
    assert (row["_row"], row["raw"]) == (6, '{"id": "x", "name": "c", "amount": 2}')
    check_conservation(found)


def test_an_array_may_be_the_whole_document() -> None:
    assert column(validate(b'\xef\xbb\xbf [{"id":1},\n{"id":2}]', _contract()), "_row") == [1, 2]
    assert validate(b"[]", _contract()).totals.rows == 0


def test_what_is_no_object_is_quarantined() -> None:
    found = validate(b'[1, "a", null, [{"id": 1}], {"id": 1}, {"id":}, {"id": 1e5}]', _contract())
    assert found.accepted.num_rows == 1
    assert all(word.startswith(("the line is no", "id must be")) for word in messages(found))
    assert len(messages(found)) == 6


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"id": 1}', "the file has no array at its root"),
        (b"", "the file has no array at its root"),
        (b'[{"id": 1}', "line 1: the file ends inside its array: it may be cut off"),
        (b'[{"id": 1}\n{"id": 2}]', "line 2: '{' where a comma is expected"),
        (b'[{"id": 1},]', "line 1: ']' where an object is expected"),
        (b'[{"id": "a]', "line 1: a text is opened and never closed"),
        (b"[{}]]", "']' closes what was not opened"),
        (b"[{}] {", "the file ends inside '{': it may be cut off"),
        (b'[{"id": "\xff"}]', "byte 0xff cannot be read as utf-8"),
    ],
)
def test_a_broken_document_is_rejected_with_its_line(data: bytes, why: str) -> None:
    with pytest.raises(RejectedError) as caught:
        validate(data, _contract())
    assert why in caught.value.message


def test_a_path_that_leads_nowhere_is_said_so() -> None:
    with pytest.raises(RejectedError, match=r"no array at 'report.rows'"):
        validate(DATA, _contract("report.rows"))


def test_the_first_object_is_checked_before_the_file_is_accepted() -> None:
    check_header(DATA, _contract("report.entries"), True)
    check_header(b'[{"id": 1, "na', _contract(), False)
    for data, complete in ((b'[{"name": "a"}]', True), (b'[{"name": "a"}, {"id', False)):
        with pytest.raises(RejectedError, match="member 'id' is missing"):
            check_header(data, _contract(), complete)


@pytest.mark.parametrize("data", [b"[" * 100_000, b'{"a":' * 100_000, b"[" + b'{"id":[' * 100_000])
def test_deep_nesting_is_rejected(data: bytes) -> None:
    with pytest.raises(RejectedError):
        validate(data, _contract())


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='a"\\[]{},:\n é', max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(st.lists(VALUES, max_size=6), st.sampled_from([None, 1]), st.booleans())
def test_every_element_of_an_array_is_a_row_as_json_reads_it(
    rows: list[Any],
    indent: int | None,
    ascii_only: bool,  # noqa: FBT001
) -> None:
    text = json.dumps({"x": [[]], "rows": rows}, indent=indent, ensure_ascii=ascii_only)
    contract = _contract("rows", unknown_columns="rescue")
    try:
        found = validate(text.encode(), contract)
    except RejectedError as error:
        assert error.check == "header"  # noqa: PT017  # the first object lacks its key
        return
    assert found.totals.rows == len(rows)
    raw = found.quarantined.to_pylist()
    assert all(json.loads(row["raw"]) in rows for row in raw)


def test_it_is_told_by_its_first_bytes() -> None:
    assert json_document.sniff(b"\xef\xbb\xbf\n [")
    assert not json_document.sniff(b"id,name")
