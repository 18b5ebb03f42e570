"""1,000 payments into 1,000,000 on S3: bare deltalake, our merge, our whole apply in both sizes, plain Spark.

Half of each batch changes payments, half is new. "merge" is the commit alone: ours also drops duplicates, decides what
is older, and carries progress. "apply" is everything from the raw file on: read, verify, validate, merge, outcomes.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from benchmarks import naive, payments
from benchmarks.report import Measured, say, show
from cli import cloud, prepare
from ledgerlake.aws import Aws
from ledgerlake.clock import new_upload_id
from ledgerlake.events import Manifest
from ledgerlake.layout import app_id, manifest_key, raw_key, table_uri
from ledgerlake.settings import Settings
from streaming_jobs.commit import apply_run
from streaming_jobs.lake import Lake
from streaming_jobs.lease import held
from streaming_jobs.runs import Run
from streaming_jobs.session import start_session
from tables import delta
from tables.contract import Contract
from tables.contract_store import ContractStore
from tables.merge import merge_of
from tables.mode import Turn
from tables.modes import MODES

TABLE, FILES, BATCH = 1_000_000, 10, 1000
WARM, COUNTED = 2, 7
JARS = Path(__file__).parents[1] / "build" / "jars"


@dataclass(frozen=True)
class Site:
    """One embedded cloud whose `payments` table holds the million."""

    lake: Lake
    contract: Contract
    env: Mapping[str, str]

    @property
    def settings(self) -> Settings:
        """Its settings."""
        return self.lake.settings

    def uri(self, bucket: str) -> str:
        """Root of the copy of the table in another bucket."""
        return f"s3://{bucket}/payments"


def main() -> None:
    """Prints the seconds of each way and how many times bare deltalake each one takes."""
    with tempfile.TemporaryDirectory() as folder, cloud.running(Path(folder), "bench") as env:
        os.environ.update(env)
        site = _site({**env, "LEDGERLAKE_JARS": str(JARS)})
        million = payments.table(0, TABLE)
        rows = _with_lineage(million, site.contract, seq=0)
        measured = [_bare(site, rows), _ours(site, rows)]
        say("loading the product's table")
        _load(site, table_uri(site.settings.tables_bucket, "payments"), rows)
        driver = replace(site.lake, spark=None)
        measured.append(_applied(site, "apply, driver path", driver, first=1))
        spark = replace(
            site.lake,
            spark=start_session(site.settings),
            settings=replace(site.settings, small_batch_bytes=1),
        )
        measured.append(_applied(site, "apply, Spark path", spark, first=1 + WARM + COUNTED))
        assert spark.spark is not None
        spark.spark.stop()
        measured.append(_plain_spark(site, million))
    show(f"{BATCH:,} payments into {TABLE:,}", measured, against="merge, bare deltalake")


def _site(env: Mapping[str, str]) -> Site:
    settings = Settings.from_mapping(env)
    aws = Aws(settings)
    store = ContractStore(settings, aws)
    prepare.prepare(settings, aws, prepare.contracts(settings, aws))
    contract = store.current("payments")
    store.pin(contract)
    return Site(Lake(settings, aws, store), contract, env)


def _copy(site: Site, bucket: str, rows: pa.Table) -> DeltaTable:
    say(f"loading a table for {bucket}")
    site.lake.aws.s3.create_bucket(Bucket=bucket)
    _load(site, site.uri(bucket), rows)
    return DeltaTable(site.uri(bucket), storage_options=delta.storage_options(site.settings))


def _load(site: Site, uri: str, rows: pa.Table) -> None:
    for start in range(0, TABLE, TABLE // FILES):
        write_deltalake(
            uri,
            rows.slice(start, TABLE // FILES),
            mode="append",
            storage_options=delta.storage_options(site.settings),
        )


def _bare(site: Site, rows: pa.Table) -> Measured:
    handle, key = _copy(site, "bare", rows), payments.KEY

    def merge(number: int) -> None:
        batch = _with_lineage(_batch(number), site.contract, seq=number)
        (
            handle.merge(batch, f"t.{key} = s.{key}", source_alias="s", target_alias="t", streamed_exec=False)
            .when_matched_update_all()
            .when_not_matched_insert_all()
            .execute()
        )

    return _timed("merge, bare deltalake", merge, first=1)


def _ours(site: Site, rows: pa.Table) -> Measured:
    handle, mode = _copy(site, "ours", rows), MODES["upsert"]
    contract = replace(site.contract, sequence_by=None)
    spec = merge_of(contract, mode, delta.schema(handle).names, deletes=False)

    def merge(number: int) -> None:
        turn = Turn(number, "0" * 8, datetime.now(UTC))
        found = mode.fold(_with_lineage(_batch(number), contract, seq=number), None, contract, turn)
        delta.merge(handle, found.changes, spec, app_id=app_id("payments"), version=number, metadata="{}")

    return _timed("merge, ours", merge, first=1)


def _applied(site: Site, name: str, lake: Lake, first: int) -> Measured:
    def apply(number: int) -> None:
        with held(lake, "payments") as lease:
            apply_run(lake, Run(site.contract, (manifests[number],)), lease)

    manifests = {number: _accepted(site, number) for number in range(first, first + WARM + COUNTED)}
    return _timed(name, apply, first)


def _plain_spark(site: Site, million: pa.Table) -> Measured:
    _copy(site, "plain", million)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.small_merge", site.uri("plain")],
        check=True,
        text=True,
        env={**os.environ, **site.env},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    seconds = json.loads(done.stdout.splitlines()[-1])
    return Measured("merge, plain Spark", tuple(seconds))


def plain_spark(uri: str) -> None:
    """Merges in a session with Spark's defaults; prints the seconds as JSON. Runs in a process of its own."""
    spark = naive.session(JARS)
    uri = uri.replace("s3://", "s3a://")

    def merge(number: int) -> None:
        naive.merge(spark, uri, spark.createDataFrame(_batch(number).to_pandas(), payments.DDL))

    print(json.dumps(_timed("merge, plain Spark", merge, first=1).seconds))


def _timed(name: str, step: Callable[[int], None], first: int) -> Measured:
    seconds = []
    for number in range(first, first + WARM + COUNTED):
        started = time.perf_counter()
        step(number)
        seconds.append(time.perf_counter() - started)
        say(f"{name}: {seconds[-1]:.2f} s")
    return Measured(name, tuple(seconds[WARM:]))


def _first(number: int) -> int:
    return TABLE + number * BATCH // 2 - BATCH


def _batch(number: int) -> pa.Table:
    return payments.table(_first(number), BATCH, revision=number)


def _with_lineage(rows: pa.Table, contract: Contract, seq: int) -> pa.Table:
    lineage = [
        pa.array(["0" * 8] * rows.num_rows),
        pa.array([seq] * rows.num_rows, pa.int64()),
        pa.array(range(2, rows.num_rows + 2), pa.int64()),
    ]
    return pa.Table.from_arrays([*rows.columns, *lineage], schema=contract.row_schema)


def _accepted(site: Site, number: int) -> Manifest:
    """An upload as admission leaves it in raw."""
    now, data = datetime.now(UTC), payments.csv(_first(number), BATCH, revision=number)
    upload_id = new_upload_id(now)
    manifest = Manifest(
        "payments",
        number,
        upload_id,
        raw_key("payments", upload_id),
        len(data),
        hashlib.sha256(data).hexdigest(),
        site.contract.sha256,
        site.contract.version,
        "payments.csv",
        "text/csv",
        "bench",
        "bench",
        "127.0.0.1",
        BATCH,
        {},
        now,
        now,
        now,
    )
    for key, body in ((manifest.raw_key, data), (manifest_key("payments", number), manifest.to_json().encode())):
        site.lake.aws.s3.put_object(Bucket=site.settings.raw_bucket, Key=key, Body=body)
    return manifest


if __name__ == "__main__":
    plain_spark(sys.argv[1]) if len(sys.argv) > 1 else main()
