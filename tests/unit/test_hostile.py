"""Every byte string ends as accepted, quarantined, held or rejected with a reason: no crash, no hang."""

from __future__ import annotations

import gzip
import io
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledgerlake.errors import RejectedError
from tests.hostile import BYTES, contract_for, judge_hostile, zipped
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
    for each in (data, gzip.compress(data, 1), zipped("x", data), gzip.compress(data)[:-4]):
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
