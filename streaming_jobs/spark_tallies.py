"""Counts and sums of staged rows, made on the executors by the functions that the driver uses, and added up here.

Not by SQL's `sum`: a sum of decimals with 38 digits overflows there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from streaming_jobs.conservation import add, tally_quarantined
from streaming_jobs.tallies import Tally, tallies
from streaming_jobs.spark_fates import column

_ARROW = pa.schema(
    [("seq", pa.int64()), ("part", pa.string()), ("rows", pa.int64()), ("money", pa.map_(pa.string(), pa.string()))],
)
_SPARK = "seq bigint, part string, rows bigint, money map<string, string>"

Found = tuple[int, str, Tally]
"""Upload number, one of `conservation.PARTS`, and its rows in one batch."""


def tally(judged: DataFrame, refused: DataFrame, money: tuple[str, ...]) -> dict[int, dict[str, Tally]]:
    """By upload number and part. `judged` has `_fate`, `refused` has the map `_money`."""
    parts: dict[int, dict[str, list[Tally]]] = defaultdict(lambda: defaultdict(list))
    for rows, count in (
        (judged.select("_seq", "_fate", *map(column, money)), _judged),
        (refused.select("_seq", "_money"), _refused),
    ):
        for row in rows.mapInArrow(_counting(partial(count, money)), _SPARK).collect():
            sums = {name: Decimal(text) for name, text in row["money"].items()}
            parts[row["seq"]][row["part"]].append(Tally(row["rows"], sums))
    return {seq: {part: add(each, money) for part, each in found.items()} for seq, found in parts.items()}


def _counting(
    count: Callable[[pa.Table], Iterable[Found]],
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def counted(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            rows = [
                {
                    "seq": seq,
                    "part": part,
                    "rows": found.rows,
                    "money": {name: str(value) for name, value in found.money.items()},
                }
                for seq, part, found in count(pa.Table.from_batches([batch]))
            ]
            yield pa.RecordBatch.from_pylist(rows, schema=_ARROW)

    return counted


def _judged(money: tuple[str, ...], rows: pa.Table) -> Iterator[Found]:
    for (seq, fate), found in tallies(rows["_fate"].to_numpy(), rows, money).items():
        yield seq, fate.name.lower(), found


def _refused(money: tuple[str, ...], rows: pa.Table) -> Iterator[Found]:
    for seq in rows["_seq"].unique().to_pylist():
        yield seq, "quarantined", tally_quarantined(rows.filter(pc.equal(rows["_seq"], seq))["_money"], money)
