"""`upsert`: one row for each primary key, the newest; a row that deletes leaves none (SCD type 1).

The newest is decided by `sequence_by` if the contract declares it, then by upload sequence, then by row. A row that
comes late, with an older `sequence_by` than the table or a deletion has, changes nothing: deletions are remembered.
With `ignore_nulls` a row says nothing about its null columns: see `tables.partial`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tables.contract import LINEAGE, Contract
from tables.mode import (
    DELETE,
    OP,
    RESTORE,
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
    content,
    deleting,
    operations,
    with_memory,
)
from tables.order import Flags, Ints, changed, codes, ints, last_of_group, latest, new_group
from tables.partial import fold_partial, partial_memory


def _fold(rows: pa.Table, memory: pa.Table | None, contract: Contract, turn: Turn) -> Fold:
    if contract.ignore_nulls:
        return fold_partial(rows, memory, contract, turn)
    business = _business(contract)
    both = with_memory(rows, memory, [*contract.primary_key, *business])
    key = codes(both.select(list(contract.primary_key)))
    rank = codes(both.select(business), ordered=True)
    past = np.zeros(both.num_rows - rows.num_rows, dtype=np.int64)  # it came with upload 0
    seq, line = (np.concatenate([ints(rows[name]), past]) for name in ("_seq", "_row"))
    fates, merged = _fates(key, rank, seq, line, rows.num_rows)
    deletes = deleting(rows, contract)
    said = rows.append_column(OP, operations(deletes)).filter(pa.array(deletes & (fates == Fate.MERGED)))
    return Fold(fates, _changes(rows, key, merged, deletes, contract), said if said.num_rows else None)


def _business(contract: Contract) -> list[str]:
    return [contract.sequence_by] if contract.sequence_by else []


def _fates(key: Ints, rank: Ints, seq: Ints, line: Ints, run: int) -> tuple[npt.NDArray[np.int8], Ints]:
    """Fates of the first `run` rows, and the merged ones by key in the order in which they took effect."""
    order = np.lexsort((line, rank, seq, key))
    best = order[last_of_group(key[order], seq[order])]
    k, r = key[best], rank[best]
    # Keys ascend, so the highest of (key, rank) so far is the highest rank of this key so far.
    base = int(r.max(initial=0)) + 1
    so_far = np.maximum.accumulate(k * base + r)
    late = np.zeros(best.size, dtype=bool)
    late[1:] = (k[1:] == k[:-1]) & (so_far[:-1] > k[1:] * base + r[1:])
    fates = np.full(key.size, Fate.DUPLICATE, dtype=np.int8)
    fates[best] = np.where(late, Fate.SUPERSEDED, Fate.MERGED)
    return fates[:run], best[~late & (best < run)]


def _changes(rows: pa.Table, key: Ints, merged: Ints, deletes: Flags, contract: Contract) -> pa.Table:
    """The last row of each key, as the first upload in a row brought it that said the same."""
    first, last = new_group(key[merged]), last_of_group(key[merged])
    another = first if first.all() else _another(rows, first, merged, deletes, contract)
    begun = latest(another)[last]
    found = merged[begun]
    operation = np.where(deletes[found], DELETE, np.where(first[begun], UPSERT, RESTORE))
    order = np.argsort(found)
    return changes(rows.take(pa.array(found[order])), contract, pa.array(operation[order], pa.string()))


def _another(rows: pa.Table, first: Flags, merged: Ints, deletes: Flags, contract: Contract) -> Flags:
    return first | new_group(deletes[merged]) | changed(rows.select(list(content(contract))), merged)


def _memory(contract: Contract) -> Memory | None:
    """Without a business order nothing of the past can be newer than a row of the run."""
    if contract.ignore_nulls:
        return partial_memory(contract)
    if contract.sequence_by is None:
        return None
    columns = (*contract.primary_key, contract.sequence_by)
    if contract.deletes is None:
        return Memory(columns)
    return Memory((*columns, *(each.name for each in LINEAGE)), events=True)


MODE = Mode(
    name="upsert",
    needs=Needs(primary_key=True, sequence_by=Use.MAY, options=frozenset({"deletes", "ignore_nulls"})),
    commit=Commit.MERGE,
    fold=_fold,
    compared=lambda contract: tuple(contract.stored_schema.names) if contract.ignore_nulls else content(contract),
    memory=_memory,
    remembers=lambda contract: (
        contract.deletes is not None or (contract.ignore_nulls and contract.sequence_by is not None)
    ),
)
