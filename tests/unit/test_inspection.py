"""The checks of a landed file, on bytes in memory: each bad file has one reason, and good ones have none."""

from __future__ import annotations

import gzip
import hashlib
import io
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.inspection import CHECKS, CHUNK, LandedFile, inspect
from ledgerlake.errors import RejectedError
from tables.odcs import load
from tests.shapes import a_contract
from tests.statements import COLUMNS, FILES
from tests.unit.test_requests import NOON, a_grant
from validation.formats import FORMATS

PAYMENTS = Path(__file__).parents[2] / "contracts" / "payments.yaml"
CONTRACT = load(PAYMENTS.read_text(), PAYMENTS.name)
HEADER = b"payment_id,booking_date,debtor_iban,creditor_iban,amount,currency,status,reference,updated_at\n"


def a_landed(data: bytes, encodings: tuple[str, ...] = ("utf-8",)) -> LandedFile:
    """A file that landed as it was granted."""
    sha256 = hashlib.sha256(data).hexdigest()
    contract = replace(CONTRACT, file=replace(CONTRACT.file, encodings=encodings))
    return LandedFile(
        replace(a_grant(), size=len(data), sha256=sha256),
        contract,
        len(data),
        sha256,
        NOON,
        io.BytesIO(data),
    )


def reason(landed: LandedFile) -> str | None:
    """The check that refuses the file."""
    try:
        inspect(landed)
    except RejectedError as error:
        return error.check
    return None


def test_a_good_file_passes_packed_or_not() -> None:
    assert reason(a_landed(HEADER)) is None
    assert reason(a_landed(gzip.compress(HEADER))) is None


def test_the_checks_run_from_the_cheapest_to_the_dearest() -> None:
    assert [check.__name__.removeprefix("check_") for check in CHECKS] == [
        "size",
        "hash",
        "empty",
        "format",
        "columns",
        "text",
    ]


def test_bytes_other_than_granted_are_refused_whatever_they_are() -> None:
    landed = a_landed(HEADER)
    assert reason(replace(landed, size=landed.size + 1)) == "size"
    assert reason(replace(landed, sha256="0" * 64)) == "hash"


@pytest.mark.parametrize("data", [b"\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf \r\n\t"])
def test_a_file_of_blanks_is_empty(data: bytes) -> None:
    assert reason(a_landed(data)) == "empty"


@pytest.mark.parametrize(
    ("data", "looks"),
    [(b"%PDF-1.7", "a PDF"), (b"PAR1", "Parquet"), (b"\x89PNG\r\n", "a PNG image"), (b"<html>", "a web page")],
)
def test_another_format_is_named(data: bytes, looks: str) -> None:
    with pytest.raises(RejectedError, match=f"takes csv files; this one looks like {looks}"):
        inspect(a_landed(data + bytes(20)))


@given(st.integers(0, 3 * CHUNK), st.sampled_from([b"\xff", b"\xc3\x28", b"\xe2\x82", b"\xed\xa0\x80"]))
def test_text_that_cannot_be_decoded_is_found_wherever_it_stands(position: int, broken: bytes) -> None:
    body = bytearray(HEADER + b"x" * position + broken)
    with pytest.raises(RejectedError, match=r"the text is not in utf-8: .+ near byte \d+; save it as utf-8") as error:
        inspect(a_landed(bytes(body)))
    assert error.value.check == "text"


@given(st.integers(CHUNK - 4, CHUNK + 4))
def test_a_letter_that_two_reads_share_is_no_fault(position: int) -> None:
    filler = b"x" * (position - len(HEADER))
    assert reason(a_landed(HEADER + filler + "€".encode())) is None


def test_any_of_the_encodings_of_the_contract_will_do() -> None:
    assert reason(a_landed(HEADER + "Zürich".encode("cp1252"), ("utf-8", "cp1252"))) is None
    assert reason(a_landed(HEADER + b"\x81", ("utf-8", "cp1252"))) == "text"


@given(
    st.sampled_from([b"", HEADER, b"PAR1", b"\x1f\x8b", b"PK\x03\x04", gzip.compress(HEADER)[:-4], b"{", b"[1]\n"]),
    st.binary(max_size=60),
    st.sampled_from(sorted(FORMATS)),
)
def test_whatever_lands_passes_or_is_rejected_with_a_reason(start: bytes, rest: bytes, form: str) -> None:
    landed = a_landed(start + rest)
    contract = replace(CONTRACT, file=replace(CONTRACT.file, name=form))
    reason(replace(landed, contract=contract))  # anything but a rejection fails here


@pytest.mark.parametrize("form", FILES)
def test_a_file_of_each_format_passes_for_its_own_format_only(form: str) -> None:
    content, packed = FILES[form], gzip.compress(FILES[form])
    for other in FORMATS:
        if other in FILES:
            wanted = replace(a_contract(COLUMNS, name=other, path=("rows",)), dataset="statements")
            refused = reason(replace(a_landed(content), contract=wanted))
            assert refused in ({None} if other == form else {"format", "columns", "header"}), other
    own = a_contract(COLUMNS, name=form, path=("rows",))
    assert reason(replace(a_landed(packed), contract=own)) is None


def test_a_workbook_for_a_csv_is_called_one() -> None:
    with pytest.raises(RejectedError, match="takes csv files; this one looks like an Excel workbook"):
        inspect(a_landed(FILES["xlsx"]))
