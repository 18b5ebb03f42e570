"""`replace`: each file is the whole table; the rows before it are gone in the same version."""

from __future__ import annotations

from functools import partial

import numpy as np
import pyarrow as pa

from tables.contract import Contract
from tables.full_state import hold
from tables.mode import Commit, Fate, Fold, Mode, Needs, Turn, changes


def _fold(rows: pa.Table, _: pa.Table | None, contract: Contract, __: Turn) -> Fold:
    return Fold(np.full(rows.num_rows, Fate.MERGED, dtype=np.int8), changes(rows, contract))


MODE = Mode(
    name="replace",
    needs=Needs(primary_key=False, options=frozenset({"max_shrink"})),
    commit=Commit.REPLACE,
    fold=_fold,
    alone=True,
    hold=partial(hold, every_row=False),
)
