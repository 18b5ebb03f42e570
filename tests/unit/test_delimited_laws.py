"""Delimited files, whatever is in them: what the csv module writes is read back, and nothing is lost or breaks."""

from __future__ import annotations

import csv
import io
import re
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerlake.errors import RejectedError
from tables.contract import Column, Contract, Kind
from tests.shapes import AMOUNT, ID, NAME, a_contract
from tests.unit.test_delimited import TRAILERS, rows_of
from validation.container import as_stream
from validation.formats import delimited
from validation.validate import check_conservation, judge, validate, verdict
from validation.verdict import Verdict

TEXT_COLUMNS = (Column("a", Kind.STRING), Column("b", Kind.STRING))


def _cut(data: bytes, contract: Contract, chunk: int) -> Verdict:
    """The verdict where the file is cut into chunks of so many bytes; the last holds all lines that may be trailers."""
    last = re.search(rb"(?:[\s,|\"]|END 3|SUM 1)*\Z", data)
    tail = len(last[0]) + 1 if last else 1
    return verdict(judge(delimited.split(as_stream(data), contract, chunk, tail), contract, threads=2), contract)


CELL = st.text(alphabet='ab,"\n\r \u00e9', max_size=6)
ROW = st.lists(CELL, min_size=1, max_size=3)


@settings(max_examples=80, deadline=None)
@given(st.lists(ROW, max_size=8), st.sampled_from(["\n", "\r\n"]))
def test_what_csv_writes_is_read_back_with_the_lines_csv_counts(rows: list[list[str]], ending: str) -> None:
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator=ending).writerows([["a", "b"], *rows])
    reader = csv.reader(io.StringIO(file.getvalue(), newline=""))
    expected, start = [], 0
    for record in reader:
        if record:
            expected.append((start + 1, record))
        start = reader.line_num
    contract = a_contract(TEXT_COLUMNS, trim=False, null_tokens=())
    found = validate(file.getvalue().encode(), contract)
    assert rows_of(found) == [(*record, line) for line, record in expected[1:] if len(record) == 2]
    broken = [line for line, record in expected[1:] if len(record) != 2 and "".join(record).strip(" ")]
    refused = found.quarantined.column("_row").to_pylist()
    assert [line for line in refused if line in broken] == broken


CONTRACTS = st.builds(
    a_contract,
    st.just((ID, NAME, replace(AMOUNT, required=True))),
    delimiter=st.sampled_from(",|"),
    quote=st.sampled_from(['"', None]),
    encodings=st.sampled_from([("utf-8",), ("utf-8", "cp1252")]),
    trailers=st.sampled_from([(), TRAILERS]),
    unknown_columns=st.sampled_from(["reject", "ignore", "rescue"]),
    ragged_rows=st.sampled_from(["refuse", "fill"]),
    skip_rows=st.sampled_from([(), ("blank",), ("blank", "header")]),
    header=st.sampled_from([1, None]),
)
HEADERS = st.sampled_from([["id", "name", "amount"], ["id", "name", "amount", ""], ["amount", "id"]])
FRAGMENTS = st.sampled_from(
    [
        b"1",
        b"-2.50",
        b"3.999",
        b",",
        b"|",
        b"\n",
        b"\r\n",
        b"\r",
        b'"',
        b" ",
        b"abc",
        b"\xc3\xa9",
        b"\xe9",
        b"\0",
        b"END 3\n",
        b"SUM 1\n",
        b"1,a,2\n",
        b",,\n",
        b"id,name,amount\n",
        b'2,"b\nc",3\n',
        b"",
        b"1e5",
        b"0x1",
    ]
)


@settings(max_examples=80, deadline=None)
@given(CONTRACTS, HEADERS, st.lists(FRAGMENTS, max_size=30).map(b"".join), st.integers(1, 60))
def test_any_bytes_are_conserved_or_rejected_however_they_are_cut(
    contract: Contract, header: list[str], body: bytes, size: int
) -> None:
    data = contract.file.delimiter.join(header).encode() + b"\n" + body
    try:
        whole = validate(data, contract)
    except RejectedError:
        with pytest.raises(RejectedError):
            _cut(data, contract, size)
        return
    check_conservation(whole)
    assert whole.accepted.column("_row").to_pylist() == sorted(whole.accepted.column("_row").to_pylist())
    pieces = _cut(data, contract, size)
    assert pieces.accepted.equals(whole.accepted)
    assert pieces.quarantined.equals(whole.quarantined)
    assert (pieces.totals, pieces.held) == (whole.totals, whole.held)


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=60))
def test_no_bytes_whatsoever_end_in_another_error(data: bytes) -> None:
    with suppress(RejectedError):
        check_conservation(validate(data, a_contract(TEXT_COLUMNS, unknown_columns="ignore")))
