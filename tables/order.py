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

    Without columns all rows are equal.
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


def last_of_group(*sorted_columns: Ints) -> Flags:
    """Whether row i is the last of its group of equal rows."""
    last = np.ones(sorted_columns[0].size, dtype=bool)
    last[:-1] = np.logical_or.reduce([column[1:] != column[:-1] for column in sorted_columns])
    return last
