"""Merge modes with one mistake each, made of the right ones: a wrong row, memory, contract or change of a fold.

A mode is a value, so that nothing is patched: each function here takes a mode and returns another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tables.contract import Column, Contract, Kind
from tables.mode import DELETE, OP, RESTORE, UPSERT, Fate, Fold, Mode, Turn
from tests.model import Key, Row

Change = Callable[[pa.Table, Turn], pa.Table]
WEIGHT = 1000


def without_guard(mode: Mode) -> Mode:
    """Rows are folded as if nothing newer could be there."""
    return replace(mode, memory=lambda _: None)


def without_tombstones(mode: Mode) -> Mode:
    """What was deleted is forgotten."""
    return replace(mode, memory=lambda contract: replace(_memory(mode, contract), events=False))


def with_contract(mode: Mode, **changes: Any) -> Mode:
    """Rows are folded under another contract than the table's."""
    return replace(
        mode, fold=lambda rows, memory, contract, turn: mode.fold(rows, memory, replace(contract, **changes), turn)
    )


def with_changes(mode: Mode, change: Change) -> Mode:
    """What a fold says is changed before it is merged."""

    def fold(rows: pa.Table, memory: pa.Table | None, contract: Contract, turn: Turn) -> Fold:
        found = mode.fold(rows, memory, contract, turn)
        return replace(found, changes=change(found.changes, turn))

    return replace(mode, fold=fold)


def with_memory(mode: Mode, change: Callable[[pa.Table], pa.Table]) -> Mode:
    """What is known of the past is changed before the fold."""
    return replace(
        mode,
        fold=lambda rows, memory, contract, turn: mode.fold(rows, memory and change(memory), contract, turn),
    )


def as_text(mode: Mode) -> Mode:
    """Times are compared as texts: 9 is above 10."""

    def fold(rows: pa.Table, memory: pa.Table | None, contract: Contract, turn: Turn) -> Fold:
        columns = tuple(Column("time", Kind.STRING) if each.name == "time" else each for each in contract.columns)
        times = ("time", "_valid_from", "_valid_to")
        texts = [_cast(given, pa.string(), times) if given is not None else None for given in (rows, memory)]
        found = mode.fold(texts[0], texts[1], replace(contract, columns=columns), turn)
        events = None if found.events is None else _cast(found.events, pa.int64(), times)
        return replace(found, changes=_cast(found.changes, pa.int64(), times), events=events)

    return replace(mode, fold=fold)


def lines_reversed(mode: Mode) -> Mode:
    """In a file the first row counts, not the last."""

    def fold(rows: pa.Table, memory: pa.Table | None, contract: Contract, turn: Turn) -> Fold:
        found = mode.fold(_lines_negated(rows), memory, contract, turn)
        return replace(
            found,
            changes=_lines_negated(found.changes),
            events=None if found.events is None else _lines_negated(found.events),
        )

    return replace(mode, fold=fold)


def row_by_row(mode: Mode) -> Mode:
    """No row knows of the others of its run."""

    def fold(rows: pa.Table, memory: pa.Table | None, contract: Contract, turn: Turn) -> Fold:
        found = [mode.fold(rows.slice(at, 1), memory, contract, turn) for at in range(max(rows.num_rows, 1))]
        events = [each.events for each in found if each.events is not None]
        return Fold(
            np.concatenate([each.fates for each in found]),
            pa.concat_tables([each.changes for each in found]),
            pa.concat_tables(events) if events else None,
        )

    return replace(mode, fold=fold)


def without_late_rows(mode: Mode) -> Mode:
    """A row that is older than what is known of its key is not worth a window."""

    def fold(rows: pa.Table, memory: pa.Table | None, contract: Contract, turn: Turn) -> Fold:
        known: dict[Key, int] = {}
        for row in [] if memory is None else memory.to_pylist():
            known[_key(row)] = max(row["time"], known.get(_key(row), row["time"]))
        late = np.array([row["time"] < known.get(_key(row), row["time"]) for row in rows.to_pylist()], dtype=bool)
        found = mode.fold(rows.filter(pa.array(~late)), memory, contract, turn)
        fates = np.full(rows.num_rows, Fate.MERGED, dtype=np.int8)
        fates[~late] = found.fates
        return replace(found, fates=fates)

    return replace(mode, fold=fold)


def late_is_merged(mode: Mode) -> Mode:
    """A row that is not shown is counted as merged."""

    def fold(rows: pa.Table, memory: pa.Table | None, contract: Contract, turn: Turn) -> Fold:
        found = mode.fold(rows, memory, contract, turn)
        return replace(found, fates=np.where(found.fates == Fate.SUPERSEDED, Fate.MERGED, found.fates).astype(np.int8))

    return replace(mode, fold=fold)


def ends_later(changes: pa.Table, _: Turn) -> pa.Table:
    """Windows include the moment at which they end."""
    return _set(changes, "_valid_to", pc.add(changes["_valid_to"], 1))


def trusts_clocks(changes: pa.Table, turn: Turn) -> pa.Table:
    """What begins or ends does so when the upload was accepted, whatever was before."""
    now = pa.scalar(turn.at, changes["_valid_to"].type)
    ends = changes["_valid_to"].is_valid()
    changes = _set(changes, "_valid_from", pc.if_else(ends, changes["_valid_from"], now))
    return _set(changes, "_valid_to", pc.if_else(ends, now, changes["_valid_to"]))


def without_deletions(changes: pa.Table, _: Turn) -> pa.Table:
    """Nothing is ever taken away."""
    return changes.filter(pc.not_equal(changes[OP.name], DELETE))


def without_restore(changes: pa.Table, _: Turn) -> pa.Table:
    """A row that comes back after another is taken for the one that is there."""
    op = changes[OP.name].combine_chunks()
    return _set(changes, OP.name, pc.if_else(pc.equal(op, RESTORE), UPSERT, op))


def deleted_for_ever(memory: pa.Table) -> pa.Table:
    """No row is newer than a deletion."""
    return _set(memory, "time", pc.if_else(pc.equal(memory[OP.name], DELETE), pa.scalar(WEIGHT), memory["time"]))


def _memory(mode: Mode, contract: Contract) -> Any:
    return mode.memory(contract)


def _key(row: Row) -> Key:
    return (row["name"], row["part"])


def _set(rows: pa.Table, name: str, values: Any) -> pa.Table:
    return rows.set_column(rows.column_names.index(name), name, values)


def _cast(rows: pa.Table, kind: pa.DataType, names: tuple[str, ...]) -> pa.Table:
    for name in names:
        if name in rows.column_names:
            rows = _set(rows, name, rows[name].cast(kind))
    return rows


def _lines_negated(rows: pa.Table) -> pa.Table:
    return _set(rows, "_row", pc.negate(rows["_row"]))
