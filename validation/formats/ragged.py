"""Rows of delimited text that are shorter or longer than their header, where the contract has them filled.

What a short row lacks at its end is null. What a long row has beyond the header stands in columns without a name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from validation.columns import Columns, nameless
from validation.formats.block import Others


@dataclass(frozen=True, slots=True)
class Mended:
    """A row as wide as its header: the number of its record, its cells, and by name those that are rescued."""

    record: int
    cells: tuple[str | None, ...]
    further: dict[str, str] = field(default_factory=dict)


def mend(record: int, cells: Sequence[str], columns: Columns, unknown: str) -> Mended | None:
    """The row, or None if it has a value that may not be lost; `unknown` is the contract's `unknownColumns`."""
    width = len(columns.fed)
    short = (*cells[:width], *[None] * (width - len(cells)))
    beyond = {nameless(at): cell for at, cell in enumerate(cells[width:], width) if cell.strip()}
    if unknown == "ignore" or not beyond:
        return Mended(record, short)
    if unknown == "reject" or beyond.keys() & set(columns.others.values()):
        return None
    return Mended(record, short, beyond)


def merge(table: pa.Table, records: np.ndarray, mended: Sequence[Mended]) -> tuple[pa.Table, np.ndarray]:
    """The table's rows and the mended ones in the order of the file; its columns are named by position."""
    if not mended:
        return table, records
    more = {name: pa.array([row.cells[int(name)] for row in mended], pa.string()) for name in table.column_names}
    found = np.concatenate([records, [row.record for row in mended]])
    order = np.argsort(found)
    return pa.concat_tables([table, pa.table(more).cast(table.schema)]).take(pa.array(order)), found[order]


def with_further(others: Others | None, records: np.ndarray, mended: Sequence[Mended]) -> Others | None:
    """Also the rescued cells of long rows; `records` are those of all rows."""
    further = [(row.record, name, cell) for row in mended for name, cell in row.further.items()]
    if not further:
        return others
    at = np.searchsorted(records, [record for record, _, _ in further])
    names = pa.array([name for _, name, _ in further], pa.string())
    cells = pa.array([cell for _, _, cell in further], pa.string())
    if others is None:
        return Others(at, names, cells)
    both = np.concatenate([others.at, at])
    order = np.argsort(both, kind="stable")
    taken = pa.array(order)
    return Others(
        both[order],
        pa.concat_arrays([others.names, names]).take(taken),
        pa.concat_arrays([others.cells, cells]).take(taken),
    )
