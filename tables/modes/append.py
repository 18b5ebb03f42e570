"""`append`: every accepted row of every file stays, exactly once; with `dedupe` the first row of each key."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tables.contract import Contract
from tables.mode import Commit, Fate, Fold, Memory, Mode, Needs, Turn, changes, with_memory
from tables.order import codes, ints, new_group


def _fold(rows: pa.Table, memory: pa.Table | None, contract: Contract, _: Turn) -> Fold:
    if memory is None or not contract.dedupe:
        return Fold(np.zeros(rows.num_rows, dtype=np.int8), changes(rows, contract))
    both = with_memory(rows, memory, contract.primary_key)
    run, past = rows.num_rows, np.zeros(memory.num_rows, dtype=np.int64)  # it came with upload 0
    key = codes(both)
    seq, line = (np.concatenate([ints(rows[name]), past]) for name in ("_seq", "_row"))
    order = np.lexsort((line, seq, key))
    kept = np.zeros(order.size, dtype=bool)
    kept[order[new_group(key[order])]] = True
    fates = np.where(kept[:run], Fate.MERGED, Fate.DUPLICATE).astype(np.int8)
    return Fold(fates, changes(rows.filter(pa.array(kept[:run])), contract))


MODE = Mode(
    name="append",
    needs=Needs(primary_key=False, options=frozenset({"dedupe"})),
    commit=Commit.APPEND,
    fold=_fold,
    memory=lambda contract: Memory(contract.primary_key) if contract.dedupe else None,
)
