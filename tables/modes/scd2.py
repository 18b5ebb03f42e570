"""`scd2`: every version of each key, with the time from which and to which it held (SCD type 2).

Time is the contract's `sequence_by`. All events are remembered, so that one that comes late splits, moves or removes
the right windows: whatever the order of arrival, the table is that of the events in order of time.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tables.contract import Contract
from tables.mode import (
    DELETE,
    OP,
    UPSERT,
    Commit,
    Fate,
    Fold,
    Memory,
    Mode,
    Needs,
    Turn,
    Use,
    changes,
    deleting,
    operations,
    with_memory,
)
from tables.order import last_of_group
from tables.windows import FROM, TO, Events, Windows, difference, events, windows


def _fold(rows: pa.Table, memory: pa.Table | None, contract: Contract, _: Turn) -> Fold:
    deletes = deleting(rows, contract)
    known = _events(rows, deletes, memory, contract)
    everything = np.arange(known.key.size)
    before = windows(known, everything[rows.num_rows :])
    gone, new = difference(before, windows(known, everything), known)
    return Fold(
        _fates(known, rows.num_rows),
        pa.concat_tables([_changes(gone, DELETE, known, contract), _changes(new, UPSERT, known, contract)]),
        rows.append_column(OP, operations(deletes)),
    )


def _events(rows: pa.Table, deletes: npt.NDArray[np.bool_], memory: pa.Table | None, contract: Contract) -> Events:
    """Those of the run, then those before it."""
    both = with_memory(rows, memory, _columns(contract))
    if memory is not None:
        deletes = np.concatenate([deletes, pc.equal(memory[OP.name], DELETE).to_numpy()])
    return events(both, deletes, contract.primary_key, _time(contract).name, contract.untracked)


def _fates(known: Events, run: int) -> npt.NDArray[np.int8]:
    """The last row of a file counts, of those with the same key and time."""
    key, time, seq = known.key[:run], known.time[:run], known.seq[:run]
    order = np.lexsort((known.line[:run], seq, time, key))
    fates = np.full(run, Fate.DUPLICATE, dtype=np.int8)
    fates[order[last_of_group(key[order], time[order], seq[order])]] = Fate.MERGED
    return fates


def _changes(found: Windows, op: str, known: Events, contract: Contract) -> pa.Table:
    time = known.rows[_time(contract).name]
    return changes(
        known.rows.take(pa.array(found.source)),
        contract,
        op,
        **{FROM: time.take(pa.array(found.opened)), TO: time.take(pa.array(found.closed, mask=found.closed < 0))},
    )


def _time(contract: Contract) -> pa.Field:
    return contract.row_schema.field(contract.sequence_by)


def _columns(contract: Contract) -> tuple[str, ...]:
    """What the table has of an event, and its time."""
    return tuple(dict.fromkeys([*contract.stored_schema.names, _time(contract).name]))


MODE = Mode(
    name="scd2",
    needs=Needs(primary_key=True, sequence_by=Use.MUST, options=frozenset({"deletes", "untracked"})),
    commit=Commit.MERGE,
    fold=_fold,
    identity=lambda contract: (*contract.primary_key, FROM),
    adds=lambda contract: (
        pa.field(FROM, _time(contract).type, nullable=False),
        pa.field(TO, _time(contract).type),
    ),
    compared=lambda contract: (*contract.stored_schema.names, TO),  # the lineage is as exact as the rest
    memory=lambda contract: Memory(_columns(contract), table=False, events=True),
    remembers=lambda _: True,
)
