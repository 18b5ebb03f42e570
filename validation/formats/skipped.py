"""Rows that are no data where the contract says so: blank ones (delimiters only), and repeats of the header."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from validation.columns import fold
from validation.formats.dialect import Dialect, fields_of
from validation.formats.encoding import readable
from validation.text import byte_lengths, trim

Mask = npt.NDArray[np.bool_]


def suspects(table: pa.Table, dialect: Dialect) -> Mask:
    """The rows that may be no data by those cells that were read; columns are named by position."""
    found = np.zeros(table.num_rows, bool)
    if "blank" in dialect.skipped and table.num_rows:
        found |= _all_empty(table)
    if dialect.heading and table.num_rows:
        at = table.column_names[0]
        cells = _texts(table.column(at))
        found |= _mask(pc.equal(pc.utf8_lower(trim(cells)), dialect.heading[int(at)].lower()))
    return found


def is_skipped(raw: bytes, dialect: Dialect) -> bool:
    """Whether a record is no data."""
    if not raw.strip(dialect.nothing):
        return True
    return bool(dialect.heading) and _is_heading(raw, dialect)


def _is_heading(raw: bytes, dialect: Dialect) -> bool:
    try:
        cells = fields_of(readable(raw, dialect.encodings), dialect)
    except ValueError:
        return False
    width = len(dialect.heading)
    return tuple(map(fold, cells[:width])) == dialect.heading and not "".join(cells[width:]).strip()


def _all_empty(table: pa.Table) -> Mask:
    empty = np.ones(table.num_rows, bool)
    for column in table.columns:
        if not empty.any():
            break
        cells = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
        if pa.types.is_dictionary(cells.type):
            empty &= (byte_lengths(trim(cells.dictionary)) == 0)[cells.indices.to_numpy()]
        else:
            empty &= byte_lengths(trim(cells)) == 0
    return empty


def _texts(column: pa.ChunkedArray) -> pa.StringArray:
    cells = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    return cells.dictionary_decode() if pa.types.is_dictionary(cells.type) else cells


def _mask(flags: pa.BooleanArray) -> Mask:
    return np.asarray(pc.fill_null(flags, False).to_numpy(zero_copy_only=False), bool)
