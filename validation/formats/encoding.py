"""Bytes to UTF-8, in the encodings a contract declares, in their order."""

from __future__ import annotations

import codecs
import io
import re
from dataclasses import dataclass, field
from functools import cache
from typing import BinaryIO, cast

import numpy as np
import pyarrow as pa

from ledgerlake.errors import RejectedError
from validation.formats.block import read_fully
from validation.formats.records import Records

CHECK = "encoding"
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_READ = 1024 * 1024


def open_text(
    stream: BinaryIO, encodings: tuple[str, ...], notes: dict[str, str] | None = None
) -> tuple[BinaryIO, tuple[str, ...]]:
    """The stream after its byte order mark, and the encodings that its lines may have.

    A file in an encoding that does not keep ASCII bytes as they are (UTF-16, Shift-JIS) is read as UTF-8. `notes`
    remembers a mark of another encoding than the first.

    Raises:
        RejectedError: the byte order mark names an encoding that is not declared; while reading: a byte cannot be read.
    """
    start = stream.tell() if stream.seekable() else None
    head = read_fully(stream, 4)
    mark, marked = next(((mark, name) for mark, name in _MARKS if head.startswith(mark)), (b"", None))
    declared = tuple(_normal(name) for name in encodings)
    if marked and marked not in {re.sub("-(?:le|be)$", "", name) for name in declared}:
        msg = f"the file says it is {marked.upper()}; accepted: {', '.join(encodings)}"
        raise RejectedError(CHECK, msg)
    if marked and notes is not None and not declared[0].startswith(marked):
        notes[marked] = f"the file is read as {marked}: it begins with the byte order mark of that"
    skipped = len(mark) if marked == "utf-8" else 0
    if start is None:
        text = cast("BinaryIO", _Prefixed(head[skipped:], stream))
    else:
        text = stream
        text.seek(start + skipped)
    wide = marked or (declared[0] if not _keeps_ascii(declared[0]) else None)
    if wide in (None, "utf-8"):
        return text, ("utf-8",) if marked else tuple(name for name in declared if _keeps_ascii(name))
    return cast("BinaryIO", _Recoded(text, wide)), ("utf-8",)


@dataclass(frozen=True, slots=True)
class Text:
    """Records in UTF-8. `notes` tells, for each encoding but the first that was needed, where and why."""

    data: memoryview | bytes
    notes: dict[str, str] = field(default_factory=dict)


def to_utf8(data: memoryview, records: Records | None, encodings: tuple[str, ...], first_line: int) -> Text | None:
    """The same records in UTF-8, or None if `records` are needed to tell.

    Each record has the first encoding that reads all of it, whatever stands beside it.

    Raises:
        RejectedError: names the line that no encoding can read.
    """
    if encodings[0] == "utf-8" and _is_utf8(data):
        return Text(data)
    if encodings[0] != "utf-8" or len(encodings) == 1:
        try:
            return Text(bytes(data).decode(encodings[0]).encode())
        except UnicodeDecodeError:
            pass
    if records is None:
        return None
    notes: dict[str, str] = {}
    texts = [
        decoded(bytes(data[start:end]), encodings, first_line + int(line), notes).encode()
        for start, end, line in zip(records.starts, records.ends, records.lines, strict=True)
    ]
    return Text(b"\n".join(texts), notes)


def readable(data: bytes, encodings: tuple[str, ...]) -> str:
    """The text in the first encoding that reads it; a byte that none can read is replaced."""
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode(encodings[0], "replace")


def decoded(data: bytes, encodings: tuple[str, ...], line: int, notes: dict[str, str] | None = None) -> str:
    """The text in the first encoding that reads it; `notes` remembers the first line of each but the first encoding.

    Raises:
        RejectedError: names the line and the byte that no encoding can read.
    """
    failed: list[str] = []
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError as error:
            failed.append(f"byte 0x{data[error.start]:02x} cannot be read as {encoding}")
            continue
        if failed and notes is not None:
            notes.setdefault(encoding, f"line {line} is read as {encoding}: {' and '.join(failed)}")
        return text
    wanted = " or ".join(encodings)
    msg = f"line {line}: {failed[-1].partition(' as ')[0]} as {wanted}; save the file as UTF-8"
    raise RejectedError(CHECK, msg)


def _is_utf8(data: memoryview) -> bool:
    ends = pa.py_buffer(np.array([0, len(data)], np.int32))
    text = pa.Array.from_buffers(pa.string(), 1, [None, ends, pa.py_buffer(data)])
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _normal(name: str) -> str:
    return codecs.lookup(name).name.removesuffix("-sig")


@cache
def _keeps_ascii(name: str) -> bool:
    """Whether a byte below 128 is that ASCII character wherever it stands."""
    return name == "utf-8" or all(
        bytes([lead, 0x7C]).decode(name, "replace")[-1:] == "|"
        and len(bytes([lead, 0x7C]).decode(name, "replace")) == 2  # noqa: PLR2004
        for lead in range(256)
    )


@dataclass
class _Prefixed(io.RawIOBase):
    """Bytes already taken from a stream, then the rest of it."""

    head: bytes
    rest: BinaryIO

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not self.head:
            return self.rest.read(size)
        if size is None or size < 0:
            taken, self.head = self.head + self.rest.read(), b""
        else:
            taken, self.head = self.head[:size], self.head[size:]
        return taken


@dataclass
class _Recoded(io.RawIOBase):
    """A stream in any encoding, as UTF-8."""

    inner: BinaryIO
    encoding: str
    buffered: bytes = b""
    _decoder: codecs.IncrementalDecoder = field(init=False)

    def __post_init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder(self.encoding)()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while size is None or size < 0 or len(self.buffered) < size:
            data = self.inner.read(_READ)
            try:
                self.buffered += self._decoder.decode(data, final=not data).encode()
            except (UnicodeDecodeError, UnicodeEncodeError) as error:
                msg = f"the file cannot be read as {self.encoding}: {error.reason}; save it as UTF-8"
                raise RejectedError(CHECK, msg) from error
            if not data:
                break
        cut = len(self.buffered) if size is None or size < 0 else size
        taken, self.buffered = self.buffered[:cut], self.buffered[cut:]
        return taken
