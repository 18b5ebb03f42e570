"""Every byte string ends as accepted, quarantined, held or rejected with a reason: no crash, no hang."""

from __future__ import annotations

import gzip
import io
import time
import zipfile

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledgerlake.errors import RejectedError
from tables.contract import Column, Kind, RuleUse, Trailer
from tests.hostile import BYTES, contract_for, judge_hostile, zipped
from tests.shapes import a_contract
from tests.statements import FILES
from validation.formats import FORMATS
from validation.validate import validate

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("form", BYTES)
def test_no_file_breaks_its_reader(form: str) -> None:
    @FEW
    @given(BYTES[form])
    def breaks(data: bytes) -> None:
        judge_hostile(data, form)

    breaks()


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(FORMATS)), st.binary(max_size=80) | st.sampled_from(sorted(FILES.values())))
def test_no_bytes_break_any_reader_wrapped_or_not(form: str, data: bytes) -> None:
    packed = gzip.compress(data, 1)
    for each in (data, packed, zipped("x", data), packed[:-4], gzip.compress(packed), zipped("x.gz", packed)):
        judge_hostile(each, form)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10_000), st.binary(min_size=1, max_size=4)), min_size=1, max_size=4))
def test_no_altered_binary_file_breaks_its_reader(changes: list[tuple[int, bytes]]) -> None:
    parquet = io.BytesIO()
    pq.write_table(pa.table({"account": ["a"], "amount": ["1"]}), parquet)
    for form, good in (("xlsx", FILES["xlsx"]), ("parquet", parquet.getvalue())):
        data = bytearray(good)
        for at, put in changes:
            data[at % len(data) : at % len(data) + len(put)] = put
        judge_hostile(bytes(data), form)


def test_a_workbook_that_is_a_bomb_is_refused_before_it_is_read() -> None:
    file = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(FILES["xlsx"])) as old,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name))
        with new.open("xl/sharedStrings2.xml", "w") as part:
            for _ in range(260):
                part.write(b" " * 1024**2)
    with pytest.raises(RejectedError, match="in the workbook unpacks to 272,629,760 bytes"):
        validate(file.getvalue(), contract_for("xlsx"))


EXPLODING = ("(a+)+$", "(a|a)*b", "(a|aa)+b", "([a-z]+)*[0-9]", "(.*a){25}b", "^(([a-z])+.)+[A-Z]([a-z])+$")


@pytest.mark.parametrize("pattern", EXPLODING)
def test_a_pattern_that_explodes_elsewhere_takes_no_time(pattern: str) -> None:
    """Each costs an engine that backtracks more time than there is, in a cell and in a line at the end of the file."""
    trailer = Trailer(pattern, "count", optional=True)
    rule = RuleUse("pattern", (("pattern", pattern),))
    columns = (Column("account", Kind.STRING, rules=(rule,)), Column("note", Kind.STRING))
    for form in ("csv", "fixed", "xlsx"):
        positions = (("account", 1, 30_000), ("note", 30_001, 30_001))
        header = {"positions": positions, "header": 0, "ragged_rows": "fill"} if form == "fixed" else {}
        contract = a_contract(columns, name=form, trailers=(trailer,), **header)
        started = time.monotonic()
        found = validate(with_lines(form, "account,note", "a" * 30_000 + ",!", "a" * 30_000 + "!"), contract)
        assert time.monotonic() - started < 5
        assert (found.held, found.totals.trailers) == ((), ())
        assert found.quarantined.num_rows


def with_lines(form: str, *lines: str) -> bytes:
    """A file of these lines; a workbook has their cells."""
    if form != "xlsx":
        return "".join(f"{line}\n" for line in lines[form == "fixed" :]).encode()
    book, file = openpyxl.Workbook(), io.BytesIO()
    for line in lines:
        book.active.append(line.split(","))
    book.save(file)
    return file.getvalue()


@pytest.mark.parametrize("pattern", [r"\pL+ ([0-9]+)\z", "[[:alpha:]]+ ([0-9]+)", "(?i)END (?P<rows>[0-9]+)"])
@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_a_line_at_the_end_is_told_as_re2_does(form: str, pattern: str) -> None:
    contract = a_contract((Column("account", Kind.STRING),), name=form, trailers=(Trailer(pattern, "count"),))
    assert validate(with_lines(form, "account", "a", "End 1"), contract).held == ()
    (why,) = validate(with_lines(form, "account", "a", "End 2"), contract).held
    assert why.endswith("declares 2 rows, the file has 1: a difference of 1")


def test_a_line_at_the_end_that_leaves_its_total_out_holds_the_file() -> None:
    contract = a_contract((Column("account", Kind.STRING),), trailers=(Trailer("END ?([0-9]+)?", "count"),))
    assert validate(b"account\na\nEND\n", contract).held == ("the trailer on line 3 declares '', which is no number",)


def test_a_stated_header_of_a_million_columns_is_rejected() -> None:
    contract = a_contract((Column("account", Kind.STRING),))
    with pytest.raises(RejectedError, match="line 1: no header found"):
        validate(b"account" + b",x" * 1_000_000 + b"\n1\n", contract)
