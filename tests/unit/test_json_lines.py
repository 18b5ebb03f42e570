"""JSON Lines: digits are kept as written, and a line that is no row says why."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerlake.errors import RejectedError
from tables.contract import Column, Kind
from tests.shapes import AMOUNT, ID, NAME, a_contract, column, messages, reasons
from validation.container import as_stream
from validation.formats import json_lines
from validation.header import check_header
from validation.validate import check_conservation, judge, validate, verdict

FLAG = Column("open", Kind.BOOLEAN)
TRADES = a_contract((ID, NAME, AMOUNT, FLAG), name="jsonl")


def test_members_become_columns_and_numbers_keep_their_digits() -> None:
    data = (
        b'{"ID": 1, "full name": "caf\\u00e9", "amount": 1234567890123456.70, "open": true}\r\n\n'
        b'{"id": "2", "amount": null, "extra": 1}\n{"id": 3, "amount": "0.10", "open": "no"}'
    )
    found = validate(data, a_contract((ID, NAME, AMOUNT, FLAG), name="jsonl", unknown_columns="ignore"))
    assert found.accepted.to_pylist() == [
        {"id": 1, "name": "café", "amount": Decimal("1234567890123456.70"), "open": True, "_row": 1},
        {"id": 2, "name": None, "amount": None, "open": None, "_row": 3},
        {"id": 3, "name": None, "amount": Decimal("0.10"), "open": False, "_row": 4},
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"id": 1', "the line is not JSON"),
        ("[1]", "the line is not a JSON object"),
        ('{"id": 1, "Id": 2}', "member 'Id' gives 'id' a second time"),
        ('{"id": 1, "nmae": 2}', "member 'nmae' is unknown (did you mean 'name'?)"),
        ('{"id": 1, "name": {"first": "a"}}', "member 'name' holds an object or a list"),
        ('{"id": 1, "name": "\\ud800"}', "half a character"),
        ('{"id": 1, "amount": NaN}', "not a finite number"),
        ('{"id": 1e2}', "exponent"),
        ('{"name": "a"}', "id is required"),
    ],
)
def test_a_line_that_is_no_row_is_quarantined_with_the_reason(line: str, words: str) -> None:
    found = validate(f'{{"id": 1}}\n{line}\n'.encode(), TRADES)
    assert column(found, "id") == [1]
    assert [row for row, _, _ in reasons(found)] == [2]
    assert words in messages(found)[0]
    assert found.quarantined.column("raw").to_pylist() == [line]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'{"name": "a"}\n', "member 'id' is missing"),
        (b'{"id": 1, "x": 1}\n', "member 'x' is unknown"),
        (b"id,name\n1,a\n", "the line is not JSON"),
    ],
)
def test_the_first_object_is_checked_before_a_file_is_accepted(data: bytes, words: str) -> None:
    with pytest.raises(RejectedError, match=words):
        check_header(data, TRADES, complete=True)
    check_header(b'{"id": 1, "na', TRADES, complete=False)


def test_a_line_that_no_encoding_reads_rejects_the_file() -> None:
    with pytest.raises(RejectedError, match="line 2: byte 0xff cannot be read as utf-8"):
        validate(b'{"id": 1}\n{"id": 2, "name": "\xff"}\n', TRADES)


VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just([]))
OBJECTS = st.dictionaries(st.sampled_from(["id", "name", "amount", "open", "x"]), VALUES)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(OBJECTS.map(json.dumps), st.text(max_size=10)), max_size=6), st.integers(1, 50))
def test_any_lines_are_conserved_however_they_are_cut(lines: list[str], size: int) -> None:
    data = "\n".join(lines).encode()
    whole = validate(data, TRADES)
    check_conservation(whole)
    pieces = verdict(judge(json_lines.split(as_stream(data), TRADES, size), TRADES), TRADES)
    assert pieces.accepted.equals(whole.accepted)
    assert pieces.quarantined.equals(whole.quarantined)
    assert whole.totals.rows == sum(bool(line.strip()) for line in data.split(b"\n"))
