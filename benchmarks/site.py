"""An embedded cloud whose `payments` table is filled, and uploads for it as admission leaves them in raw."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from benchmarks import payments
from benchmarks.report import say
from cli import cloud, prepare
from ledgerlake.aws import Aws
from ledgerlake.clock import new_upload_id
from ledgerlake.events import Manifest
from ledgerlake.layout import manifest_key, raw_key, table_uri
from ledgerlake.settings import Settings
from streaming_jobs.lake import Lake
from tables import delta
from tables.contract import Contract
from tables.contract_store import ContractStore

JARS = Path(__file__).parents[1] / "build" / "jars"


@dataclass(frozen=True)
class Site:
    """The cloud, and the driver's side of it; `env` is for processes beside it."""

    lake: Lake
    contract: Contract
    env: Mapping[str, str]

    @property
    def settings(self) -> Settings:
        """Its settings."""
        return self.lake.settings

    @property
    def uri(self) -> str:
        """The product's table."""
        return table_uri(self.settings.tables_bucket, "payments")


@contextmanager
def running() -> Iterator[Site]:
    """A new one, with an empty `payments` table."""
    with tempfile.TemporaryDirectory() as folder, cloud.running(Path(folder), "bench") as env:
        os.environ.update(env)
        settings = Settings.from_mapping({**env, "LEDGERLAKE_JARS": str(JARS)})
        aws = Aws(settings)
        store = ContractStore(settings, aws)
        prepare.prepare(settings, aws, prepare.contracts(settings, aws, ["payments"]))
        contract = store.current("payments")
        store.pin(contract)
        yield Site(Lake(settings, aws, store), contract, env)


def copy(site: Site, bucket: str, rows: pa.Table) -> str:
    """The rows as a table in a bucket of its own; its URI."""
    say(f"loading a table for {bucket}")
    site.lake.aws.s3.create_bucket(Bucket=bucket)
    uri = f"s3://{bucket}/payments"
    load(site, uri, rows)
    return uri


def load(site: Site, uri: str, rows: pa.Table) -> None:
    """Appends the rows to a table, or makes it of them."""
    write_deltalake(uri, rows, mode="append", storage_options=delta.storage_options(site.settings))


def opened(site: Site, uri: str) -> DeltaTable:
    """A table at its newest version."""
    return DeltaTable(uri, storage_options=delta.storage_options(site.settings))


def with_lineage(rows: pa.Table, contract: Contract, seq: int) -> pa.Table:
    """The rows as upload `seq` would have brought them."""
    lineage = [
        pa.repeat("0" * 8, rows.num_rows),
        pa.repeat(pa.scalar(seq, pa.int64()), rows.num_rows),
        pa.array(range(2, rows.num_rows + 2), pa.int64()),
    ]
    return pa.Table.from_arrays([*rows.columns, *lineage], schema=contract.row_schema)


def accepted(site: Site, number: int, rows: pa.Table) -> Manifest:
    """An upload as admission leaves it in raw."""
    now, data = datetime.now(UTC), payments.csv(rows)
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
        rows.num_rows,
        {},
        now,
        now,
        now,
    )
    for key, body in ((manifest.raw_key, data), (manifest_key("payments", number), manifest.to_json().encode())):
        site.lake.aws.s3.put_object(Bucket=site.settings.raw_bucket, Key=key, Body=body)
    return manifest
