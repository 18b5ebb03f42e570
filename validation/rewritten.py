"""Rows of a file written again, a JSON object each: contract column to cell, in texts that the parser reads as before.

For rows that are no line of text, or whose line says nothing without the rest of its file.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from tables.contract import RESCUED, Contract
from validation.container import open_container
from validation.formats import FORMATS
from validation.formats.block import Block
from validation.notation import said
from validation.others import settle

Place: TypeAlias = tuple[int, str]
"""The number of a row, and its text as it was found."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the file: how many were wanted before it, how it looks, and its object, None where it has none."""

    order: int
    raw: str
    text: str | None


def rewritten(data: bytes, contract: Contract, wanted: Sequence[Place]) -> list[tuple[int, str | None]]:
    """Which of the `wanted` places each row is, and the row as an object on one line, in the order of the file.

    The object is None where the contract cannot read the row as cells, where no text says a value under its notation,
    and where rows of one line look the same and say different things: nobody knows which of them is meant.

    Raises:
        RejectedError: the file cannot be read under this contract.
    """
    places: dict[Place, list[int]] = defaultdict(list)
    for index, place in enumerate(wanted):
        places[place].append(index)
    found, counts = _found(data, contract, places)
    sought, chosen = Counter(number for number, _ in wanted), []
    for (number, raw), indexes in places.items():
        alone = counts[number] == sought[number] == 1
        rows = _meant(raw, found[number], len(indexes), alone=alone)
        chosen += [(number, row.order, index, row.text) for index, row in zip(indexes, rows, strict=True)]
    return [(index, text) for _, _, index, text in sorted(chosen, key=lambda each: each[:3])]


def unread(raw: str) -> str:
    """What stands for a row without cells in a file to correct: its text, which is no row until somebody writes one."""
    return json.dumps(raw, ensure_ascii=False)


def _found(
    data: bytes, contract: Contract, places: Mapping[Place, object]
) -> tuple[Mapping[int, list[_Row]], Mapping[int, int]]:
    """Of each number the rows that may be meant, and how many there are in the file."""
    numbers = np.array(sorted({number for number, _ in places}), np.int64)
    rows: dict[int, list[_Row]] = defaultdict(list)
    counts = Counter[int]()
    for task in FORMATS[contract.file.name].split(open_container(data), contract):
        block = settle(task(), contract)
        at = np.flatnonzero(np.isin(block.rows, numbers))
        if not len(at):
            continue
        texts = zip(block.rows[at].tolist(), block.raw(at.tolist()), _objects(block, at, contract), strict=True)
        for number, raw, text in texts:
            counts[number] += 1
            if (number, raw) in places or not rows[number]:  # another contract may have shown the only one otherwise
                rows[number].append(_Row(counts.total(), raw, text))
    return rows, counts


def _meant(raw: str, rows: Sequence[_Row], wanted: int, *, alone: bool) -> list[_Row]:
    """So many `wanted` rows of a line that look like this; where it is `alone`, the only row is meant anyhow."""
    alike = rows if alone else [each for each in rows if each.raw == raw]
    if len(alike) < wanted or (len(alike) > wanted and len({each.text for each in alike}) > 1):
        return [_Row(sys.maxsize, raw, None)] * wanted  # where among the rows of its line nobody knows
    return list(alike[:wanted])


def _objects(block: Block, at: np.ndarray, contract: Contract) -> list[str | None]:
    """The rows at these positions; None where a value cannot be said."""
    taken, unsaid = pa.array(at, pa.int64()), np.zeros(len(at), bool)
    texts: dict[str, list[str | None]] = {}
    for column in contract.columns:
        if column.name in block.cells:
            texts[column.name], mute = said(block.cells[column.name].take(taken), column, contract.file)
            unsaid |= mute
    rescued = block.cells[RESCUED.name].take(taken).to_pylist() if RESCUED.name in block.cells else [None] * len(at)
    rows = [{name: cells[row] for name, cells in texts.items()} for row in range(len(at))]
    return [
        None if mute else json.dumps({**row, **json.loads(more or "{}")}, ensure_ascii=False)
        for row, more, mute in zip(rows, rescued, unsaid.tolist(), strict=True)
    ]
