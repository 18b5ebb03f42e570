"""Records and line numbers are those that Python's `csv` finds, by both ways of finding them."""

from __future__ import annotations

import csv
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validation.formats.records import Records, by_parity, by_scan, find_records, line_breaks, lines_at

TEXT = st.text(alphabet='ab,"\n\r', max_size=40)
LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")


def _lines_of_csv(text: str) -> list[int]:
    """Lines (from 0) on which the non-empty records of a text start, as `csv` counts them."""
    reader = csv.reader(LINES.findall(text))
    starts, start = [], 0
    for record in reader:
        if record:
            starts.append(start)
        start = reader.line_num
    return starts


def _find(text: str, *, final: bool = True) -> Records:
    return find_records(memoryview(text.encode()), b",", b'"', final=final)


@settings(max_examples=100, deadline=None)
@given(TEXT)
def test_records_start_on_the_lines_that_csv_counts(text: str) -> None:
    found = _find(text)
    if found.size == len(text):
        filled = found.ends > found.starts
        assert found.lines[filled].tolist() == _lines_of_csv(text)
        assert found.line_count == len(LINES.findall(text))


@settings(max_examples=100, deadline=None)
@given(TEXT)
def test_parity_finds_what_the_scan_finds_or_declines(text: str) -> None:
    data = memoryview(text.encode())
    breaks = line_breaks(data)
    quick = by_parity(data, breaks, b",", b'"') if '"' in text else None
    if quick is not None:
        exact = by_scan(data, breaks, b",", b'"')
        assert np.array_equal(quick[0], exact[0])
        assert quick[1] == exact[1]


@settings(max_examples=100, deadline=None)
@given(TEXT, st.integers(0, 40))
def test_records_of_a_beginning_are_the_first_records_of_the_whole(text: str, size: int) -> None:
    if text[size - 1 : size] == "\r":
        size += 1  # a reader never cuts between CR and LF
    whole, beginning = _find(text), _find(text[:size], final=False)
    count = len(beginning.starts)
    assert beginning.starts.tolist() == whole.starts[:count].tolist()
    assert beginning.ends.tolist() == whole.ends[:count].tolist()
    assert beginning.lines.tolist() == whole.lines[:count].tolist()


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a,b\nc,d\n", [0, 1]),
        ("a,b\r\nc,d", [0, 1]),
        ("a,b\rc,d\r", [0, 1]),
        ('"a\nb",c\nd,e\n', [0, 2]),
        ('a"b,c\nd,e"\n', [0, 1]),
        ('"say ""hi""\n",b\nc,d\n', [0, 2]),
    ],
)
def test_a_quote_counts_only_where_it_opens_closes_or_is_doubled(text: str, lines: list[int]) -> None:
    assert _find(text).lines.tolist() == lines


def test_an_open_quote_leaves_its_record_incomplete() -> None:
    found = _find('a,b\nc,"d\ne,f\n')
    assert (found.size, found.line_count) == (4, 1)


PIECES = st.sampled_from([b"a", b"\n", b"\r\n", b"x" * 2039, b"y" * 4080]) | st.binary(max_size=3)


@given(st.lists(PIECES, max_size=60).map(b"".join), st.data())
def test_lines_are_found_by_their_numbers(text: bytes, data: st.DataObject) -> None:
    lines = [line.removesuffix(b"\r") for line in text.split(b"\n")]
    at = data.draw(st.lists(st.integers(0, len(lines) - 1), max_size=8))
    assert lines_at(memoryview(text), at) == [lines[number] for number in at]
