"""Cells that feed no column of the contract: unpivoted into rows, rescued as JSON, or none allowed.

An empty column without a name (a comma at the end of every line) is nothing. A value there is rescued by the number of
its column, or breaks its row: it is never lost.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ledgerlake.errors import RejectedError
from tables.contract import RESCUED, Column, Contract, FileFormat, Kind, Unpivot
from validation.formats.block import Block, Broken, Others
from validation.parse import parse
from validation.text import byte_lengths, trim

MAX_TEXT = 1024**3
"""What the kept texts of one block may grow to when each of its lines becomes many rows."""
_NO_OTHERS = Others(np.zeros(0, np.int64), pa.array([], pa.string()), pa.array([], pa.string()))
_TEXT = Column("", Kind.STRING)
Mask = npt.NDArray[np.bool_]


def settle(block: Block, contract: Contract) -> Block:
    """The block as the contract wants it, with nothing left beside.

    Raises:
        RejectedError: a wide file would become too large.
    """
    file = contract.file
    if file.unknown_columns != "rescue":
        block = _without_nameless(block)
    others = block.others or _NO_OTHERS
    unpivoted = _unpivoted(others, file.unpivot)
    if file.unknown_columns == "rescue":
        rescued = _rescued(_some(others, ~unpivoted), len(block.rows), file)
        block = replace(block, cells={**block.cells, RESCUED.name: rescued})
    if file.unpivot:
        block = _long(block, _some(others, unpivoted), file.unpivot, file)
    return replace(block, others=None)


def _some(others: Others, mask: Mask) -> Others:
    kept = pa.array(mask)
    return Others(others.at[mask], others.names.filter(kept), others.cells.filter(kept))


def _mask(flags: pa.BooleanArray) -> Mask:
    return np.asarray(pc.fill_null(flags, False).to_numpy(zero_copy_only=False), bool)  # the value


# A column without a name


def _without_nameless(block: Block) -> Block:
    """Takes cells without a name away, and breaks the rows that have a value there."""
    if block.others is None:
        return block
    nameless = _mask(pc.equal(block.others.names, ""))
    if not nameless.any():
        return block
    found = _some(block.others, nameless)
    wrong = np.unique(found.at[_mask(pc.not_equal(trim(found.cells), ""))])
    kept = np.ones(len(block.rows), bool)
    kept[wrong] = False
    named = _some(block.others, ~nameless & kept[block.others.at])
    message = "the row has a value in a column without a name"
    broken = [
        Broken(int(block.rows[at]), "columns", message, raw) for at, raw in zip(wrong, _raw(block, wrong), strict=True)
    ]
    whole = replace(block, others=replace(named, at=(np.cumsum(kept) - 1)[named.at]))
    return replace(_at(whole, np.flatnonzero(kept)), broken=(*block.broken, *broken)) if broken else whole


def _raw(block: Block, at: np.ndarray) -> list[str]:
    return block.raw([int(position) for position in at]) if len(at) else []


def _at(block: Block, positions: np.ndarray) -> Block:
    """The rows at these positions, in this order; `others` are left as they are."""
    taken = pa.array(positions, pa.int64())
    cells = {name: values.take(taken) for name, values in block.cells.items()}
    return replace(block, rows=block.rows[positions], cells=cells, raw=partial(_picked, block.raw, positions))


def _picked(raw: Callable[[Sequence[int]], list[str]], positions: np.ndarray, wanted: Sequence[int]) -> list[str]:
    return raw([int(positions[each]) for each in wanted])


# Rescue


def _rescued(others: Others, rows: int, file: FileFormat) -> pa.StringArray:
    """For each row one JSON object of its texts by name, or null; a cell without a value is not there."""
    texts = parse(others.cells, _TEXT, file).values
    there = _some(replace(others, cells=texts), _mask(texts.is_valid()))
    objects: dict[int, dict[str, str]] = defaultdict(dict)
    for at, name, text in zip(there.at.tolist(), there.names.to_pylist(), there.cells.to_pylist(), strict=True):
        objects[at][name] = text
    return pa.array([_canonical(objects[at]) if at in objects else None for at in range(rows)], pa.string())


def _canonical(members: dict[str, str]) -> str:
    return json.dumps(members, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


# Unpivot


def _unpivoted(others: Others, unpivot: Unpivot | None) -> Mask:
    if unpivot is None or not unpivot.columns:
        return np.full(len(others.at), unpivot is not None)
    return _mask(pc.is_in(others.names, pa.array(unpivot.columns, pa.string())))


def _long(block: Block, others: Others, unpivot: Unpivot, file: FileFormat) -> Block:
    """A row for each cell, in the order of the file, with the number and the other cells of its line."""
    if not unpivot.keep_nulls:
        others = _some(others, _mask(parse(others.cells, _TEXT, file).values.is_valid()))
    _check_size(block, others.at)
    long = _at(block, others.at)
    return replace(long, cells={**long.cells, unpivot.name: others.names, unpivot.value: others.cells})


def _check_size(block: Block, at: np.ndarray) -> None:
    texts = [cells for cells in block.cells.values() if pa.types.is_string(cells.type)]
    size = sum(int(byte_lengths(cells)[at].sum()) for cells in texts)
    if size > MAX_TEXT:
        msg = (
            f"from line {block.rows[0]}: the rows of these lines would take {size:,} bytes, at most {MAX_TEXT:,} are "
            "accepted: send fewer columns, or shorter texts beside them"
        )
        raise RejectedError("records", msg)
