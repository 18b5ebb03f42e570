"""`snapshot`: each file is the full state; what changed since the last one, and what is gone, is found by comparing.

One row for each key (SCD type 1), or with `keep_history` every version of it, from when the file that brought it was
accepted to when one was accepted that says otherwise. A row that says the same as before is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa

from tables.contract import Contract
from tables.full_state import hold
from tables.mode import (
    DELETE,
    UPSERT,
    Commit,
    Fate,
    Fold,
    Memory,
    Mode,
    Needs,
    Turn,
    changes,
    content,
    event_schema,
    key,
    with_memory,
)
from tables.order import Flags, Ints, codes, ints, last_of_group, unlike
from tables.windows import FROM, TO

TIME = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows, and the numbers of their keys."""

    rows: pa.Table
    key: Ints

    def take(self, chosen: Flags) -> _Rows:
        """Some of them."""
        return _Rows(self.rows.filter(pa.array(chosen)), self.key[chosen])


def _fold(rows: pa.Table, memory: pa.Table, contract: Contract, turn: Turn) -> Fold:
    run, past = np.split(codes(with_memory(rows, memory, contract.primary_key)), [rows.num_rows])
    last = _last_of_key(run, ints(rows["_row"]))
    file, table = _Rows(rows, run).take(last), _Rows(memory, past)
    current = table.take(memory[TO].is_null().to_numpy()) if contract.keep_history else table
    put, over = _difference(file, current, content(contract))
    gone = over.take(~np.isin(over.key, file.key))
    return Fold(
        np.where(last, Fate.MERGED, Fate.DUPLICATE).astype(np.int8),
        _versions(put, over, _starts(table, file, turn), contract)
        if contract.keep_history
        else pa.concat_tables([changes(put.rows, contract), changes(gone.rows, contract, DELETE)]),
        _deletions(gone.rows, contract, turn),
    )


def _last_of_key(number: Ints, line: Ints) -> Flags:
    order = np.lexsort((line, number))
    last = np.zeros(order.size, dtype=bool)
    last[order[last_of_group(number[order])]] = True
    return last


def _difference(file: _Rows, table: _Rows, names: Sequence[str]) -> tuple[_Rows, _Rows]:
    """Rows of the file that are not in the table, and rows of the table that are not in the file."""
    there = np.full(max(file.key.max(initial=-1), table.key.max(initial=-1)) + 1, -1)
    there[table.key] = np.arange(table.key.size)
    match = there[file.key]
    same = match >= 0
    pairs = file.rows.select(names).filter(pa.array(same)), table.rows.select(names).take(pa.array(match[same]))
    same[same] = ~unlike(*pairs)
    return file.take(~same), table.take(~np.isin(table.key, file.key[same]))


def _starts(table: _Rows, file: _Rows, turn: Turn) -> Ints:
    """When the next version of each key may begin: now, but after the last one began, and not before it ended.

    Clocks differ, so that a later upload may have been accepted at an earlier time.
    """
    number = max(file.key.max(initial=-1), table.key.max(initial=-1)) + 1
    starts = np.full(number, pa.scalar(turn.at, TIME).value)
    begun, ended = (table.rows[name].cast(pa.int64()) for name in (FROM, TO))
    np.maximum.at(starts, table.key, begun.to_numpy() + 1)
    np.maximum.at(starts, table.key, ended.fill_null(0).to_numpy())
    return starts


def _versions(put: _Rows, over: _Rows, starts: Ints, contract: Contract) -> pa.Table:
    """What is over ends, and what is put begins."""
    closed = {FROM: over.rows[FROM], TO: pa.array(starts[over.key], TIME)}
    opened = {FROM: pa.array(starts[put.key], TIME), TO: pa.nulls(put.key.size, TIME)}
    return pa.concat_tables(
        [changes(over.rows, contract, UPSERT, **closed), changes(put.rows, contract, UPSERT, **opened)],
    )


def _deletions(gone: pa.Table, contract: Contract, turn: Turn) -> pa.Table | None:
    """No row of the file deletes: the file as a whole does, so that the row is number 0."""
    if not gone.num_rows:
        return None
    said = {"_upload_id": turn.upload_id, "_seq": turn.seq, "_row": 0, "_op": DELETE}
    columns = [
        gone[each.name].cast(each.type)
        if each.name in contract.primary_key
        else pa.repeat(pa.scalar(said.get(each.name), each.type), gone.num_rows)
        for each in event_schema(contract)
    ]
    return pa.Table.from_arrays(columns, schema=event_schema(contract))


def _memory(contract: Contract) -> Memory:
    columns = contract.stored_schema.names
    if contract.keep_history:
        return Memory((*columns, FROM, TO), whole=True, open_only=True)
    return Memory(tuple(columns), whole=True)


MODE = Mode(
    name="snapshot",
    needs=Needs(primary_key=True, options=frozenset({"keep_history", "max_shrink"})),
    commit=Commit.MERGE,
    fold=_fold,
    identity=lambda contract: (*key(contract), FROM) if contract.keep_history else key(contract),
    adds=lambda contract: (pa.field(FROM, TIME, nullable=False), pa.field(TO, TIME)) if contract.keep_history else (),
    compared=lambda contract: (*content(contract), TO) if contract.keep_history else content(contract),
    memory=_memory,
    remembers=lambda _: True,
    alone=True,
    hold=partial(hold, every_row=True),
)
