"""Decides what becomes of every accepted row of a run, before anything is written: pure Arrow and numpy.

Uploads take their turns in order of `_seq`. In its turn a row of a keyed mode is
    duplicate    another row of the same key in the same file is newer;
    superseded   a newer row of its key came with an earlier upload, of this run or already in the table;
    merged       otherwise.
So the answer depends on the order of uploads only, not on how they were batched into runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from streaming_jobs.modes import Mode
from tables.contract import Contract

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class Fate(IntEnum):
    """What became of an accepted row."""

    MERGED = 0
    SUPERSEDED = 1
    DUPLICATE = 2


@dataclass(frozen=True, slots=True)
class Fold:
    """`fates[i]` is the `Fate` of row i of the run; `changes` holds at most one row of each key, ready to merge."""

    fates: npt.NDArray[np.int8]
    changes: pa.Table


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows, and the exact sum of each money column (nulls add nothing)."""

    rows: int
    money: dict[str, Decimal]


def fold(rows: pa.Table, contract: Contract, mode: Mode, current: pa.Table | None = None) -> Fold:
    """Folds the accepted rows of a run.

    `rows` has `contract.table_schema`, any order. `current` has at least the key columns and the business ordering
    column of the table's rows, one row a key; it may hold keys that the run does not. None where the mode's order
    begins with `_seq`, for then no row of the table can be newer than a row of the run.
    """
    if not mode.keyed:
        return Fold(np.zeros(rows.num_rows, dtype=np.int8), rows)
    business = [name for name in mode.order(contract) if name not in {"_seq", "_row"}]
    names = [*contract.primary_key, *business]
    both = (
        rows.select(names)
        if current is None
        else pa.concat_tables([rows.select(names), current.select(names).cast(rows.select(names).schema)])
    )
    extra = both.num_rows - rows.num_rows
    key = _codes(both.select(contract.primary_key))
    rank = _codes(both.select(business), ordered=True)
    seq = np.concatenate([_ints(rows["_seq"]), np.zeros(extra, dtype=np.int64)])
    line = np.concatenate([_ints(rows["_row"]), np.zeros(extra, dtype=np.int64)])
    fates, newest = _fates(key, rank, seq, line, rows.num_rows)
    return Fold(fates, rows.take(pa.array(np.sort(newest))))


def _fates(key: Ints, rank: Ints, seq: Ints, line: Ints, run: int) -> tuple[npt.NDArray[np.int8], Ints]:
    """Fates of the first `run` rows, and which of them are to be merged. Later rows stand for the table: seq 0."""
    order = np.lexsort((line, rank, seq, key))
    k, s = key[order], seq[order]
    best = order[_last_of_group(k, s)]
    k, r = key[best], rank[best]
    fates = np.full(key.size, Fate.DUPLICATE, dtype=np.int8)
    fates[best] = Fate.MERGED
    late = np.zeros(best.size, dtype=bool)
    if best.size:
        # Keys ascend, so the highest of (key, rank) so far is the highest rank of this key so far.
        base = int(r.max()) + 1
        so_far = np.maximum.accumulate(k * base + r)
        late[1:] = (k[1:] == k[:-1]) & (so_far[:-1] - k[1:] * base > r[1:])
    fates[best[late]] = Fate.SUPERSEDED
    best, k = best[~late], k[~late]
    newest = best[_last_of_group(k)]
    return fates[:run], newest[newest < run]


def _last_of_group(*sorted_columns: Ints) -> Flags:
    """Whether row i is the last of its group of equal rows."""
    last = np.ones(sorted_columns[0].size, dtype=bool)
    last[:-1] = np.logical_or.reduce([column[1:] != column[:-1] for column in sorted_columns])
    return last


def _codes(columns: pa.Table, *, ordered: bool = False) -> Ints:
    """One whole number for each row: equal for equal rows, null equal to null; ascending with the values if `ordered`.

    Compared as typed values, never as text. Without columns all rows are equal.
    """
    codes = np.zeros(columns.num_rows, dtype=np.int64)
    for column in columns.itercolumns():
        array = column.combine_chunks()
        numbers = _ints(
            pc.rank(array, sort_keys="ascending", null_placement="at_start", tiebreaker="dense")
            if ordered
            else pc.dictionary_encode(array, null_encoding="encode").indices,
        )
        paired = codes * (int(numbers.max(initial=0)) + 1) + numbers
        codes = paired if not codes.any() else np.unique(paired, return_inverse=True)[1].astype(np.int64)
    return codes


def _ints(values: pa.Array | pa.ChunkedArray) -> Ints:
    return np.asarray(values.cast(pa.int64()).to_numpy())


def tallies(fates: npt.NDArray[np.int8], rows: pa.Table, money: Sequence[str]) -> dict[tuple[int, Fate], Tally]:
    """Rows and money of each upload (`_seq`) and fate that occurs."""
    seq = _ints(rows["_seq"])
    found = {}
    for number in np.unique(seq):
        for fate in Fate:
            mask = (seq == number) & (fates == fate)
            if mask.any():
                chosen = rows.select(list(money)).filter(pa.array(mask))
                found[int(number), fate] = Tally(int(mask.sum()), sums(chosen))
    return found


def sums(columns: pa.Table | pa.RecordBatch) -> dict[str, Decimal]:
    """The exact sum of each (decimal) column. Summed with 76 digits: at 38 Arrow wraps around without an error."""
    found = {}
    for name, field in zip(columns.schema.names, columns.schema, strict=True):
        total = pc.sum(columns[name].cast(pa.decimal256(76, field.type.scale))).as_py()
        found[name] = Decimal(0).scaleb(-field.type.scale) if total is None else total
    return found
