"""Opens what was uploaded: gzip and single-member zip are unwrapped, with caps, as they are read.

Nothing is unpacked ahead of its reader, so that a bomb costs one read before it is refused.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass, field
from gzip import BadGzipFile, GzipFile
from typing import BinaryIO, TypeAlias, cast

import pyarrow as pa

from ledgerlake.errors import RejectedError

GZIP = b"\x1f\x8b"
ZIP = b"PK\x03\x04"
EMPTY_ZIP = b"PK\x05\x06"
_DAMAGE = (BadGzipFile, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


@dataclass(frozen=True, slots=True)
class Caps:
    """How much a packed file may unpack to: `size` bytes in all, and `ratio` times its own size above `grace` bytes."""

    size: int = 4 * 1024**3
    ratio: int = 200
    grace: int = 16 * 1024**2

    def limit(self, packed: int) -> int:
        """How many bytes so many packed ones may become."""
        return min(self.size, max(self.grace, packed * self.ratio))


DEFAULT_CAPS = Caps()
Data: TypeAlias = bytes | bytearray | memoryview | pa.Buffer


def open_container(data: Data | BinaryIO, caps: Caps = DEFAULT_CAPS) -> BinaryIO:
    """A readable stream of the file itself; `data` is the file as uploaded, in memory or as a seekable stream.

    Raises:
        RejectedError: here for a zip that is damaged, encrypted or has not exactly one member; while reading for a
            damaged body and for one that unpacks beyond `caps`.
    """
    stream = as_stream(data) if isinstance(data, bytes | bytearray | memoryview | pa.Buffer) else data
    stream.seek(0)
    magic = stream.read(4)
    stream.seek(0)
    if magic.startswith(GZIP):
        unpacked = cast("BinaryIO", GzipFile(fileobj=stream, mode="rb"))
        return cast("BinaryIO", _Capped(unpacked, _packed_size(stream), caps))
    if magic in (ZIP, EMPTY_ZIP) and not _is_workbook(stream):
        return cast("BinaryIO", _Capped(_only_member(stream), _packed_size(stream), caps))
    return stream


def _is_workbook(stream: BinaryIO) -> bool:
    """Whether a zip is itself the file: the Office formats are zips with a list of their parts' types."""
    try:
        return "[Content_Types].xml" in zipfile.ZipFile(stream).namelist()
    except (*_DAMAGE, ValueError, OSError) as error:
        raise _damaged(error) from error
    finally:
        stream.seek(0)


def as_stream(data: Data) -> BinaryIO:
    """Bytes as a stream, without a copy."""
    return cast("BinaryIO", pa.BufferReader(data if isinstance(data, pa.Buffer) else pa.py_buffer(data)))


def _packed_size(stream: BinaryIO) -> int:
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    return size


def _only_member(stream: BinaryIO) -> BinaryIO:
    try:
        archive = zipfile.ZipFile(stream)
        members = [member for member in archive.infolist() if not member.is_dir()]
        if len(members) != 1:
            msg = f"the zip has {len(members)} files; send a zip with exactly one, or the file itself"
            raise RejectedError("container", msg)
        if members[0].flag_bits & 1:
            msg = f"{members[0].filename!r} in the zip is encrypted; send it without a password"
            raise RejectedError("container", msg)
        check_packing(members[0])
        return cast("BinaryIO", archive.open(members[0]))
    except (*_DAMAGE, ValueError, OSError) as error:
        raise _damaged(error) from error


def check_packing(member: zipfile.ZipInfo) -> None:
    """A member is stored or deflated. Of other methods Python unpacks all that it was given in one step.

    Raises:
        RejectedError: it is packed in another way.
    """
    if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        msg = f"{member.filename!r} in the zip is packed by method {member.compress_type}; pack it with deflate (8)"
        raise RejectedError("container", msg)


def too_large(packed: int, caps: Caps) -> RejectedError:
    """What is said of a file that unpacks beyond its caps."""
    msg = (
        f"{packed:,} bytes unpack to more than {caps.limit(packed):,}; at most {caps.ratio} times the packed "
        f"size and {caps.size:,} bytes are accepted: send the file in parts"
    )
    return RejectedError("container", msg)


def _damaged(error: Exception) -> RejectedError:
    return RejectedError("container", f"the archive is damaged: {error or type(error).__name__}; pack it again")


@dataclass
class _Capped(io.RawIOBase):
    """The unpacked bytes of `inner`, counted as they are read."""

    inner: BinaryIO
    packed: int
    caps: Caps
    taken: int = field(default=0, init=False)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """As `RawIOBase.read`, but full: fewer bytes than asked for only at the end."""
        limit = self.caps.limit(self.packed)
        wanted = limit - self.taken + 1 if size is None or size < 0 else min(size, limit - self.taken + 1)
        try:
            data = self.inner.read(wanted)
        except _DAMAGE as error:
            raise _damaged(error) from error
        self.taken += len(data)
        if self.taken > limit:
            raise too_large(self.packed, self.caps)
        return data
