"""What a merge mode is: a pure function over Arrow that folds uploads into changes of a table, and what it needs.

A driver hands the fold a whole run; executors hand it the rows of some keys at a time. So a fold must decide about
each key alone, and by the order of uploads only, however they were batched into runs. Both then make the same commit
from what it returns: an append, the one MERGE of `tables.merge`, or a replacement of all rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tables.contract import LINEAGE, Contract

UPSERT, DELETE, RESTORE = "upsert", "delete", "restore"
OP = pa.field("_op", pa.string(), nullable=False)
"""Of a change: put this row, take it away, or put it even if it is there already, as another was there in between.
Of an event or a row of memory: it is there, or it deletes its key."""


class Fate(IntEnum):
    """What became of an accepted row, in the turn of its upload."""

    MERGED = 0
    """It took effect."""
    SUPERSEDED = 1
    """A newer row of its key came with an earlier upload."""
    DUPLICATE = 2
    """Another row of its key says the same or more: a newer one in its file or, where the first counts, an earlier."""


class Commit(StrEnum):
    """How the changes of a run get into the table: always one commit, one version."""

    APPEND = "append"
    MERGE = "merge"
    REPLACE = "replace"


class Use(StrEnum):
    """Whether a mode has a use for `sequenceBy`."""

    NEVER = "never"
    MAY = "may"
    MUST = "must"


@dataclass(frozen=True, slots=True)
class Needs:
    """What a mode asks of a contract. `options` are names of the contract's option fields that it understands."""

    primary_key: bool
    sequence_by: Use = Use.NEVER
    options: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Turn:
    """The last upload of the run being folded. `at` is when it was accepted (UTC)."""

    seq: int
    upload_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Memory:
    """What a fold must know of the past, besides the run: rows of the keys in the run, as of before the run.

    They come from the table (`_op` is `upsert`), from the remembered events, or both, with `columns` and `_op`.
    With `whole` they are those of every key, also of keys that the run does not have; with `open_only` only rows of
    the table that hold at the turn's time or later: whose `_valid_to` is null or after `Turn.at`.
    """

    columns: tuple[str, ...]
    table: bool = True
    events: bool = False
    whole: bool = False
    open_only: bool = False


@dataclass(frozen=True, slots=True)
class Fold:
    """What a run does.

    `fates[i]` is the `Fate` of row i. `changes` has the columns of the table, all nullable, and `_op`; at most one
    row for each identity; of a deletion only the identity counts. `events` are rows that later runs must know of
    (`event_schema`), None if there are none.
    """

    fates: npt.NDArray[np.int8]
    changes: pa.Table
    events: pa.Table | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """A full state that wants to replace the last one. Counts are of keys, or of rows where there is no key."""

    rows: int
    refused: int
    before: int


def key(contract: Contract) -> tuple[str, ...]:
    """Names of the columns that identify a row where each key has one."""
    return contract.primary_key


def content(contract: Contract) -> tuple[str, ...]:
    """Names of the columns that say something: all that are stored but the lineage."""
    return tuple(name for name in contract.stored_schema.names if name not in _LINEAGE)


_LINEAGE = {each.name for each in LINEAGE}


@dataclass(frozen=True, slots=True)
class Mode:
    """A merge mode.

    `identity` names the columns by which a change finds its row in the table, `compared` those whose values make it
    another row, `adds` the columns that the table has beyond those of the contract and lineage. A mode that `remembers`
    has a second table, `<dataset>__events`. An upload of a mode that goes `alone` is a run and a version by itself;
    `hold` says why a full state may not be applied, in words, if it may not.
    """

    name: str
    needs: Needs
    commit: Commit
    fold: Callable[[pa.Table, pa.Table | None, Contract, Turn], Fold]
    identity: Callable[[Contract], tuple[str, ...]] = key
    adds: Callable[[Contract], tuple[pa.Field, ...]] = lambda _: ()
    compared: Callable[[Contract], tuple[str, ...]] = content
    memory: Callable[[Contract], Memory | None] = lambda _: None
    remembers: Callable[[Contract], bool] = lambda _: False
    alone: bool = False
    hold: Callable[[Contract, Offer], tuple[str, ...]] | None = None


def event_schema(contract: Contract) -> pa.Schema:
    """Schema of `<dataset>__events`: accepted rows, and which delete their key; those may be no more than the key."""
    sure = {*contract.primary_key, contract.sequence_by, *_LINEAGE}
    return pa.schema([*(each if each.name in sure else each.with_nullable(True) for each in contract.row_schema), OP])


def changes(rows: pa.Table, contract: Contract, op: pa.Array | str = UPSERT, **extra: pa.Array) -> pa.Table:
    """Rows of a run as `Fold.changes`, with their `_op` and the mode's extra columns."""
    there = {
        **{name: rows[name] for name in contract.stored_schema.names},
        **extra,
        OP.name: pa.repeat(pa.scalar(op), rows.num_rows) if isinstance(op, str) else op,
    }
    return pa.table(there)


def with_memory(rows: pa.Table, memory: pa.Table | None, names: Sequence[str]) -> pa.Table:
    """Columns of the run, then of memory, all nullable: the past may have been written under another contract."""
    run = rows.select(list(names))
    schema = pa.schema([each.with_nullable(True) for each in run.schema])  # the name says it
    past = [] if memory is None else [memory.select(schema.names).cast(schema)]
    return pa.concat_tables([run.cast(schema), *past]).combine_chunks()


def deleting(rows: pa.Table, contract: Contract) -> npt.NDArray[np.bool_]:
    """Whether each row deletes its key."""
    if contract.deletes is None:
        return np.zeros(rows.num_rows, dtype=bool)
    cells = rows[contract.deletes.column]
    if not contract.deletes.values:
        return np.asarray(cells.is_valid().to_numpy())
    return np.asarray(pc.is_in(cells, value_set=pa.array(contract.deletes.values, cells.type)).to_numpy())


def operations(deletes: npt.NDArray[np.bool_]) -> pa.Array:
    """`_op` of each row."""
    return pa.array(np.where(deletes, DELETE, UPSERT), pa.string())
