"""Counts and sums made on the executors by the functions that the driver uses, and added up here.

Not by SQL's `sum`: a sum of decimals with 38 digits overflows there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import from_arrow_schema

from streaming_jobs.conservation import add, tally_quarantined
from streaming_jobs.tallies import Tally

SCHEMA = pa.schema(
    [
        ("_seq", pa.int64()),
        ("_part", pa.string()),
        ("_rows", pa.int64()),
        ("_money", pa.map_(pa.string(), pa.string())),
    ],
)

Found = tuple[int, str, Tally]
"""Upload number, one of `conservation.PARTS`, and some of its rows."""

Counted = dict[int, dict[str, Tally]]
"""By upload number and part."""


def to_arrow(found: Iterable[Found]) -> pa.Table:
    """Tallies as rows of `SCHEMA`, for the way from the executors to the driver."""
    rows = [
        {
            "_seq": seq,
            "_part": part,
            "_rows": each.rows,
            "_money": {name: str(sum_) for name, sum_ in each.money.items()},
        }
        for seq, part, each in found
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def added_up(tallies: DataFrame, money: tuple[str, ...]) -> Counted:
    """All tallies of a frame with the columns of `SCHEMA`, those of one upload and part together."""
    parts: dict[int, dict[str, list[Tally]]] = defaultdict(lambda: defaultdict(list))
    for row in tallies.select(*SCHEMA.names).collect():
        sums = {name: Decimal(text) for name, text in row["_money"].items()}
        parts[row["_seq"]][row["_part"]].append(Tally(row["_rows"], sums))
    return {seq: {part: add(each, money) for part, each in found.items()} for seq, found in parts.items()}


def tally_refused(refused: DataFrame, money: tuple[str, ...]) -> Counted:
    """Tallies of staged refused rows, from their `_money`."""
    count = partial(_count_refused, money)
    return added_up(refused.select("_seq", "_money").mapInArrow(count, from_arrow_schema(SCHEMA)), money)


def _count_refused(money: tuple[str, ...], batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        found = [
            (seq, "quarantined", tally_quarantined(batch["_money"].filter(pc.equal(batch["_seq"], seq)), money))
            for seq in batch["_seq"].unique().to_pylist()
        ]
        yield from to_arrow(found).to_batches()
