"""Reasons of refused rows, collected by check and given out by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from validation.formats.block import Block, Broken
from validation.moments import written
from validation.verdict import QUARANTINED, REASON

FEW = 64
"""Refused rows of a block, up to which it is cut around them."""
NOTHING_REFUSED = QUARANTINED.empty_table()


@dataclass(frozen=True, slots=True)
class Refusal:
    """One check that some rows of a block failed: their positions, their cells, and a message for each."""

    rule: str
    column: str | None
    positions: np.ndarray
    values: Sequence[str | None]
    messages: Sequence[str]


def failing(fine: pa.BooleanArray, cells: pa.Array) -> np.ndarray:
    """Positions of the cells that are there and not fine."""
    if pc.all(fine, min_count=0).as_py():
        return np.zeros(0, np.int64)
    wrong = pc.invert(fine)
    return positions(pc.and_(wrong, pc.is_valid(cells)) if cells.null_count else wrong)


def positions(mask: pa.BooleanArray) -> np.ndarray:
    """Where a mask is true."""
    found: np.ndarray = pc.indices_nonzero(mask).to_numpy()
    return found.astype(np.int64)


def cell_texts(cells: pa.Array, at: np.ndarray) -> list[str | None]:
    """Some cells as text."""
    found = pc.take(cells, pa.array(at))
    try:
        return [None if cell is None else str(cell) for cell in found.to_pylist()]
    except (OverflowError, ValueError):  # a date or time that Python has not
        return list(written(found).to_pylist())


def refused_positions(refusals: Sequence[Refusal]) -> np.ndarray:
    """All refused rows of a block, each once, ascending."""
    return np.unique(np.concatenate([np.zeros(0, np.int64), *(refusal.positions for refusal in refusals)]))


def without_rows(rows: pa.Table, refused: np.ndarray) -> pa.Table:
    """The other rows; around a few refused ones they are not copied."""
    if len(refused) > FEW:
        kept = np.ones(rows.num_rows, bool)
        kept[refused] = False
        return rows.filter(pa.array(kept))
    starts, ends = [0, *(refused + 1).tolist()], [*refused.tolist(), rows.num_rows]
    pieces = [rows.slice(start, end - start) for start, end in zip(starts, ends, strict=True) if start < end]
    return pa.concat_tables(pieces or [rows.slice(0, 0)])


def without(refusal: Refusal, mask: np.ndarray) -> Refusal:
    """The refusal of the rows that the mask leaves."""
    kept = np.flatnonzero(~mask[refusal.positions]).tolist()
    return Refusal(
        refusal.rule,
        refusal.column,
        refusal.positions[kept],
        [refusal.values[each] for each in kept],
        [refusal.messages[each] for each in kept],
    )


def quarantine(block: Block, refusals: Sequence[Refusal], money: Mapping[str, Mapping[int, Decimal]]) -> pa.Table:
    """The refused rows of a block in `QUARANTINED`, ordered by row; `money`: readable cells by column and position."""
    if not refusals and not block.broken:
        return NOTHING_REFUSED
    at = refused_positions(refusals)
    rows = at.tolist()
    counts, reasons = _reasons(refusals, at)
    held = [[(name, format(cells[row], "f")) for name, cells in money.items() if row in cells] for row in rows]
    arrays = [
        pa.array([*block.rows[at].tolist(), *(each.row for each in block.broken)], pa.int64()),
        pa.array([*(block.raw(rows) if rows else []), *(each.raw for each in block.broken)], pa.string()),
        _lists([*counts.tolist(), *(1 for _ in block.broken)], [*reasons, *map(_reason, block.broken)]),
        pa.array([*held, *([] for _ in block.broken)], QUARANTINED.field("money").type),
    ]
    found = pa.Table.from_arrays(arrays, schema=QUARANTINED)
    return found.take(pc.sort_indices(found["_row"])) if block.broken else found


Reason: TypeAlias = tuple[str, str | None, str | None, str]
"""Rule, column, value and message."""


def _reasons(refusals: Sequence[Refusal], at: np.ndarray) -> tuple[np.ndarray, list[Reason]]:
    """How many reasons each of the rows has, and all of them: by row, then in the order of the refusals."""
    every = [
        (each.rule, each.column, value, message)
        for each in refusals
        for value, message in zip(each.values, each.messages, strict=True)
    ]
    positions = np.concatenate([np.zeros(0, np.int64), *(each.positions for each in refusals)])
    counts = np.bincount(np.searchsorted(at, positions), minlength=len(at))
    return counts, [every[each] for each in np.argsort(positions, kind="stable").tolist()]


def _reason(broken: Broken) -> Reason:
    return (broken.rule, None, None, broken.message)


def _lists(counts: Sequence[int], reasons: Sequence[Reason]) -> pa.ListArray:
    """The reasons, so many for each row."""
    columns = zip(*reasons, strict=True) if reasons else ([] for _ in REASON)
    fields = [pa.array(column, each.type) for column, each in zip(columns, REASON, strict=True)]
    items = pa.StructArray.from_arrays(fields, fields=list(REASON))
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]), pa.int32())
    return pa.ListArray.from_arrays(offsets, items, type=QUARANTINED.field("reasons").type)
