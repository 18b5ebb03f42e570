"""Folding again: what a table must have of some keys, if an upload counts in another place than its own.

A fold begins with a table as it was (`before`) and what was known then, and takes rows in their places. The difference
between what comes of it and what is `there` is one MERGE by the mode's identity. Where all events are remembered it
begins with nothing, and takes them all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tables.believed import believed, retractions
from tables.contract import Contract
from tables.mode import DELETE, OP, RESTORE, UPSERT, Fold, Mode, Turn, event_schema
from tables.modes import change_schema, table_schema
from tables.order import Flags, codes

UPLOAD, SEQ = "_upload_id", "_seq"


@dataclass(frozen=True, slots=True)
class Chain:
    """Uploads by their ids: those that do not count (`gone`), and the `places` of those that do, if not as numbered."""

    gone: frozenset[str]
    places: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Keys:
    """All that is said of the keys in question: the table `before` the first of the uploads, and what is `there` now.

    Both are `rows_of_table`. `events` are all that are remembered up to now, None where none are; those of uploads up
    to number `known` were when the table was `before`.
    """

    before: pa.Table
    there: pa.Table
    events: pa.Table | None
    known: int


def remembers_all(mode: Mode, contract: Contract) -> bool:
    """Whether the events of a key are all that there is to know of it."""
    memory = mode.memory(contract)
    return memory is not None and memory.events and not memory.table


def refold(  # noqa: PLR0913, PLR0917  # as `Mode.fold`, with what was
    own: pa.Table, others: pa.Table, keys: Keys, mode: Mode, contract: Contract, turn: Turn, chain: Chain
) -> Fold:
    """The fates of a superseding upload's `own` rows, and the changes from what is there to what is so with them.

    `others` are the rows of all other uploads since `keys.before`; where all events are remembered, they are those.
    """
    events = None if keys.events is None else believed(keys.events, contract.primary_key)
    if remembers_all(mode, contract) and events is not None:
        others = events
    live = others.filter(pa.array(~_among_uploads(others, chain.gone)))
    rows = numbered(pa.concat_tables([own, shaped(live, contract.row_schema)]), chain.places)
    folded = _folded(rows, _memory(keys, mode, contract), mode, contract, turn)
    wanted = _after(keys.before, folded.changes, mode, contract)
    wanted = numbered(wanted, _numbers(keys.events if others is events else others) | {turn.upload_id: turn.seq})
    told = None
    if events is not None:
        known = events.filter(pa.array(_among_uploads(events, frozenset(others[UPLOAD].unique().to_pylist()))))
        told = _retold(folded.events, known, contract, turn, chain.places[turn.upload_id])
    return Fold(folded.fates[: own.num_rows], _difference(wanted, keys.there, mode.identity(contract)), told)


def _numbers(rows: pa.Table) -> dict[str, int]:
    """Of each upload its own number, by its first row."""
    first = rows.group_by(UPLOAD).aggregate([(SEQ, "min")])
    return dict(zip(first[UPLOAD].to_pylist(), first[f"{SEQ}_min"].to_pylist(), strict=True))


def _folded(rows: pa.Table, memory: pa.Table | None, mode: Mode, contract: Contract, turn: Turn) -> Fold:
    if not rows.num_rows:
        return Fold(np.zeros(0, dtype=np.int8), change_schema(contract).empty_table())
    return mode.fold(rows, memory, contract, turn)


def _memory(keys: Keys, mode: Mode, contract: Contract) -> pa.Table | None:
    """What the mode asks to know before the first of the rows; nothing where the rows are all that there is."""
    memory = mode.memory(contract)
    if memory is None or remembers_all(mode, contract):
        return None
    found = [keys.before.select(memory.columns).append_column(OP, pa.repeat(UPSERT, keys.before.num_rows))]
    if memory.events and keys.events is not None:
        found.append(keys.events.filter(pc.less_equal(keys.events[SEQ], keys.known)))
    return pa.concat_tables([shaped(each, found[0].schema) for each in found])


def _retold(wanted: pa.Table | None, known: pa.Table, contract: Contract, turn: Turn, place: int) -> pa.Table:
    """Events that make what is remembered of `known` uploads that what is `wanted`."""
    names = [*contract.primary_key, UPLOAD]
    wanted = known.slice(0, 0) if wanted is None else shaped(wanted, known.schema)
    new = wanted.filter(pa.array(~among(wanted, known.select(names))))
    new = new.set_column(new.column_names.index(SEQ), SEQ, pa.repeat(pa.scalar(turn.seq, pa.int64()), new.num_rows))
    over = known.filter(pa.array(~among(known, wanted.select(names))))
    own = new.filter(pc.equal(new[UPLOAD], turn.upload_id))
    taken = retractions(pa.concat_tables([over, shaped(own, over.schema)]), contract.primary_key, turn, place)
    both = pa.concat_tables([shaped(each, known.schema) for each in (new, taken)])
    return both.cast(event_schema(contract))


def rows_of_table(rows: pa.Table, contract: Contract) -> pa.Table:
    """The rows with the columns of the table, all nullable."""
    return shaped(rows, table_schema(contract))


def shaped(rows: pa.Table, shape: pa.Schema) -> pa.Table:
    """The rows with exactly these columns, all nullable; null where they do not have one."""
    columns = [
        rows[each.name].cast(each.type) if each.name in rows.column_names else pa.nulls(rows.num_rows, each.type)
        for each in shape
    ]
    return pa.table(columns, schema=pa.schema([each.with_nullable(True) for each in shape]))  # its name says it


def numbered(rows: pa.Table, numbers: Mapping[str, int]) -> pa.Table:
    """The rows with the number of their upload by this mapping; others keep theirs."""
    pairs: list[Any] = list(zip(rows[UPLOAD].to_pylist(), rows[SEQ].to_pylist(), strict=True))
    found = pa.array([numbers.get(upload_id, seq) for upload_id, seq in pairs], pa.int64())
    at = rows.schema.get_field_index(SEQ)
    return rows.set_column(at, rows.schema.field(at), found)


def among(rows: pa.Table, others: pa.Table) -> Flags:
    """Whether each row has the values that one of the others has, in all columns of the others."""
    names = others.column_names
    code = codes(pa.concat_tables([shaped(rows.select(names), others.schema), shaped(others, others.schema)]))
    return np.asarray(np.isin(code[: rows.num_rows], code[rows.num_rows :]))


def _among_uploads(rows: pa.Table, uploads: frozenset[str]) -> Flags:
    return np.asarray(pc.is_in(rows[UPLOAD], value_set=pa.array(sorted(uploads), pa.string())).to_numpy())


def _after(before: pa.Table, changes: pa.Table, mode: Mode, contract: Contract) -> pa.Table:
    """The rows after the changes, as the MERGE of `tables.merge` would have them."""
    identity = list(mode.identity(contract))
    said = before.select(list(dict.fromkeys([*identity, *mode.compared(contract)])))
    restored, gone = (pc.equal(changes[OP.name], op).to_numpy() for op in (RESTORE, DELETE))
    told = changes.filter(pa.array(restored | gone | ~among(changes, said)))
    stay = before.filter(pa.array(~among(before, told.select(identity))))
    put = told.filter(pc.not_equal(told[OP.name], DELETE))
    return pa.concat_tables([stay, rows_of_table(put, contract)])


def _difference(wanted: pa.Table, there: pa.Table, identity: Sequence[str]) -> pa.Table:
    """What makes of the rows that are there those that are wanted, lineage included."""
    put = wanted.filter(pa.array(~among(wanted, there)))
    over = there.filter(pa.array(~among(there, wanted.select(list(identity)))))
    return pa.concat_tables([_told(put, RESTORE), _told(over, DELETE)])


def _told(rows: pa.Table, op: str) -> pa.Table:
    return rows.append_column(OP.with_nullable(True), pa.repeat(op, rows.num_rows))  # the name of the method says it
