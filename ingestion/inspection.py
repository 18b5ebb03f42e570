"""Inspect: a landed file passes every check of `CHECKS`, or is rejected with the reason its uploader needs.

A check is a function over `LandedFile` that raises `RejectedError`; adding one is adding a function here. The file is
read in a bounded amount of memory: it lies in a temporary file, whatever its size.
"""

from __future__ import annotations

import codecs
import hashlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, cast

from ingestion.objects import is_missing
from ingestion.values import Grant
from ledgerlake.aws import Aws, ClientError, transient
from ledgerlake.errors import RejectedError
from tables.contract import Contract
from validation.container import open_container
from validation.formats import FORMATS
from validation.header import check_header

CHUNK = 1024**2
IN_MEMORY = 16 * 1024**2
"""Larger files are kept on disk while they are inspected."""

_KINDS: tuple[tuple[bytes, str, tuple[str, ...]], ...] = (
    (b"PAR1", "Parquet", ("parquet",)),
    (b"%PDF-", "a PDF", ()),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file", ()),
    (b"PK\x03\x04", "an Excel workbook, or a zip inside the archive", ("xlsx",)),
    (b"\x1f\x8b", "gzip inside the archive", ()),
    (b"\x89PNG", "a PNG image", ()),
    (b"\xff\xd8\xff", "a JPEG image", ()),
    (b"{\\rtf", "a rich text file", ()),
    (b"<?xml", "XML", ("camt.053", "ofx")),
    (b"<!DOCTYPE html", "a web page", ()),
    (b"<html", "a web page", ()),
    (b"OFXHEADER", "OFX", ("ofx",)),
    (b"01,", "BAI2", ("bai2", "csv", "fixed")),
    (b"{1:F01", "MT940", ("mt940",)),
    (b":20:", "MT940", ("mt940",)),
)
"""What a file begins with, what it then is, and the formats that may begin so."""


@dataclass(frozen=True, slots=True)
class LandedFile:
    """A file as it landed, beside what was granted: `size` and `sha256` are those of the bytes that came.

    `file` is open and seekable, and holds nothing where `size` is not the size granted: such a file is not fetched.
    """

    grant: Grant
    contract: Contract
    size: int
    sha256: str
    modified: datetime
    file: BinaryIO

    def unpacked(self) -> BinaryIO:
        """The file's content from its start, out of its gzip or zip."""
        self.file.seek(0)
        return open_container(self.file)

    def prefix(self) -> tuple[bytes, bool]:
        """The first bytes of the content, and whether they are all of it."""
        head = self.unpacked().read(CHUNK + 1)
        return head[:CHUNK], len(head) <= CHUNK


Check = Callable[[LandedFile], None]


def check_size(landed: LandedFile) -> None:
    """The file has the size that was granted."""
    if landed.size != landed.grant.size:
        msg = f"{landed.size} bytes landed, {landed.grant.size} were announced; ask for a new upload of the right size"
        raise RejectedError("size", msg)


def check_hash(landed: LandedFile) -> None:
    """The file has the SHA-256 that was granted."""
    if landed.sha256 != landed.grant.sha256:
        msg = (
            f"the file's SHA-256 is {landed.sha256}, {landed.grant.sha256} was announced: it was changed on its "
            "way; send it again in a new upload"
        )
        raise RejectedError("hash", msg)


def check_empty(landed: LandedFile) -> None:
    """The file is not only blanks."""
    head, complete = landed.prefix()
    if complete and not head.removeprefix(codecs.BOM_UTF8).strip():
        msg = "the file has no content; a file without rows still has its header"
        raise RejectedError("empty", msg)


def check_format(landed: LandedFile) -> None:
    """The file begins like the format that the contract names."""
    name = landed.contract.file.name
    head, _ = landed.prefix()
    kinds = [(kind, formats) for magic, kind, formats in _KINDS if head.startswith(magic)]
    if FORMATS[name].sniff(head) and all(name in formats for _, formats in kinds):
        return
    looks = kinds[0][0] if kinds else "something else"
    msg = f"{landed.contract.dataset} takes {name} files; this one looks like {looks}"
    raise RejectedError("format", msg)


def check_columns(landed: LandedFile) -> None:
    """The header names the contract's columns."""
    head, complete = landed.prefix()
    check_header(head, landed.contract, complete)


def check_text(landed: LandedFile) -> None:
    """The whole file unpacks, and its text is in one of the contract's encodings if its format is text."""
    encodings = landed.contract.file.encodings if FORMATS[landed.contract.file.name].text else ()
    decoders = {name: codecs.getincrementaldecoder(name)() for name in encodings}
    content, position, last = landed.unpacked(), 0, ""
    while True:
        chunk = content.read(CHUNK)
        for name in list(decoders):
            try:
                decoders[name].decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                last = f"{error.reason} near byte {position + error.start}"
                del decoders[name]
        if encodings and not decoders:
            msg = f"the text is not in {' or '.join(encodings)}: {last}; save it as {encodings[0]}"
            raise RejectedError("text", msg)
        if not chunk:
            return
        position += len(chunk)


CHECKS: tuple[Check, ...] = (check_size, check_hash, check_empty, check_format, check_columns, check_text)
"""In this order; the first that fails names the reason."""


def inspect(landed: LandedFile) -> None:
    """Runs every check.

    Raises:
        RejectedError: the first that failed.
    """
    for check in CHECKS:
        check(landed)


@contextmanager
def fetch(aws: Aws, bucket: str, key: str, grant: Grant, contract: Contract) -> Iterator[LandedFile | None]:
    """The landed file in a temporary file, its hash computed on the way; None where nothing (any more) is there."""
    try:
        with transient(f"get {key}"):
            answer = aws.s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if is_missing(error):
            yield None
            return
        raise
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as spool, answer["Body"] as body:
        file, digest = cast("BinaryIO", spool), hashlib.sha256()
        size = int(answer["ContentLength"])
        if size == grant.size:
            for chunk in _chunks(body):
                file.write(chunk)
                digest.update(chunk)
        yield LandedFile(grant, contract, size, digest.hexdigest(), answer["LastModified"], file)


def _chunks(body: BinaryIO) -> Iterator[bytes]:
    while True:
        with transient("read the landed file"):
            chunk = body.read(CHUNK)
        if not chunk:
            return
        yield chunk
