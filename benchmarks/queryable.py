"""Upload to queryable: a file of 1,000 payments until a reader counts its rows, ledgerlake beside the naive pipeline.

Both run on the same servers, one after the other, and are asked by the same reader. The naive pipeline starts its clock
at the PUT; ledgerlake before it asks for the grant. Each file brings 900 new payments and 100 later revisions.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import payments
from benchmarks.report import Measured, say, show
from cli import services
from cli.launch import launched
from cli.shell import Shell
from ingestion.client import Ask, Client
from ledgerlake.aws import Aws
from ledgerlake.layout import table_uri
from ledgerlake.settings import Settings
from tables import delta

ROWS, NEW = 1000, 900
WARM, COUNTED = 3, 12
LIMIT_SECONDS = 120


def main() -> None:
    """Prints p50 and p95 of both and their ratio."""
    with tempfile.TemporaryDirectory() as folder, launched(Shell(Path(folder) / "state", os.environ), keep=False) as it:
        os.environ.update(it.env)
        ours = _measure("ledgerlake", it.env, _ours(Path(folder), it.env), "payments")
        services.stop_service(Shell(Path(folder) / "state", os.environ).state, "stream")
        naive = _naive(it.env)
    show(f"Upload to queryable, {COUNTED} files of {ROWS:,} rows", (ours, naive), against="ledgerlake")


def _ours(folder: Path, env: dict[str, str]) -> Callable[[int], None]:
    services.wait_for_stream(Shell(folder / "state", os.environ).state)
    client = Client(env[services.API_URL])

    def upload(number: int) -> None:
        path = folder / f"payments-{number}.csv"
        path.write_bytes(_file(number))
        client.upload(Ask("payments", path))

    return upload


def _naive(env: dict[str, str]) -> Measured:
    aws, bucket = Aws(Settings.from_mapping(env)), "naive"
    aws.s3.create_bucket(Bucket=bucket)
    aws.s3.put_object(Bucket=bucket, Key="in/", Body=b"")
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.naive", bucket],
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", "the naive pipeline did not start"
        return _measure(
            "naive",
            env,
            lambda number: aws.s3.put_object(Bucket=bucket, Key=f"in/{number}.csv", Body=_file(number)),
            "payments",
            f"s3://{bucket}/payments",
        )
    finally:
        process.kill()
        process.wait()


def _file(number: int) -> bytes:
    return payments.csv(payments.table(range(number * NEW, number * NEW + ROWS), number))


def _measure(
    name: str,
    env: dict[str, str],
    upload: Callable[[int], object],
    table: str,
    uri: str | None = None,
) -> Measured:
    settings = Settings.from_mapping(env)
    where = uri or table_uri(settings.tables_bucket, table)
    seconds = []
    for number in range(WARM + COUNTED):
        started = time.perf_counter()
        upload(number)
        _await_rows(where, settings, number * NEW + ROWS)
        seconds.append(time.perf_counter() - started)
        say(f"{name}: file {number + 1} of {WARM + COUNTED} queryable after {seconds[-1]:.2f} s")
    return Measured(name, tuple(seconds[WARM:]))


def _await_rows(uri: str, settings: Settings, rows: int) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < deadline:
        counted = delta.query("SELECT count(*) AS rows FROM payments", {"payments": uri}, settings)
        if counted["rows"][0].as_py() >= rows:
            return
        time.sleep(0.02)
    raise TimeoutError(f"{uri} has no {rows} rows after {LIMIT_SECONDS} s")


if __name__ == "__main__":
    main()
