"""How many rows became what, and their exact money: one side of the conservation of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tables.mode import Fate
from tables.order import ints


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows, and the exact sum of each money column (nulls add nothing)."""

    rows: int
    money: dict[str, Decimal]


def tallies(fates: npt.NDArray[np.int8], rows: pa.Table, money: Sequence[str]) -> dict[tuple[int, Fate], Tally]:
    """Rows and money of each upload (`_seq`) and fate that occurs."""
    seq = ints(rows["_seq"])
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
