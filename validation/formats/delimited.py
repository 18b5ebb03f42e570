"""Delimited text (CSV and its relatives), with the true line number of every row."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import BinaryIO

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from ledgerlake.errors import RejectedError
from tables.contract import Contract, Trailer
from validation.columns import CHECK, Columns, match
from validation.formats.block import Block, Broken, Format, Lookahead, Others, beside
from validation.formats.encoding import open_text, readable, to_utf8
from validation.formats.ragged import Mended, mend, merge, with_further
from validation.formats.records import Records, find_records, holds, line_count, lone_return
from validation.parse import DISTINCT
from validation.verdict import TrailerLine

CHUNK = 2 * 1024 * 1024
HEAD = 64 * 1024  # preamble and header lie within these first bytes of a file
TAIL = 64 * 1024  # trailer lines lie within these last bytes of a file
MAX_RECORD = 32 * CHUNK
_LINE_END = re.compile(rb"\r\n|\r|\n")
BLANK = b" \t\v\f"
_DICTIONARY = pa.dictionary(pa.int32(), pa.string())
_BINARY = (b"PAR1", b"PK", b"\x1f\x8b", b"%PDF", b"\xd0\xcf\x11\xe0", b"{")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one file is written: its contract's options, and its own header.

    `fills` is None where a row of another width than the header's is refused, else the contract's `unknownColumns`.
    The texts of `distinct` columns are read as dictionaries.
    """

    delimiter: bytes
    quote: bytes | None
    encodings: tuple[str, ...]
    trailers: tuple[tuple[re.Pattern[str], Trailer], ...]
    fills: str | None = None
    distinct: frozenset[str] = frozenset()
    columns: Columns = field(default_factory=Columns)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole records on `line_count` lines, the first on `line`; without `records`, each line is one or is empty."""

    data: memoryview
    line: int
    line_count: int
    records: Records | None
    final: bool


def sniff(prefix: bytes) -> bool:
    """Text that does not start as another format does."""
    return not prefix.startswith(_BINARY) and (b"\0" not in prefix or prefix.startswith((b"\xff\xfe", b"\xfe\xff")))


def check_header(prefix: bytes, contract: Contract, complete: bool) -> None:  # noqa: FBT001  # the shape of a Format
    """As `Format.check_header`."""
    stream, dialect = _open(pa.BufferReader(prefix), contract)
    _header(memoryview(stream.read()), dialect, contract, final=complete)


def split(stream: BinaryIO, contract: Contract, chunk: int = CHUNK, tail: int = TAIL) -> Iterator[Callable[[], Block]]:
    """As `Format.split`; `chunk` and `tail` are sizes in bytes."""
    text, dialect = _open(stream, contract)
    ahead = Lookahead(text)
    start, line, columns = _header(ahead.window(HEAD), dialect, contract, final=ahead.is_all(HEAD))
    ahead.skip(start)
    dialect = replace(dialect, columns=columns)
    for each in _chunks(ahead, line, dialect, chunk, tail):
        yield partial(read, each, dialect, tail)


FORMAT = Format("csv", sniff, check_header, split)


def _open(stream: BinaryIO, contract: Contract) -> tuple[BinaryIO, Dialect]:
    file = contract.file
    text, encodings = open_text(stream, file.encodings)
    trailers = tuple((re.compile(trailer.pattern, re.ASCII), trailer) for trailer in file.trailers)
    quote = file.quote.encode() if file.quote else None
    fills = file.unknown_columns if file.ragged_rows == "fill" else None
    distinct = frozenset(column.name for column in contract.columns if column.kind in DISTINCT)
    return text, Dialect(file.delimiter.encode(), quote, encodings, trailers, fills, distinct)


def _header(data: memoryview, dialect: Dialect, contract: Contract, *, final: bool) -> tuple[int, int, Columns]:
    """Where the data starts, on which line, and what its columns are."""
    number, start = contract.file.header, 0
    for _ in range(number - 1):
        end = _LINE_END.search(data, start)
        start = end.end() if end else len(data)
    records = find_records(data[start:], dialect.delimiter, dialect.quote, final=final).first(1)
    text = readable(bytes(data[start : start + int(records.ends[0])]), dialect.encodings) if len(records.ends) else ""
    if not text.strip():
        msg = f"line {number}: no header found; the names of the columns are expected there"
        raise RejectedError(CHECK, msg)
    columns = match(_fields(text, dialect), contract, f"header on line {number}")
    return start + records.size, number + records.line_count, columns


def _fields(text: str, dialect: Dialect) -> list[str]:
    quote = dialect.quote.decode() if dialect.quote else None
    return next(
        csv.reader(
            [text],
            delimiter=dialect.delimiter.decode(),
            quotechar=quote,
            quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        )
    )


def _chunks(ahead: Lookahead, line: int, dialect: Dialect, size: int, tail: int) -> Iterator[Chunk]:
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


def read(chunk: Chunk, dialect: Dialect, tail: int = TAIL) -> Block:
    """One block."""
    chunk, trailers = _without_trailers(chunk, dialect, tail)
    utf8 = to_utf8(chunk.data, chunk.records, dialect.encodings, chunk.line)
    if utf8 is None:
        chunk = _with_records(chunk, dialect)
        utf8 = to_utf8(chunk.data, chunk.records, dialect.encodings, chunk.line)
    table, refused = _parse(utf8 if utf8 is not None else b"", dialect)
    found = table.num_rows + len(refused)
    width = len(dialect.columns.fed)
    if chunk.records is None and found == chunk.line_count and not refused and width > 1:
        rows = np.arange(chunk.line, chunk.line + found)
        raw = partial(_raw_lines, chunk, dialect, None)
        return Block(rows, _cells(table, dialect), raw, (), trailers, _others(table, dialect))
    return _numbered(_with_records(chunk, dialect), dialect, table, refused, trailers)


def _without_trailers(chunk: Chunk, dialect: Dialect, size: int) -> tuple[Chunk, tuple[TrailerLine, ...]]:
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
        wanted = [each for each in dialect.trailers if each[1] not in [already.trailer for already in found]]
        declared = [
            TrailerLine(line - 1, trailer, matched[1])
            for pattern, trailer in wanted
            if (matched := pattern.fullmatch(readable(content, dialect.encodings)))
        ]
        if content and not (declared and _starts_record(chunk, first + start)):
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


def _with_records(chunk: Chunk, dialect: Dialect) -> Chunk:
    if chunk.records is not None:
        return chunk
    return replace(chunk, records=find_records(chunk.data, dialect.delimiter, dialect.quote, final=True))


def _parse(data: memoryview | bytes, dialect: Dialect) -> tuple[pa.Table, list[tuple[int, int]]]:
    """All cells as text, and (number, width) of the records of another width than the header's."""
    columns = dialect.columns
    names = [str(position) for position in range(len(columns.fed))]
    wanted = {
        str(at): _DICTIONARY if fed in dialect.distinct else pa.string()
        for at, fed in enumerate(columns.fed)
        if fed or at in columns.others
    } or {names[0]: pa.string()}
    if not len(data):
        return pa.schema(wanted).empty_table(), []
    refused: list[tuple[int, int]] = []

    def skip(row: arrow_csv.InvalidRow) -> str:
        refused.append((row.number, row.actual_columns))
        return "skip"

    table = arrow_csv.read_csv(
        pa.BufferReader(pa.py_buffer(data)),
        arrow_csv.ReadOptions(use_threads=False, column_names=names, block_size=len(data) + 1),
        arrow_csv.ParseOptions(
            delimiter=dialect.delimiter.decode(),
            newlines_in_values=True,
            invalid_row_handler=skip,
            quote_char=dialect.quote.decode() if dialect.quote else False,
        ),
        arrow_csv.ConvertOptions(
            check_utf8=False,
            column_types=wanted,
            include_columns=list(wanted),
            strings_can_be_null=False,
        ),
    )
    return table, refused


def _cells(table: pa.Table, dialect: Dialect) -> dict[str, pa.Array]:
    return {fed: _column(table, position) for position, fed in enumerate(dialect.columns.fed) if fed}


def _others(table: pa.Table, dialect: Dialect) -> Others | None:
    named = [(name, _column(table, position)) for position, name in dialect.columns.others.items()]
    return beside(named, table.num_rows)


def _column(table: pa.Table, position: int) -> pa.Array:
    column = table.column(str(position))
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _raw_lines(chunk: Chunk, dialect: Dialect, kept: np.ndarray | None, positions: Sequence[int]) -> list[str]:
    records = _with_records(chunk, dialect).records
    assert records is not None  # noqa: S101  # set in the line above
    at = np.asarray(positions, np.int64) if kept is None else kept[np.asarray(positions, np.int64)]
    return [readable(bytes(chunk.data[records.starts[i] : records.ends[i]]), dialect.encodings) for i in at]


def _numbered(
    chunk: Chunk, dialect: Dialect, table: pa.Table, refused: list[tuple[int, int]], trailers: tuple[TrailerLine, ...]
) -> Block:
    """A block with empty lines, quoted line ends or records of a wrong width: numbered by its records."""
    records = chunk.records
    assert records is not None  # noqa: S101  # the caller's promise
    filled = np.flatnonzero(records.ends > records.starts)
    if len(filled) != table.num_rows + len(refused):
        msg = f"from line {chunk.line}: {len(filled)} records found, {table.num_rows + len(refused)} parsed"
        raise RuntimeError(msg)
    blank = BLANK.replace(dialect.delimiter, b"")
    good = np.ones(len(filled), bool)
    good[[number - 1 for number, _ in refused]] = False
    kept = filled[good]
    if len(dialect.columns.fed) == 1:
        some = np.array([bool(bytes(chunk.data[records.starts[i] : records.ends[i]]).strip(blank)) for i in kept], bool)
        table, kept = table.filter(pa.array(some)), kept[some]
    mended, broken = _told_apart(
        chunk, records, dialect, [(int(filled[number - 1]), width) for number, width in refused]
    )
    table, kept = merge(table, kept, mended)
    others = with_further(_others(table, dialect), kept, mended)
    raw = partial(_raw_lines, chunk, dialect, kept)
    return Block(chunk.line + records.lines[kept], _cells(table, dialect), raw, broken, trailers, others)


def _told_apart(
    chunk: Chunk, records: Records, dialect: Dialect, refused: list[tuple[int, int]]
) -> tuple[list[Mended], tuple[Broken, ...]]:
    """Records of another width than the header's, given with their widths: filled, broken, or blank lines."""
    mended: list[Mended] = []
    broken: list[Broken] = []
    for at, width in refused:
        raw = bytes(chunk.data[records.starts[at] : records.ends[at]])
        if not raw.strip(BLANK.replace(dialect.delimiter, b"")):
            continue
        row = _mended(at, readable(raw, dialect.encodings), dialect)
        if row:
            mended.append(row)
        else:
            message = f"the row has {width} columns, the header has {len(dialect.columns.fed)}"
            line = chunk.line + int(records.lines[at])
            broken.append(Broken(line, "columns", message, readable(raw, dialect.encodings)))
    return mended, tuple(broken)


def _mended(record: int, text: str, dialect: Dialect) -> Mended | None:
    if dialect.fills is None:
        return None
    try:
        return mend(record, _fields(text, dialect), dialect.columns, dialect.fills)
    except csv.Error:  # a cell of more than 131,072 characters
        return None
