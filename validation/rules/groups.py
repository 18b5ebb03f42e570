"""Rules about all rows of a group, wherever in the file they stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from validation.rules.keys import key_of
from validation.rules.registry import Ask, Found, rule
from validation.totals import EXACT

Differences = Mapping[object, Decimal]
"""By how much the sums of a group differ; only of those that do not balance."""


def gather_balances(
    parts: Iterable[pa.Table], by: tuple[str, ...], debit: str, credit: str | None, tolerance: Decimal
) -> Differences:
    """Groups of the rows accepted by all other rules, so that none of them ever gets into the table in part."""
    found: dict[object, Decimal] = {}
    for part in parts:
        keys = key_of([part[name].combine_chunks() for name in by])
        encoded = pc.dictionary_encode(keys)
        for name, sign in ((debit, 1), (credit, -1)):
            if name is not None:
                for key, total in _sums(encoded, part[name].combine_chunks()):
                    found[key] = EXACT.add(found.get(key, Decimal(0)), sign * total)
    return {key: difference for key, difference in found.items() if abs(difference) > tolerance}


def _sums(encoded: pa.DictionaryArray, values: pa.Array) -> Iterable[tuple[object, Decimal]]:
    wide = values.cast(pa.decimal256(76, values.type.scale) if pa.types.is_decimal(values.type) else pa.decimal128(38))
    table = pa.table({"key": encoded.indices, "value": wide}).filter(pc.is_valid(encoded.indices))
    sums = table.group_by("key", use_threads=False).aggregate([("value", "sum")])
    names = encoded.dictionary.take(sums["key"].combine_chunks()).to_pylist()
    return ((name, total or Decimal(0)) for name, total in zip(names, sums["value_sum"].to_pylist(), strict=True))


@rule(asks=Ask.FILE, gather=gather_balances)
def balanced(by: tuple[pa.Array, ...], known: Differences, **_stated: object) -> Found:
    """{debit} must equal {balance} in the rows of each {by}{within}"""
    keys = key_of(by)
    fine = pc.invert(pc.is_in(keys, pa.array(list(known), keys.type)))
    return Found(fine, lambda at: _differences(keys, known, at))


def _differences(keys: pa.Array, known: Differences, at: np.ndarray) -> list[str]:
    return [f"in {key!r} there is a difference of {known[key]:f}" for key in keys.take(pa.array(at)).to_pylist()]
