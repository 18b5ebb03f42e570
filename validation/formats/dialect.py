"""How one delimited file is written: what its contract declares, and what its own header says."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from typing import BinaryIO

from ledgerlake.errors import RejectedError
from tables.contract import Contract, Trailer
from validation.columns import CHECK, Columns, fold, match, names_of, needed
from validation.formats.encoding import open_text, readable
from validation.formats.records import find_records
from validation.parse import DISTINCT

HEAD = 64 * 1024  # preamble and header lie within these first bytes of a file
BLANK = b" \t\v\f"
_LINE_END = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one file is written: its contract's options, and its own header.

    `nothing` are the characters that make no row: blanks, and where blank rows are skipped the delimiter and the quote.
    `heading` are the names of the header where its repeats are skipped. `fills` is None where a row of another width
    than the header's is refused, else the contract's `unknownColumns`. The texts of `distinct` columns are read as
    dictionaries.
    """

    delimiter: bytes
    quote: bytes | None
    encodings: tuple[str, ...]
    trailers: tuple[Trailer, ...]
    nothing: bytes = BLANK
    fills: str | None = None
    distinct: frozenset[str] = frozenset()
    columns: Columns = field(default_factory=Columns)
    skipped: frozenset[str] = frozenset()
    heading: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Header:
    """Where the data starts, on which line, what its columns are, and how the header names them."""

    size: int
    line: int
    columns: Columns
    names: tuple[str, ...]


def open_delimited(
    stream: BinaryIO, contract: Contract, notes: dict[str, str] | None = None
) -> tuple[BinaryIO, Dialect]:
    """The text of a file, and its dialect as far as the contract tells it; `notes` as in `open_text`."""
    file = contract.file
    text, encodings = open_text(stream, file.encodings, notes)
    delimiter, quote = file.delimiter.encode(), file.quote.encode() if file.quote else None
    nothing = BLANK.replace(delimiter, b"")
    return text, Dialect(
        delimiter,
        quote,
        encodings,
        file.trailers,
        nothing + delimiter + (quote or b"") if "blank" in file.skip_rows else nothing,
        file.unknown_columns if file.ragged_rows == "fill" else None,
        frozenset(column.name for column in contract.columns if column.kind in DISTINCT),
        skipped=frozenset(file.skip_rows),
    )


def find_header(data: memoryview, dialect: Dialect, contract: Contract, *, final: bool) -> Header:
    """The header on the line that the contract states, or the first record that names all that a file must have.

    Raises:
        RejectedError: there is none, or it does not suit the contract.
    """
    if contract.file.header is None:
        return _found(data, dialect, contract, final=final)
    number, start = contract.file.header, 0
    for _ in range(number - 1):
        end = _LINE_END.search(data, start)
        start = end.end() if end else len(data)
    records = find_records(data[start:], dialect.delimiter, dialect.quote, final=final).first(1)
    text = readable(bytes(data[start : start + int(records.ends[0])]), dialect.encodings) if len(records.ends) else ""
    if not text.strip():
        msg = f"line {number}: no header found; the names of the columns are expected there"
        raise RejectedError(CHECK, msg)
    return _header(_names(text, dialect), start + records.size, number, records.line_count, contract)


def _found(data: memoryview, dialect: Dialect, contract: Contract, *, final: bool) -> Header:
    head = data[:HEAD]
    records = find_records(head, dialect.delimiter, dialect.quote, final=final and len(head) == len(data))
    known = names_of(contract).known
    for at, (start, end) in enumerate(zip(records.starts, records.ends, strict=True)):
        names = _names(readable(bytes(head[start:end]), dialect.encodings), dialect)
        there = {known.get(fold(name)) for name in names} - {None}
        if there and all(column.name in there for column in needed(there, contract)):
            upto = records.first(at + 1)
            line = int(records.lines[at])
            return _header(names, upto.size, line + 1, upto.line_count - line, contract)
    wanted = " and ".join(repr(column.name) for column in needed((), contract)) or "a column of the contract"
    msg = f"no header found in the first {len(records.starts)} lines: one that names {wanted} (or an alias) is expected"
    raise RejectedError(CHECK, msg)


def _names(text: str, dialect: Dialect) -> list[str]:
    try:
        return fields_of(text, dialect)
    except ValueError:
        return []  # no names, and no header


def _header(names: list[str], size: int, line: int, lines: int, contract: Contract) -> Header:
    columns = match(names, contract, f"header on line {line}")
    return Header(size, line + lines, columns, tuple(map(fold, names)))


def fields_of(text: str, dialect: Dialect) -> list[str]:
    """The cells of one record; an empty one has none.

    Raises:
        ValueError: a cell has more than 131,072 characters.
    """
    quote = dialect.quote.decode() if dialect.quote else None
    try:
        rows = csv.reader(
            [text],
            delimiter=dialect.delimiter.decode(),
            quotechar=quote,
            quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        )
        return next(rows, [])
    except csv.Error as error:
        raise ValueError(str(error)) from error
