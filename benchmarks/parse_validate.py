"""How fast files are parsed and validated, against bare parsers that only parse. One run, one machine, ratios.

    python benchmarks/parse_validate.py [--spark] [--repeat N] [FILE ...]

Without files it takes the 13 fails-to-deliver files beside the repository. Times are the best of all repeats, in turns,
so that a busy moment of the machine hits every contestant. The files are read side by side, as the stream reads those
of a run, by pyarrow.csv as by us; and then one after the other, each on all threads.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
from pyarrow import csv

from tables.contract import Contract
from tables.odcs import load
from validation.validate import THREADS, validate

S = TypeVar("S")
T = TypeVar("T")
ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("LEDGERLAKE_TEST_DATA", ROOT.parent / "shared" / "data")) / "sec_ftd"
CONTRACT = ROOT / "tests" / "contracts" / "sec_ftd.yaml"
OURS, BARE, TYPED, SPARK = "parse + validate", "pyarrow.csv", "pyarrow.csv, types given", "spark.read.csv"
ALONE = ", one after the other"
GOAL = 0.4


def main(arguments: Sequence[str] = ()) -> int:
    """Prints the table; 1 if the goal is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("files", nargs="*", type=Path, help="sec_ftd files with trailers, as text or zip")
    parser.add_argument("--spark", action="store_true", help="also spark.read.csv (starts a JVM)")
    parser.add_argument("--repeat", type=int, default=9)
    options = parser.parse_args(arguments)
    paths = options.files or sorted(DATA.glob("cnsfails*.zip"))
    if not paths:
        print(f"no files: name some, or put sec_ftd under {DATA}", file=sys.stderr)
        return 2
    contract = load(CONTRACT.read_text(), CONTRACT.name)
    files = [content(path) for path in paths]
    with tempfile.TemporaryDirectory() as folder:
        best, rows = _race(_contestants(files, contract, Path(folder) if options.spark else None), options.repeat)
    _print(best, rows, sum(map(len, files)))
    return 0 if best[BARE] / best[OURS] >= GOAL else 1


def content(path: Path) -> bytes:
    """A file, out of its zip if it is in one."""
    if path.suffix != ".zip":
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        return archive.read(archive.namelist()[0])


def _contestants(files: list[bytes], contract: Contract, folder: Path | None) -> dict[str, Callable[[], int]]:
    """Each returns the number of rows it read. Bare parsers are given the files without trailers, which break them."""
    bodies = [pa.py_buffer(data[: data.index(b"Trailer record")]) for data in files]
    parse = csv.ParseOptions(delimiter="|")
    names = csv.read_csv(pa.BufferReader(bodies[0]), parse_options=parse).column_names
    kinds = [pa.timestamp("s") if pa.types.is_date32(kind) else kind for kind in contract.schema.types]
    types = csv.ConvertOptions(
        column_types=dict(zip(names, kinds, strict=False)),
        null_values=["", "."],
        timestamp_parsers=["%Y%m%d"],
    )
    alone, whole = csv.ReadOptions(use_threads=False), csv.ReadOptions()

    def bare(body: pa.Buffer, read: csv.ReadOptions = alone, convert: csv.ConvertOptions | None = None) -> int:
        return int(csv.read_csv(pa.BufferReader(body), read, parse, convert).num_rows)

    def ours(data: bytes, threads: int = 1) -> int:
        return int(validate(data, contract, threads=threads).accepted.num_rows)

    # Ours comes last: a process that ends right after Arrow's threaded reader can abort in Arrow's own clean-up.
    contestants: dict[str, Callable[[], int]] = {
        BARE: lambda: sum(side_by_side(bare, bodies)),
        TYPED: lambda: sum(side_by_side(partial(bare, convert=types), bodies)),
        BARE + ALONE: lambda: sum(bare(body, whole) for body in bodies),
        OURS: lambda: sum(side_by_side(ours, files)),
        OURS + ALONE: lambda: sum(ours(data, THREADS) for data in files),
    }
    if folder:
        for position, body in enumerate(bodies):
            (folder / f"{position}.txt").write_bytes(body.to_pybytes())
        contestants[SPARK] = _spark(folder)
    return contestants


def side_by_side(read: Callable[[S], T], files: Sequence[S]) -> list[T]:
    """What becomes of each file."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(read, files))


def _spark(folder: Path) -> Callable[[], int]:
    from pyspark.sql import SparkSession  # noqa: PLC0415  # starts a JVM: only where asked for

    spark = SparkSession.builder.master("local[*]").config("spark.ui.enabled", "false").getOrCreate()

    def read() -> int:
        frame = spark.read.csv(str(folder), sep="|", header=True, inferSchema=True)
        frame.write.format("noop").mode("overwrite").save()
        return frame.count()

    return read


def _race(contestants: dict[str, Callable[[], int]], repeat: int) -> tuple[dict[str, float], int]:
    best = dict.fromkeys(contestants, float("inf"))
    rows = set()
    for _ in range(repeat):
        for name, contestant in contestants.items():
            start = time.perf_counter()
            rows.add(contestant())
            best[name] = min(best[name], time.perf_counter() - start)
    if len(rows) != 1:
        msg = f"the contestants disagree on the number of rows: {sorted(rows)}"
        raise RuntimeError(msg)
    return best, rows.pop()


def _print(best: dict[str, float], rows: int, size: int) -> None:
    print(f"{rows:,} rows, {size / 2**20:.1f} MiB, {os.cpu_count()} CPUs")
    for name, seconds in best.items():
        print(f"{name:<38}{seconds:8.3f} s{rows / seconds:14,.0f} rows/s{best[BARE] / seconds:8.2f} x pyarrow.csv")
    print(f"goal: at least {GOAL} x pyarrow.csv")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
