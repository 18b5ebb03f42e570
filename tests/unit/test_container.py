"""Gzip and zip are unwrapped; a bomb costs one read."""

from __future__ import annotations

import gzip
import io
import zipfile
from contextlib import suppress
from functools import partial

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerlake.errors import RejectedError
from tests.shapes import a_contract
from validation.container import Caps, open_container
from validation.validate import validate

CSV = b"id,name,amount\n1,a,2\n"


def a_zip(*members: tuple[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [CSV, gzip.compress(CSV), a_zip(("trades.csv", CSV)), a_zip(("x/", b""), ("x/t.csv", CSV))],
    ids=["plain", "gzip", "zip", "zip with a folder"],  # an archive has the time in it
)
def test_a_file_is_the_same_in_a_container_and_out_of_it(data: bytes) -> None:
    assert open_container(data).read() == CSV
    assert open_container(pa.py_buffer(data)).read() == CSV
    assert open_container(io.BytesIO(data)).read() == CSV
    assert validate(data, a_contract()).accepted.num_rows == 1


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (a_zip(("a", b"1"), ("b", b"2")), "the zip has 2 files"),
        (a_zip(), "the zip has 0 files"),
        (gzip.compress(CSV)[:-9], "the archive is damaged"),
        (gzip.compress(CSV)[:10] + b"\xff" * 20, "the archive is damaged"),
        (a_zip(("a", CSV))[:60], "the archive is damaged"),
    ],
    ids=["two files", "no file", "gzip cut off", "gzip with noise", "zip cut off"],
)
def test_a_container_that_cannot_be_read_is_rejected(data: bytes, words: str) -> None:
    with pytest.raises(RejectedError, match=words):
        open_container(data).read()


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA], ids=["bzip2", "lzma"])
@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_what_python_would_unpack_in_one_step_is_refused_unread(form: str, method: int) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        if form == "xlsx":
            archive.writestr("[Content_Types].xml", "<x/>")
        with archive.open("bomb", "w") as bomb:
            for _ in range(32):
                bomb.write(b"\0" * 1024**2)
    with pytest.raises(RejectedError, match=r"in the zip is packed by method 1[24]; pack it with deflate"):
        validate(file.getvalue(), a_contract(name=form))


@pytest.mark.parametrize("pack", [gzip.compress, lambda data: a_zip(("bomb", data))])
def test_a_bomb_is_refused_before_it_is_unpacked(pack: object) -> None:
    assert callable(pack)
    bomb = pack(b"0" * 3_000_000)
    with pytest.raises(RejectedError, match="more than 1,000,000"):
        open_container(bomb, Caps(size=1_000_000)).read()
    stream = open_container(bomb, Caps(ratio=10, grace=1000))
    with pytest.raises(RejectedError, match="at most 10 times the packed size"):
        list(iter(partial(stream.read, 100_000), b""))
    assert len(open_container(bomb, Caps(size=3_000_000, ratio=10**6)).read()) == 3_000_000


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=80), st.sampled_from([b"", b"\x1f\x8b\x08\x00", b"PK\x03\x04", b"PK\x05\x06"]))
def test_any_bytes_are_read_or_rejected(data: bytes, magic: bytes) -> None:
    with suppress(RejectedError):
        assert open_container(magic + data).read() == magic + data
