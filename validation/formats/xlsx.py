"""Workbooks (XLSX): the rows of one sheet, as their cells read as text. A row is numbered as the sheet numbers it.

A number is a double there: its shortest decimal is what the sheet shows, and what is read. Formulas count as the value
that was saved with them.
"""

from __future__ import annotations

import csv
import io
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from itertools import islice
from typing import Any, BinaryIO, cast
from xml.parsers import expat  # it only looks whether a document type comes before the first element

import numpy as np
import openpyxl
import pyarrow as pa

from ledgerlake.errors import RejectedError
from tables.contract import Contract, Kind
from validation.columns import CHECK as HEADER
from validation.columns import Columns, fold, match, names_of, needed
from validation.container import DEFAULT_CAPS, check_packing, too_large
from validation.formats.block import Block, Broken, Format, beside
from validation.formats.trailers import declarations
from validation.verdict import TrailerLine

ROWS = 10_000
TAIL = 100  # trailer lines are among this many last rows
HEAD = 100  # a header that is found is among this many first rows
MAX_ROWS = 1_048_576
MAX_BLOCK = 16 * 1024**2
CELL = 16  # bytes of a cell beside its text
MAX_SHEET, MAX_PART = 1024**3, 256 * 1024**2
_XML_START = 64 * 1024
_AT_ONCE = 500  # rows that are asked of openpyxl in one step


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the sheet: its number, and its cells as openpyxl reads them."""

    number: int
    cells: tuple[Any, ...]

    def texts(self) -> list[str]:
        """The cells as text."""
        return [_text(cell) for cell in self.cells]

    def raw(self) -> str:
        """The row as a line of CSV."""
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(self.texts())
        return line.getvalue()

    @property
    def size(self) -> int:
        """About so many bytes; of cells that share a text each counts with its own, and a cell without a value too."""
        return CELL * len(self.cells) + sum(len(cell) for cell in self.cells if isinstance(cell, str))

    @property
    def is_blank(self) -> bool:
        """Whether no cell has a value."""
        return not any(cell is not None and str(cell).strip() for cell in self.cells)


def sniff(prefix: bytes) -> bool:
    """A zip: what is in it is seen when it is opened."""
    return prefix.startswith(b"PK\x03\x04")


def check_header(prefix: bytes, contract: Contract, complete: bool) -> None:  # noqa: FBT001  # the shape of a Format
    """The directory of the zip stands at its end: the header is compared only when all of the file is there."""
    if complete:
        with _rows(pa.BufferReader(prefix), contract) as rows:
            _header(rows, contract)


def split(stream: BinaryIO, contract: Contract) -> Iterator[Callable[[], Block]]:
    """As `Format.split`. Texts that cells share are held in memory, to at most 256 MiB."""
    with _rows(stream, contract) as rows:
        names, columns = _header(rows, contract)
        heading = tuple(map(fold, names)) if "header" in contract.file.skip_rows else ()
        some: list[_Row] = []
        size = 0
        for row in rows:
            if not row.is_blank and not (heading and _is_heading(row, heading)):
                some.append(row)
                size += row.size
            if len(some) > TAIL and (len(some) == ROWS + TAIL or size > MAX_BLOCK):
                yield partial(_block, some[:-TAIL], columns, contract, ())
                some, size = some[-TAIL:], 0
        some, trailers = _without_trailers(some, contract)
        yield partial(_block, some, columns, contract, trailers)


FORMAT = Format("xlsx", sniff, check_header, split, text=False)


@contextmanager
def _rows(stream: BinaryIO, contract: Contract) -> Iterator[Iterator[_Row]]:
    """The rows of the sheet."""
    with tempfile.SpooledTemporaryFile(16 * 1024**2) as spool:
        if not stream.seekable():
            for chunk in iter(partial(stream.read, _XML_START), b""):
                spool.write(chunk)
        file = stream if stream.seekable() else cast("BinaryIO", spool)
        file.seek(0)
        with closing(_readable(partial(_open, file))) as book:
            yield _numbered(_sheet(book, contract), file.seek(0, io.SEEK_END))


def _readable(step: Callable[[], Any]) -> Any:
    """What a step of openpyxl gives. What it makes of a damaged workbook is an error of many types."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it tells of styles, extensions and dates that it does not read
            return step()
    except RejectedError:
        raise
    except Exception as error:
        msg = f"the workbook is damaged: {error or type(error).__name__}; save it again as .xlsx"
        raise RejectedError("records", msg) from error


def _open(file: BinaryIO) -> Any:
    _check_parts(file)
    file.seek(0)
    return openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)


def _check_parts(file: BinaryIO) -> None:
    """The parts are not too large, and none has a document type."""
    with zipfile.ZipFile(file) as archive:
        for part in archive.infolist():
            check_packing(part)
            most = MAX_SHEET if part.filename.startswith("xl/worksheets/") else MAX_PART
            if part.file_size > most:
                what = f"{part.filename!r} in the workbook unpacks to {part.file_size:,} bytes"
                raise RejectedError("container", f"{what}; at most {most:,} are accepted")
            if part.filename.endswith((".xml", ".rels")):
                with archive.open(part) as content:
                    _check_start(content.read(_XML_START), part.filename)


def _check_start(start: bytes, name: str) -> None:
    """No document type before the first element, so that no entity is defined."""
    found: list[str] = []
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda _name, _attributes: found.append("element")
    parser.StartDoctypeDeclHandler = lambda *_of: found.append("doctype")
    parser.Parse(start)
    if found[:1] != ["element"]:
        msg = f"{name!r} in the workbook is no plain XML; save it again as .xlsx"
        raise RejectedError("records", msg)


def _sheet(book: Any, contract: Contract) -> Any:
    wanted = contract.file.sheet
    names = [sheet.title for sheet in book.worksheets]
    if not names or (wanted is not None and wanted not in names):
        msg = f"the workbook has no sheet {wanted or 'with rows'}; it has {', '.join(map(repr, names[:20])) or 'none'}"
        raise RejectedError(HEADER, msg)
    return book[wanted] if wanted is not None else book.worksheets[0]


def _numbered(sheet: Any, packed: int) -> Iterator[_Row]:
    sheet.reset_dimensions()  # what the sheet says of its size is not trusted
    rows = sheet.iter_rows(values_only=True)
    number = unpacked = 0
    while some := _readable(lambda: list(islice(rows, _AT_ONCE))):
        for cells in some:
            number += 1
            if number > MAX_ROWS:
                msg = f"the sheet has more than {MAX_ROWS:,} rows"
                raise RejectedError("records", msg)
            row = _Row(number, cells)
            unpacked += row.size
            if unpacked > DEFAULT_CAPS.limit(packed):
                raise too_large(packed, DEFAULT_CAPS)
            yield row


def _header(rows: Iterator[_Row], contract: Contract) -> tuple[list[str], Columns]:
    stated, known = contract.file.header, names_of(contract).known
    for row in rows:
        if row.number > (stated or HEAD):
            break
        names = row.texts()
        there = {known.get(fold(name)) for name in names} - {None}
        if stated == row.number or (
            stated is None and there and all(column.name in there for column in needed(there, contract))
        ):
            return names, match(names, contract, f"header on row {row.number}")
    where = f"on row {stated}" if stated else f"in the first {HEAD} rows"
    msg = f"no header found {where}; the names of the columns are expected there"
    raise RejectedError(HEADER, msg)


def _is_heading(row: _Row, heading: tuple[str, ...]) -> bool:
    return tuple(map(fold, row.texts()[: len(heading)])) == heading


def _without_trailers(rows: list[_Row], contract: Contract) -> tuple[list[_Row], tuple[TrailerLine, ...]]:
    """Takes trailers from the end, each that declares a total once; the first row that is none ends the search."""
    found: list[TrailerLine] = []
    while rows and len(found) < TAIL:
        declared = declarations(rows[-1].raw(), rows[-1].number, contract.file.trailers, found)
        if not declared:
            break
        found += declared
        rows = rows[:-1]
    return rows, tuple(reversed(found))


def _block(rows: list[_Row], columns: Columns, contract: Contract, trailers: tuple[TrailerLine, ...]) -> Block:
    width = len(columns.fed)
    broken = [_too_wide(row, width) for row in rows if any(_text(cell).strip() for cell in row.cells[width:])]
    numbers = {each.row for each in broken}
    rows = [row for row in rows if row.number not in numbers]
    forms = {each.name: each.formats[:1] for each in contract.columns if each.kind is Kind.DATE}
    cells = {fed: _column(rows, at, forms.get(fed, ())) for at, fed in enumerate(columns.fed) if fed}
    others = [(name, _column(rows, at, ())) for at, name in columns.others.items()]
    lines = np.array([row.number for row in rows], np.int64)
    return Block(lines, cells, partial(_raw, rows), tuple(broken), trailers, beside(others, len(rows)))


def _too_wide(row: _Row, width: int) -> Broken:
    return Broken(row.number, "columns", f"the row has {len(row.cells)} columns, the header has {width}", row.raw())


def _column(rows: list[_Row], at: int, forms: tuple[str, ...]) -> pa.StringArray:
    return pa.array([_text(row.cells[at], *forms) if at < len(row.cells) else None for row in rows], pa.string())


def _text(cell: Any, form: str = "%Y-%m-%d") -> str:
    """A cell as it would be written; a date in the form that its column declares first."""
    match cell:
        case None:
            return ""
        case bool():
            return str(cell).lower()
        case float():
            return format(Decimal(int(cell)) if cell.is_integer() else Decimal(repr(cell)), "f")
        case datetime() if cell.time() != datetime.min.time():
            return cell.isoformat()
        case date():
            return cell.strftime(form)
        case _:
            return str(cell)


def _raw(rows: list[_Row], positions: list[int]) -> list[str]:
    return [rows[position].raw() for position in positions]
