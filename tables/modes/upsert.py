"""`upsert`: one row for each primary key, the newest; a row that deletes leaves none (SCD type 1).

The newest is decided by `sequence_by` if the contract declares it, then by upload sequence, then by row. A row that
comes late, with an older `sequence_by` than the table or a deletion has, changes nothing: deletions are remembered.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tables.contract import Contract
from tables.mode import OP, Commit, Fate, Fold, Memory, Mode, Needs, Turn, Use, changes, deleting, operations
from tables.order import Ints, codes, ints, last_of_group


def _fold(rows: pa.Table, memory: pa.Table | None, contract: Contract, _: Turn) -> Fold:
    business = _business(contract)
    names = [*contract.primary_key, *business]
    run = rows.select(names)
    both = run if memory is None else pa.concat_tables([run, memory.select(names).cast(run.schema)])
    past = np.zeros(both.num_rows - rows.num_rows, dtype=np.int64)
    key = codes(both.select(list(contract.primary_key)))
    rank = codes(both.select(business), ordered=True)
    seq = np.concatenate([ints(rows["_seq"]), past])
    line = np.concatenate([ints(rows["_row"]), past])
    fates, newest = _fates(key, rank, seq, line, rows.num_rows)
    deletes = deleting(rows, contract)
    changed = np.sort(newest)
    remembered = deletes & (fates == Fate.MERGED)
    return Fold(
        fates,
        changes(rows.take(pa.array(changed)), contract, operations(deletes[changed])),
        _events(rows.filter(pa.array(remembered))) if remembered.any() else None,
    )


def _business(contract: Contract) -> list[str]:
    return [contract.sequence_by] if contract.sequence_by else []


def _events(rows: pa.Table) -> pa.Table:
    return rows.append_column(OP, operations(np.ones(rows.num_rows, dtype=bool)))


def _fates(key: Ints, rank: Ints, seq: Ints, line: Ints, run: int) -> tuple[npt.NDArray[np.int8], Ints]:
    """Fates of the first `run` rows, and which of them are to be merged. Later rows stand for the past: seq 0."""
    order = np.lexsort((line, rank, seq, key))
    k, s = key[order], seq[order]
    best = order[last_of_group(k, s)]
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
    newest = best[last_of_group(k)]
    return fates[:run], newest[newest < run]


def _memory(contract: Contract) -> Memory | None:
    """Without a business order nothing of the past can be newer than a row of the run."""
    if contract.sequence_by is None:
        return None
    return Memory((*contract.primary_key, contract.sequence_by), events=contract.deletes is not None)


MODE = Mode(
    name="upsert",
    needs=Needs(primary_key=True, sequence_by=Use.MAY, options=frozenset({"deletes", "ignore_nulls"})),
    commit=Commit.MERGE,
    fold=_fold,
    memory=_memory,
    remembers=lambda contract: contract.deletes is not None,
)
