"""A dataset for tests of the apply protocol: uploads accepted straight into raw, and what its tables then hold."""

from __future__ import annotations

import csv
import hashlib
import io
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
from pyspark.sql import SparkSession

from ledgerlake.aws import Aws
from ledgerlake.events import Manifest, Outcome
from ledgerlake.layout import manifest_key, raw_key, table_uri, upload_item
from ledgerlake.settings import Settings
from streaming_jobs.commit import Lease, apply_run
from streaming_jobs.lake import Lake
from streaming_jobs.runs import Run
from tables import delta, plan
from tables.contract import Contract
from tables.contract_store import ContractStore
from tables.odcs import load

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)
COLUMNS = ("id", "branch", "region", "as_of", "at", "open", "amount")


def a_contract(
    dataset: str = "books",
    *,
    mode: str = "upsert",
    sequence_by: str | None = "as_of",
    partitioned: bool = False,
    version: str = "1.0.0",
) -> Contract:
    """Every type, 38 digits of money; keyed by two columns of different types in mode upsert."""
    key = "true" if mode == "upsert" else "false"
    required = {name: str(name == sequence_by and mode == "upsert").lower() for name in ("as_of", "at")}
    order = f"      - {{property: sequenceBy, value: {sequence_by}}}\n" if sequence_by and mode == "upsert" else ""
    text = f"""apiVersion: v3.2.0
kind: DataContract
id: books
version: {version}
status: active
schema:
  - name: {dataset}
    customProperties:
      - {{property: mode, value: {mode}}}
{order}    properties:
      - {{name: id, logicalType: string, required: true, primaryKey: {key}}}
      - {{name: branch, logicalType: integer, required: true, primaryKey: {key}}}
      - {{name: region, logicalType: string, partitioned: {str(partitioned).lower()}}}
      - {{name: as_of, logicalType: date, required: {required["as_of"]}}}
      - {{name: at, logicalType: timestamp, required: {required["at"]}}}
      - {{name: open, logicalType: boolean}}
      - name: amount
        logicalType: number
        physicalType: decimal(38,2)
        customProperties: [{{property: money, value: true}}]
"""
    return load(text, f"{dataset}.yaml")


def a_row(number: str = "a", **changes: Any) -> dict[str, Any]:
    """A row of the dataset, typed."""
    return {
        "id": number,
        "branch": 1,
        "region": "north",
        "as_of": date(2026, 3, 31),
        "at": NOON,
        "open": True,
        "amount": Decimal("1.00"),
        **changes,
    }


def to_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = COLUMNS) -> bytes:
    """The file of these rows, line 2 first."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [columns, *([_cell(row[name]) for name in columns] for row in rows)],
    )
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case datetime():
            return f"{value.replace(tzinfo=None).isoformat()}Z"
        case Decimal():
            return format(value, "f")
        case _:
            return str(value)


class AlwaysHeld:
    """A lease that no other driver ever takes over."""

    def check(self) -> None:
        """Nobody else writes in these tests."""


@dataclass
class Books:
    """One dataset in one installation."""

    settings: Settings
    aws: Aws
    contract: Contract
    spark: SparkSession | None = None
    uploads: list[Manifest] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = ContractStore(self.settings, self.aws)
        self.store.pin(self.contract)
        plan.apply(plan.plan(self.contract, self.settings))

    def lake(self, aws: Aws | None = None, **changes: Any) -> Lake:
        """What a driver that just started has."""
        return Lake(
            **{
                "settings": self.settings,
                "aws": aws or self.aws,
                "contracts": self.store,
                "spark": self.spark,
                **changes,
            },
        )

    def accept(self, file: bytes | Sequence[Mapping[str, Any]], **changes: Any) -> Manifest:
        """As the admission would: the file and its manifest in raw, an item in the ledger."""
        data = file if isinstance(file, bytes) else to_csv(file)
        seq = len(self.uploads) + 1
        upload_id = str(uuid.uuid4())
        moment = NOON + timedelta(seconds=seq)
        manifest = Manifest(
            **{
                "dataset": self.contract.dataset,
                "seq": seq,
                "upload_id": upload_id,
                "raw_key": raw_key(self.contract.dataset, upload_id),
                "size": len(data),
                "sha256": hashlib.sha256(data).hexdigest(),
                "contract_sha256": self.contract.sha256,
                "contract_version": self.contract.version,
                "file_name": f"{seq}.csv",
                "content_type": "text/csv",
                "tenant": "acme",
                "principal": "ann",
                "source_ip": "127.0.0.1",
                "declared_rows": None,
                "declared_totals": {},
                "granted_at": moment,
                "landed_at": moment,
                "accepted_at": moment,
                **changes,
            },
        )
        bucket = self.settings.raw_bucket
        self.aws.s3.put_object(Bucket=bucket, Key=manifest.raw_key, Body=data)
        self.aws.s3.put_object(Bucket=bucket, Key=manifest_key(self.contract.dataset, seq), Body=manifest.to_json())
        self.aws.dynamodb.put_item(
            TableName=self.settings.ledger_table,
            Item={
                **{name: {"S": text} for name, text in upload_item(upload_id).items()},
                "state": {"S": "accepted"},
                "manifest": {"S": manifest.to_json()},
                "stages": {"M": {}},
            },
        )
        self.uploads.append(manifest)
        return manifest

    def apply(self, first: int, last: int, lease: Lease | None = None, **lake: Any) -> tuple[Outcome, ...]:
        """Applies uploads `first..last` as one run, in a driver that just started."""
        run = Run(self.contract, tuple(self.uploads[first - 1 : last]))
        return apply_run(self.lake(**lake), run, lease or AlwaysHeld())

    def table(self, name: str | None = None, version: int | None = None) -> pa.Table:
        """All rows of a table (by default the dataset's), as deltalake reads them."""
        name = name or self.contract.dataset
        versions = {} if version is None else {name: version}
        uri = table_uri(self.settings.tables_bucket, name)
        return delta.query(f"SELECT * FROM {name}", {name: uri}, self.settings, versions)  # noqa: S608  # a test's own name

    def rows(self, version: int | None = None) -> list[dict[str, Any]]:
        """The dataset's rows in a fixed order."""
        return sorted(self.table(version=version).to_pylist(), key=lambda row: (row["_seq"], row["_row"]))

    def version(self, name: str | None = None) -> int:
        """The newest version of a table."""
        handle = delta.open_table(table_uri(self.settings.tables_bucket, name or self.contract.dataset), self.settings)
        assert handle is not None
        return int(handle.version())

    def ledger_state(self, upload: Manifest) -> str:
        """What the ledger says of an upload."""
        item = self.aws.dynamodb.get_item(
            TableName=self.settings.ledger_table,
            ConsistentRead=True,
            Key={name: {"S": text} for name, text in upload_item(upload.upload_id).items()},
        )["Item"]
        return str(item["state"]["S"])
