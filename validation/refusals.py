"""Reasons of refused rows, collected by check and given out by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from validation.formats.block import Block, Broken
from validation.verdict import QUARANTINED

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
    return positions(pc.and_(pc.is_valid(cells), pc.invert(pc.fill_null(fine, True))))


def positions(mask: pa.BooleanArray) -> np.ndarray:
    """Where a mask is true."""
    return np.flatnonzero(pc.fill_null(mask, False).to_numpy(zero_copy_only=False))


def cell_texts(cells: pa.Array, at: np.ndarray) -> list[str | None]:
    """Some cells as text."""
    return [None if cell is None else str(cell) for cell in pc.take(cells, pa.array(at)).to_pylist()]


def refused_positions(refusals: Sequence[Refusal]) -> np.ndarray:
    """All refused rows of a block, each once, ascending."""
    return np.unique(np.concatenate([np.zeros(0, np.int64), *(refusal.positions for refusal in refusals)]))


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
    at = [int(position) for position in refused_positions(refusals)]
    reasons: dict[int, list[dict[str, Any]]] = {position: [] for position in at}
    for refusal in refusals:
        for position, value, message in zip(refusal.positions, refusal.values, refusal.messages, strict=True):
            reasons[int(position)].append(
                {"rule": refusal.rule, "column": refusal.column, "value": value, "message": message}
            )
    rows: list[dict[str, Any]] = [
        {
            "_row": int(block.rows[position]),
            "raw": raw,
            "reasons": reasons[position],
            "money": [(name, format(cells[position], "f")) for name, cells in money.items() if position in cells],
        }
        for position, raw in zip(at, block.raw(at) if at else [], strict=True)
    ]
    rows += [_broken(broken) for broken in block.broken]
    return pa.Table.from_pylist(sorted(rows, key=lambda row: row["_row"]), schema=QUARANTINED)


def _broken(broken: Broken) -> dict[str, Any]:
    reason = {"rule": broken.rule, "column": None, "value": None, "message": broken.message}
    return {"_row": broken.row, "raw": broken.raw, "reasons": [reason], "money": []}
