"""Batches of 10 to 100,000 payments into 1,000,000 on S3: our driver path and Spark path, dlt, plain Spark.

Ours is all of apply, from the raw CSV on: read, verify, validate, merge, outcomes. The others are handed typed rows and
only merge. Each way has a table of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from benchmarks import naive, payments
from benchmarks.batches import SIZES, TABLE, batches, timed
from benchmarks.report import Measured, grid, say
from benchmarks.site import JARS, Site, accepted, load, running, with_lineage
from streaming_jobs.commit import apply_run
from streaming_jobs.lake import Lake
from streaming_jobs.lease import held
from streaming_jobs.runs import Run
from streaming_jobs.session import start_session

DRIVER, SPARK, DLT, PLAIN = "driver path", "Spark path", "dlt", "plain Spark"
OFTEN, SELDOM = 3, 2
"""Repetitions of what takes tenths of a second, and of what takes seconds."""

NEEDS = ("dlt[deltalake]==1.31.0", "numpy", "s3fs")
Seconds = Mapping[int, Sequence[float]]
"""Rows of a batch, to the seconds of each repetition."""


def main() -> None:
    """Prints medians, how many times our driver path each other way takes, and the crossover."""
    found: dict[str, Seconds] = {}
    with running() as site:
        load(site, site.uri, with_lineage(payments.table(range(TABLE)), site.contract, seq=0))
        found[DRIVER] = _applied(site, DRIVER, site.lake, OFTEN)
        found[DLT] = _beside(site, DLT, OFTEN, _uv())
        found[PLAIN] = _beside(site, PLAIN, SELDOM, [sys.executable, "-m", "benchmarks.small_merge"])
    with running() as site:
        load(site, site.uri, with_lineage(payments.table(range(TABLE)), site.contract, seq=0))
        spark = start_session(site.settings)
        settings = replace(site.settings, small_batch_bytes=1)
        found[SPARK] = _applied(site, SPARK, replace(site.lake, spark=spark, settings=settings), SELDOM)
        spark.stop()
    grid(
        f"A batch into {TABLE:,} payments, p50 in seconds",
        f"{'rows':>9}",
        {f"{size:>9,}": [Measured(name, tuple(each[size])) for name, each in found.items() if each] for size in SIZES},
    )
    _crossover(found[DRIVER], found[SPARK], site.settings.small_batch_bytes)


def _applied(site: Site, name: str, lake: Lake, repeat: int) -> Seconds:
    manifests = {number: accepted(site, number, rows) for number, rows in batches(repeat)}

    def apply(number: int, _: pa.Table) -> None:
        with held(lake, "payments") as lease:
            apply_run(lake, Run(site.contract, (manifests[number],)), lease)

    return timed(name, repeat, apply)


def _beside(site: Site, name: str, repeat: int, program: Sequence[str]) -> Seconds:
    """The seconds that a program prints; none where it cannot run, as without a network."""
    bucket = name.replace(" ", "-").lower()
    site.lake.aws.s3.create_bucket(Bucket=bucket)
    try:
        done = subprocess.run(
            [*program, bucket, str(repeat)],
            check=True,
            text=True,
            cwd=Path(__file__).parents[1],
            env={**os.environ, **site.env},
            stdout=subprocess.PIPE,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        say(f"{name} is left out: {error}")
        return {}
    return {int(size): seconds for size, seconds in json.loads(done.stdout.splitlines()[-1]).items()}


def _uv() -> list[str]:
    needs = [part for each in NEEDS for part in ("--with", each)]
    uv = str(Path(sys.executable).with_name("uv"))
    return [
        uv,
        "run",
        "--quiet",
        "--no-project",
        "--python",
        sys.executable,
        *needs,
        "python",
        "-m",
        "benchmarks.dlt_merge",
    ]


def plain_spark(bucket: str, repeat: int) -> None:
    """Merges in a session with Spark's defaults; prints the seconds as JSON. Runs in a process of its own."""
    spark, uri = naive.session(JARS), f"s3a://{bucket}/payments"
    spark.createDataFrame(payments.table(range(TABLE))).write.format("delta").save(uri)

    def merge(_: int, rows: pa.Table) -> None:
        naive.merge(spark, uri, spark.createDataFrame(rows))

    print(json.dumps(timed(PLAIN, repeat, merge)))


def _crossover(driver: Seconds, spark: Seconds, limit: int) -> None:
    """Where the two ways would take the same time, by what a batch and a byte cost at both ends of the sizes."""
    small, large = SIZES[0], SIZES[-1]
    width = len(payments.csv(payments.table(range(large)))) / large

    def cost(seconds: Seconds) -> tuple[float, float]:
        first, last = (Measured("", tuple(seconds[size])).p50 for size in (small, large))
        slope = (last - first) / (large - small)
        return first - slope * small, slope / width

    (fixed, each), (fixed_spark, each_spark) = cost(driver), cost(spark)
    for name, base, slope in ((DRIVER, fixed, each), (SPARK, fixed_spark, each_spark)):
        print(f"{name}: {base:.2f} s for a batch and {slope * 2**20:.3f} s for each MiB of raw data")
    if each > each_spark:
        at = (fixed_spark - fixed) / (each - each_spark)
        print(f"the same at {at / 2**20:,.0f} MiB; LEDGERLAKE_SMALL_BATCH_BYTES is {limit / 2**20:,.0f} MiB")
    else:
        print(
            f"no crossover on this machine: Spark takes longer for the batch and for each byte; "
            f"LEDGERLAKE_SMALL_BATCH_BYTES ({limit / 2**20:,.0f} MiB) is what the driver may hold in memory",
        )


if __name__ == "__main__":
    plain_spark(sys.argv[1], int(sys.argv[2]))
