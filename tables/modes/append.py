"""`append`: every accepted row of every file stays, exactly once; with `dedupe` the first row of each key."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tables.contract import Contract
from tables.mode import Commit, Fate, Fold, Memory, Mode, Needs, Turn, changes
from tables.order import codes, ints


def _fold(rows: pa.Table, memory: pa.Table | None, contract: Contract, _: Turn) -> Fold:
    if memory is None:
        return Fold(np.zeros(rows.num_rows, dtype=np.int8), changes(rows, contract))
    names = list(contract.primary_key)
    extra = memory.num_rows
    key = codes(pa.concat_tables([memory.select(names), rows.select(names).cast(memory.select(names).schema)]))
    seq = np.concatenate([np.zeros(extra, np.int64), ints(rows["_seq"])])
    line = np.concatenate([np.zeros(extra, np.int64), ints(rows["_row"])])
    order = np.lexsort((line, seq, key))
    first = np.ones(order.size, dtype=bool)
    first[1:] = key[order][1:] != key[order][:-1]
    kept = np.zeros(order.size, dtype=bool)
    kept[order[first]] = True
    fates = np.where(kept[extra:], Fate.MERGED, Fate.DUPLICATE).astype(np.int8)
    return Fold(fates, changes(rows.filter(pa.array(kept[extra:])), contract))


MODE = Mode(
    name="append",
    needs=Needs(primary_key=False, options=frozenset({"dedupe"})),
    commit=Commit.APPEND,
    fold=_fold,
    memory=lambda contract: Memory(contract.primary_key) if contract.dedupe else None,
)
