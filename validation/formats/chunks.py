"""Delimited text in chunks of whole records, its trailer lines taken from its end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ledgerlake.errors import RejectedError
from validation.formats.block import Lookahead
from validation.formats.dialect import Dialect
from validation.formats.encoding import readable
from validation.formats.records import Records, find_records, holds, line_count, lone_return
from validation.formats.trailers import declarations
from validation.verdict import TrailerLine

CHUNK = 4 * 1024 * 1024  # each costs about a millisecond beside what its rows cost
TAIL = 64 * 1024  # trailer lines lie within these last bytes of a file
MAX_RECORD = 16 * CHUNK


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole records on `line_count` lines, the first on `line`; without `records`, each line is one or is empty."""

    data: memoryview
    line: int
    line_count: int
    records: Records | None
    final: bool


def chunks(ahead: Lookahead, line: int, dialect: Dialect, size: int, tail: int) -> Iterator[Chunk]:
    """Cuts after whole records; the last chunk holds at least the last `tail` bytes."""
    wanted = size + tail
    while True:
        data, final = ahead.window(wanted), ahead.is_all(wanted)
        chunk = _cut(data, line, dialect, len(data) if final else len(data) - tail, final=final)
        if chunk is None:
            wanted *= 2
            if wanted > MAX_RECORD:
                msg = f"line {line}: no record ends within {MAX_RECORD:,} bytes; is a quote left open there?"
                raise RejectedError("records", msg)
            continue
        yield chunk
        if final:
            return
        wanted = size + tail
        line += chunk.line_count
        ahead.skip(len(chunk.data))


def _cut(data: memoryview, line: int, dialect: Dialect, limit: int, *, final: bool) -> Chunk | None:
    """The chunk at the start of the data; None if not one record is complete before `limit`."""
    quoted = dialect.quote is not None and holds(data, dialect.quote)
    if not quoted and not lone_return(data):
        end = limit if final else _last_line_end(data, limit)
        return Chunk(data[:end], line, line_count(data[:end]), None, final) if end or final else None
    records = find_records(data, dialect.delimiter, dialect.quote, final=final)
    if final and records.size < len(data):
        msg = f"line {line + records.line_count}: a quote is opened and never closed"
        raise RejectedError("records", msg)
    count = len(records.starts) if final else int(np.searchsorted(records.starts, limit, "right")) - 1
    if count <= 0 and not final:
        return None
    records = records.first(count)
    return Chunk(data[: records.size], line, records.line_count, records, final)


def _last_line_end(data: memoryview, limit: int) -> int:
    """Where the last line before `limit` ends; 0 if none does."""
    near = max(0, limit - TAIL)
    found = bytes(data[near:limit]).rfind(b"\n")
    return near + found + 1 if found >= 0 or not near else bytes(data[:near]).rfind(b"\n") + 1


def without_trailers(chunk: Chunk, dialect: Dialect, size: int) -> tuple[Chunk, tuple[TrailerLine, ...]]:
    """Takes trailer lines from the end of the file, each trailer once; the first line that is none ends the search."""
    if not chunk.final or not dialect.trailers:
        return chunk, ()
    first = max(0, len(chunk.data) - size)
    tail = bytes(chunk.data[first:])
    end, line = len(tail), chunk.line + chunk.line_count
    found: list[TrailerLine] = []
    while end:
        text = tail[:end].removesuffix(b"\n").removesuffix(b"\r")
        start = max(text.rfind(b"\n"), text.rfind(b"\r")) + 1
        content = text[start:].strip()
        declared = declarations(readable(content, dialect.encodings), line - 1, dialect.trailers, found)
        if content.strip(dialect.nothing) and not (declared and _starts_record(chunk, first + start)):
            break
        found += declared
        end, line = start, line - 1
    if not found:
        return chunk, ()
    end, lines = first + end, line - chunk.line
    records = chunk.records and chunk.records.first(int(np.searchsorted(chunk.records.starts, end)))
    return Chunk(chunk.data[:end], chunk.line, lines, records, chunk.final), tuple(reversed(found))


def _starts_record(chunk: Chunk, start: int) -> bool:
    return chunk.records is None or start in chunk.records.starts


def with_records(chunk: Chunk, dialect: Dialect) -> Chunk:
    """The chunk with its records found."""
    if chunk.records is not None:
        return chunk
    return replace(chunk, records=find_records(chunk.data, dialect.delimiter, dialect.quote, final=True))
