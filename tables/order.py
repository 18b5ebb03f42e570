"""Order and equality of rows as whole numbers, so that numpy can sort and group rows of any type.

Values are compared as typed values, never as text; null equals null and is below every value.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def codes(columns: pa.Table, *, ordered: bool = False) -> Ints:
    """One number for each row: equal for equal rows; ascending with the values if `ordered`.

    Without columns all rows are equal. Numbers are small: there are none far above the number of rows.
    """
    found = np.zeros(columns.num_rows, dtype=np.int64)
    for column in columns.itercolumns():
        array = column.combine_chunks()
        numbers = ints(
            pc.rank(array, sort_keys="ascending", null_placement="at_start", tiebreaker="dense")
            if ordered
            else pc.dictionary_encode(array, null_encoding="encode").indices,
        )
        paired = found * (int(numbers.max(initial=0)) + 1) + numbers
        found = paired if not found.any() else np.unique(paired, return_inverse=True)[1].astype(np.int64)
    return found


def distinct(rows: pa.Table) -> int:
    """How many different rows there are."""
    return int(np.unique(codes(rows)).size)


def ints(values: pa.Array | pa.ChunkedArray) -> Ints:
    """The values of a whole-number column without nulls."""
    return np.asarray(values.cast(pa.int64()).to_numpy())


def unlike(left: pa.Table, right: pa.Table) -> Flags:
    """Whether row i of the one differs from row i of the other, in any of their columns."""
    found = np.zeros(left.num_rows, dtype=bool)
    for one, other in zip(left.itercolumns(), right.itercolumns(), strict=True):
        found |= pc.fill_null(pc.not_equal(one, other), False).to_numpy()
        found |= pc.not_equal(one.is_null(), other.is_null()).to_numpy()
    return found


def new_group(*columns: Ints | Flags) -> Flags:
    """Whether row i begins a group of rows that are equal in all columns; the first row does."""
    first = np.ones(columns[0].size, dtype=bool)
    first[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    return first


def last_of_group(*sorted_columns: Ints | Flags) -> Flags:
    """Whether row i is the last of its group of equal rows."""
    last = np.ones(sorted_columns[0].size, dtype=bool)
    last[:-1] = new_group(*sorted_columns)[1:]
    return last


def changed(rows: pa.Table, order: Ints) -> Flags:
    """Whether each row, in that order, differs from the one before it; the first does."""
    found = np.ones(order.size, dtype=bool)
    found[1:] = bool(rows.num_columns) and unlike(rows.take(pa.array(order[1:])), rows.take(pa.array(order[:-1])))
    return found


def latest(flags: Flags) -> Ints:
    """The highest position up to i that is flagged; position 0 where there is none."""
    return np.maximum.accumulate(np.where(flags, np.arange(flags.size), 0))
