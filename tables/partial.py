"""Partial updates: a row says nothing about its null columns, which stay as they are.

A key's row is the fold of all its events in order of time: of each column the last value that is no null, since the
last deletion. With a `sequence_by` all events are remembered, so that one that comes late lands in its place; without
one the row of the table is all there is to know. A row of the table has the lineage of the newest event that it shows
a value of; of those that say the same in turn, the one that came first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tables.contract import LINEAGE, Contract
from tables.mode import (
    DELETE,
    OP,
    UPSERT,
    Fate,
    Fold,
    Memory,
    Turn,
    changes,
    content,
    deleting,
    operations,
    with_memory,
)
from tables.order import Flags, Ints, changed, codes, ints, last_of_group, new_group


@dataclass(frozen=True, slots=True)
class _Events:
    """Events with numbers for their keys and for the order in which they arrived; `order` sorts by key and time."""

    rows: pa.Table
    key: Ints
    arrival: Ints
    order: Ints
    deletes: Flags


@dataclass(frozen=True, slots=True)
class _State:
    """At position i, of key number i: the event that each column's value comes from, and the newest of them, or -1."""

    cells: npt.NDArray[np.int64]  # one row for each column
    newest: Ints


def fold_partial(rows: pa.Table, memory: pa.Table | None, contract: Contract, _: Turn) -> Fold:
    """The fold of `upsert` with `ignore_nulls`: every row takes effect."""
    deletes = deleting(rows, contract)
    events = _events(rows, deletes, memory, contract)
    names = content(contract)
    before = _state(events, events.order[events.order >= rows.num_rows], names)
    after = _state(events, events.order, names)
    differ = (before.newest != after.newest) | (before.cells != after.cells).any(axis=0)
    put = np.flatnonzero(differ & (after.newest >= 0))
    gone = np.flatnonzero((before.newest >= 0) & (after.newest < 0))
    found = [_changes(events, after, put, UPSERT, contract), _changes(events, before, gone, DELETE, contract)]
    said = rows.append_column(OP, operations(deletes))
    remembered = np.ones(rows.num_rows, dtype=bool) if contract.sequence_by else deletes
    return Fold(
        np.full(rows.num_rows, Fate.MERGED, dtype=np.int8),
        pa.concat_tables(found),
        said.filter(pa.array(remembered)) if remembered.any() else None,
    )


def partial_memory(contract: Contract) -> Memory:
    """All events, or the row that is there."""
    return Memory(_columns(contract), table=not contract.sequence_by, events=bool(contract.sequence_by))


def _columns(contract: Contract) -> tuple[str, ...]:
    more = [contract.sequence_by] if contract.sequence_by else []
    return tuple(dict.fromkeys([*contract.stored_schema.names, *more]))


def _events(rows: pa.Table, deletes: Flags, memory: pa.Table | None, contract: Contract) -> _Events:
    """Those of the run, then those before it."""
    both = with_memory(rows, memory, _columns(contract))
    if memory is not None:
        deletes = np.concatenate([deletes, pc.equal(memory[OP.name], DELETE).to_numpy()])
    key = codes(both.select(list(contract.primary_key)))
    time = codes(both.select([contract.sequence_by] if contract.sequence_by else []), ordered=True)
    seq, line = ints(both["_seq"]), ints(both["_row"])
    arrival = np.argsort(np.lexsort((line, seq)))
    return _Events(both, key, arrival, np.lexsort((arrival, time, key)), deletes)


def _state(events: _Events, order: Ints, names: Sequence[str]) -> _State:
    count = int(events.key.max(initial=-1)) + 1
    reset = np.full(count, -1)
    deleted = np.flatnonzero(events.deletes[order])
    reset[events.key[order[deleted]]] = deleted
    alive = order[np.arange(order.size) > reset[events.key[order]]]
    cells = [_cells(events, alive, [name], count) for name in names]
    newest = _cells(events, alive, [], count)  # that the row is there comes from an event, too
    arrival = np.append(events.arrival, -1)
    for found in cells:
        newest = np.where(arrival[found] > arrival[newest], found, newest)
    return _State(np.array(cells), newest)


def _cells(events: _Events, order: Ints, names: list[str], count: int) -> Ints:
    """For each key the event that the value comes from: of the last events that say the same, the first to arrive."""
    said = events.rows.select(names)
    for name in names:
        order = order[said[name].is_valid().to_numpy()[order]]
    begins = np.flatnonzero(new_group(events.key[order]) | (changed(said, order) if names else False))
    found = np.full(count, -1)
    if begins.size:
        first = np.minimum.reduceat(events.arrival[order], begins)
        last = last_of_group(events.key[order[begins]])
        found[events.key[order[begins[last]]]] = np.argsort(events.arrival)[first[last]]
    return found


def _changes(events: _Events, state: _State, keys: Ints, op: str, contract: Contract) -> pa.Table:
    cells = {
        name: events.rows[name].take(pa.array(found[keys], mask=found[keys] < 0))
        for name, found in zip(content(contract), state.cells, strict=True)
    }
    lineage = {each.name: events.rows[each.name].take(pa.array(state.newest[keys])) for each in LINEAGE}
    return changes(pa.table({**cells, **lineage}), contract, op)
