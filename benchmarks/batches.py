"""The same small batches for every way to merge them, also in processes that do not have this product."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa

from benchmarks import payments
from benchmarks.report import say

TABLE = 1_000_000
SIZES = (10, 100, 1_000, 10_000, 100_000)


def batches(repeat: int) -> Iterator[tuple[int, pa.Table]]:
    """One to warm up, then some of each size, the small ones first: number from 1, rows.

    Half of a batch changes payments among the newest tenth of the table, half is new.
    """
    newest = TABLE
    for number, size in enumerate([SIZES[0], *np.repeat(SIZES, repeat).tolist()], 1):
        pick, new = np.random.default_rng(number), size - size // 2
        old = pick.choice(np.arange(newest - newest // 10, newest), size // 2, replace=False)
        yield number, payments.table(np.concatenate([old, np.arange(newest, newest + new)]), number)
        newest += new


def timed(name: str, repeat: int, merge: Callable[[int, pa.Table], object]) -> dict[int, list[float]]:
    """Seconds of each merge, by rows of its batch; without the first."""
    seconds: dict[int, list[float]] = {size: [] for size in SIZES}
    for number, rows in batches(repeat):
        started = time.perf_counter()
        merge(number, rows)
        took = time.perf_counter() - started
        if number > 1:
            seconds[rows.num_rows].append(took)
            say(f"{name}: {rows.num_rows:,} rows in {took:.2f} s")
    return seconds
