"""What remembered events say once some were taken back: a corrected file came in the place of one that said them.

Events are only ever appended. A superseding upload takes back what counts no more, and says in which place its own
events count, by rows of `_op` `retract`: they have a key and the upload in question, as `_seq` the number of the
superseding upload, and as `_row` the place, which is the number of the first upload that it superseded. A retraction
takes back what was remembered before it. So what was known after any upload can be told for ever, and a crash leaves
nothing that is true too early.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tables.contract import Contract
from tables.mode import OP, Fold, Mode, Turn
from tables.order import Ints, codes, ints, new_group

RETRACT = "retract"
"""Of an event: no row, but that some are taken back."""

UPLOAD, SEQ, ROW = "_upload_id", "_seq", "_row"


def believing(mode: Mode) -> Mode:
    """The mode, with a fold that knows of the past what is believed; the rows it makes keep their own `_seq`."""

    def fold(rows: pa.Table, memory: pa.Table | None, contract: Contract, turn: Turn) -> Fold:
        if memory is None or not _retracts(memory):
            return mode.fold(rows, memory, contract, turn)
        found = mode.fold(rows, believed(memory, contract.primary_key), contract, turn)
        return replace(found, changes=_with_numbers_of(memory, found.changes))

    return replace(mode, fold=fold)


def believed(events: pa.Table, key: Sequence[str]) -> pa.Table:
    """The events that count, each with its place as `_seq`."""
    if not _retracts(events):
        return events
    retracts = pc.equal(events[OP.name], RETRACT).to_numpy()
    seq, row = ints(events[SEQ]), ints(events[ROW])
    who, when = (codes(events.select([*key, name])) for name in (UPLOAD, SEQ))
    over, place = np.full(seq.size, -1), np.full(seq.size, -1)
    np.maximum.at(over, who[retracts], seq[retracts])
    place[when[retracts]] = row[retracts]
    placed = np.where(place[when] < 0, seq, place[when])
    return _with(events, SEQ, placed).filter(pa.array(~retracts & (over[who] <= seq)))


def retractions(events: pa.Table, key: Sequence[str], turn: Turn, place: int) -> pa.Table:
    """Rows that take these events back, or say in which place they count where they came with this very turn."""
    who = codes(events.select([*key, UPLOAD]))
    order = np.argsort(who, kind="stable")
    told = events.take(pa.array(order[new_group(who[order])])) if events.num_rows else events
    numbered = _with(_with(told, SEQ, np.full(told.num_rows, turn.seq)), ROW, np.full(told.num_rows, place))
    return numbered.set_column(numbered.column_names.index(OP.name), OP.name, pa.repeat(RETRACT, told.num_rows))


def _retracts(events: pa.Table) -> bool:
    return bool(pc.any(pc.equal(events[OP.name], RETRACT)).as_py())


def _with_numbers_of(memory: pa.Table, changes: pa.Table) -> pa.Table:
    """The changes with the number that each upload has in the memory; others keep theirs."""
    there = memory.filter(pc.not_equal(memory[OP.name], RETRACT))
    at = pc.index_in(changes[UPLOAD], value_set=there[UPLOAD].combine_chunks())
    return changes.set_column(
        changes.column_names.index(SEQ), SEQ, pc.coalesce(there[SEQ].take(at).cast(pa.int64()), changes[SEQ])
    )


def _with(rows: pa.Table, name: str, numbers: Ints) -> pa.Table:
    at = rows.column_names.index(name)
    return rows.set_column(at, rows.schema.field(at), pa.array(numbers, rows.schema.field(at).type))
