"""Delimited text (CSV and its relatives), with the true line number of every row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import BinaryIO

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from tables.contract import Contract
from validation.formats.block import Block, Broken, Format, Lookahead, Others, beside, noted
from validation.formats.chunks import CHUNK, TAIL, Chunk, chunks, with_records, without_trailers
from validation.formats.dialect import HEAD, Dialect, fields_of, find_header, open_delimited
from validation.formats.encoding import Text, readable, to_utf8
from validation.formats.ragged import Mended, mend, merge, with_further
from validation.formats.records import Records, lines_at
from validation.formats.skipped import Mask, is_skipped, suspects
from validation.verdict import TrailerLine

NO_ROWS: Mask = np.zeros(0, bool)
_DICTIONARY = pa.dictionary(pa.int32(), pa.string())
_BINARY = (b"PAR1", b"PK", b"\x1f\x8b", b"%PDF", b"\xd0\xcf\x11\xe0", b"{")


@dataclass(frozen=True, slots=True)
class _Parsed:
    """Rows as wide as their header; (number, width) of the others; which of the rows may be no data; notes."""

    table: pa.Table
    refused: list[tuple[int, int]]
    skip: Mask
    notes: dict[str, str]


def sniff(prefix: bytes) -> bool:
    """Text that does not start as another format does."""
    return not prefix.startswith(_BINARY) and (b"\0" not in prefix or prefix.startswith((b"\xff\xfe", b"\xfe\xff")))


def check_header(prefix: bytes, contract: Contract, complete: bool) -> None:  # noqa: FBT001  # the shape of a Format
    """As `Format.check_header`."""
    stream, dialect = open_delimited(pa.BufferReader(prefix), contract)
    find_header(memoryview(stream.read()), dialect, contract, final=complete)


def split(stream: BinaryIO, contract: Contract, chunk: int = CHUNK, tail: int = TAIL) -> Iterator[Callable[[], Block]]:
    """As `Format.split`; `chunk` and `tail` are sizes in bytes."""
    notes: dict[str, str] = {}
    text, dialect = open_delimited(stream, contract, notes)
    ahead = Lookahead(text)
    header = find_header(ahead.window(HEAD), dialect, contract, final=ahead.is_all(HEAD))
    ahead.skip(header.size)
    heading = header.names if "header" in dialect.skipped else ()
    dialect = replace(dialect, columns=header.columns, heading=heading)
    for each in chunks(ahead, header.line, dialect, chunk, tail):
        yield partial(noted, partial(read, each, dialect, tail), notes)


FORMAT = Format("csv", sniff, check_header, split)


def read(chunk: Chunk, dialect: Dialect, tail: int = TAIL) -> Block:
    """One block."""
    chunk, trailers = without_trailers(chunk, dialect, tail)
    text = to_utf8(chunk.data, chunk.records, dialect.encodings, chunk.line)
    if text is None:
        chunk = with_records(chunk, dialect)
        text = to_utf8(chunk.data, chunk.records, dialect.encodings, chunk.line) or Text(b"")
    table, refused = _parse(text.data, dialect)
    found = table.num_rows + len(refused)
    width = len(dialect.columns.fed)
    skip = suspects(table, dialect) if dialect.skipped else NO_ROWS
    if chunk.records is None and found == chunk.line_count and not refused and width > 1 and not skip.any():
        rows = np.arange(chunk.line, chunk.line + found)
        raw = partial(_plain_lines, chunk, dialect)
        return Block(rows, _cells(table, dialect), raw, (), trailers, _others(table, dialect), text.notes)
    return _numbered(with_records(chunk, dialect), dialect, _Parsed(table, refused, skip, text.notes), trailers)


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


def _plain_lines(chunk: Chunk, dialect: Dialect, positions: Sequence[int]) -> list[str]:
    """The text of rows, each of which is a line."""
    return [readable(line, dialect.encodings) for line in lines_at(chunk.data, positions)]


def _raw_lines(
    chunk: Chunk, records: Records, dialect: Dialect, kept: np.ndarray, positions: Sequence[int]
) -> list[str]:
    at = kept[np.asarray(positions, np.int64)]
    return [readable(bytes(chunk.data[records.starts[i] : records.ends[i]]), dialect.encodings) for i in at]


def _numbered(chunk: Chunk, dialect: Dialect, parsed: _Parsed, trailers: tuple[TrailerLine, ...]) -> Block:
    """A block with empty lines, quoted line ends or records of a wrong width: numbered by its records."""
    records, table, refused, skip = chunk.records, parsed.table, parsed.refused, parsed.skip
    assert records is not None  # noqa: S101  # the caller's promise
    filled = np.flatnonzero(records.ends > records.starts)
    if len(filled) != table.num_rows + len(refused):
        msg = f"from line {chunk.line}: {len(filled)} records found, {table.num_rows + len(refused)} parsed"
        raise RuntimeError(msg)
    good = np.ones(len(filled), bool)
    good[[number - 1 for number, _ in refused]] = False
    kept = filled[good]
    if len(dialect.columns.fed) == 1:
        skip = np.ones(len(kept), bool)
    if skip.any():
        some = ~skip
        some[skip] = [
            not is_skipped(bytes(chunk.data[records.starts[i] : records.ends[i]]), dialect) for i in kept[skip]
        ]
        table, kept = table.filter(pa.array(some)), kept[some]
    mended, broken = _told_apart(
        chunk, records, dialect, [(int(filled[number - 1]), width) for number, width in refused]
    )
    table, kept = merge(table, kept, mended)
    others = with_further(_others(table, dialect), kept, mended)
    raw = partial(_raw_lines, chunk, records, dialect, kept)
    return Block(chunk.line + records.lines[kept], _cells(table, dialect), raw, broken, trailers, others, parsed.notes)


def _told_apart(
    chunk: Chunk, records: Records, dialect: Dialect, refused: list[tuple[int, int]]
) -> tuple[list[Mended], tuple[Broken, ...]]:
    """Records of another width than the header's, given with their widths: filled, broken, or blank lines."""
    mended: list[Mended] = []
    broken: list[Broken] = []
    for at, width in refused:
        raw = bytes(chunk.data[records.starts[at] : records.ends[at]])
        if is_skipped(raw, dialect):
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
        return mend(record, fields_of(text, dialect), dialect.columns, dialect.fills)
    except ValueError:
        return None
