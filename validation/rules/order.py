"""Rules about a row and those before it in its file. Their memory grows with the rows, or groups, of the file."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from validation.rules.keys import key_of
from validation.rules.registry import Found, rule
from validation.rules.rows import exact, near

Seen = set[Any]
Balances = dict[str | None, Decimal | None]
"""The last balance of each group so far."""


@rule(memory=set)
def unique(seen: Seen, cells: pa.Array) -> pa.BooleanArray:
    """{column} must not repeat a value of an earlier row of the file"""
    fresh: list[bool | None] = []
    for cell in cells.to_pylist():
        fresh.append(None if cell is None else cell not in seen)
        seen.add(cell)
    return pa.array(fresh, pa.bool_())


@rule(memory=set)
def unique_together(seen: Seen, columns: tuple[pa.Array, ...]) -> pa.BooleanArray:
    """{columns} must not repeat together what an earlier row of the file says"""
    return unique(seen, key_of(columns))


@rule(memory=dict)
def running_balance(
    last: Balances, cells: pa.Array, amount: pa.Array, by: tuple[pa.Array, ...], tolerance: Decimal
) -> Found:
    """{column} must be that of the row before plus {amount}{within}"""
    balances, amounts = exact(cells, amount)
    groups = pc.dictionary_encode(key_of(by) if by else pa.repeat("", len(cells)), null_encoding="encode")
    codes = groups.indices.to_numpy(zero_copy_only=False)
    order = np.argsort(codes, kind="stable")
    first = np.ones(len(order), bool)
    first[1:] = codes[order][1:] != codes[order][:-1]
    before = np.full(len(order), -1)
    before[order[1:]] = np.where(first[1:], -1, order[:-1])
    names = groups.dictionary.to_pylist()
    remembered = [last.get(names[codes[at]]) for at in order[first]]
    there = pa.concat_arrays([balances, pa.array(remembered, balances.type)])
    before[order[first]] = len(cells) + np.arange(len(remembered))
    ends = order[np.append(first[1:], True)] if len(order) else order
    last.update(zip((names[codes[at]] for at in ends), balances.take(pa.array(ends)).to_pylist(), strict=True))
    return near(balances, pc.add(there.take(pa.array(before)), amounts), tolerance)
