"""The two tables that all datasets share: `uploads`, what became of each file, and `quarantine`, each refused row.

Both are partitioned by dataset and filter by the dataset's own `txn`, as a dataset's table does.
"""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa

_UTC = pa.timestamp("us", tz="UTC")
_TEXTS = pa.map_(pa.string(), pa.string())
_COUNTS = pa.map_(pa.string(), pa.int64())

OF_MANIFEST = ("file_name", "principal", "tenant", "sha256", "size", "accepted_at", "cause", "supersedes")
"""Columns of `uploads` that come from the manifest; the others are those of `Outcome`."""

UPLOADS = pa.schema(
    [
        pa.field("dataset", pa.string(), nullable=False),
        pa.field("seq", pa.int64(), nullable=False),
        pa.field("upload_id", pa.string(), nullable=False),
        pa.field("state", pa.string(), nullable=False),
        pa.field("file_name", pa.string(), nullable=False),
        pa.field("principal", pa.string(), nullable=False),
        pa.field("tenant", pa.string(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("rows", pa.int64(), nullable=False),
        pa.field("merged", pa.int64(), nullable=False),
        pa.field("superseded", pa.int64(), nullable=False),
        pa.field("duplicate", pa.int64(), nullable=False),
        pa.field("quarantined", pa.int64(), nullable=False),
        pa.field("money", pa.map_(pa.string(), _TEXTS), nullable=False),
        pa.field("held", pa.list_(pa.field("element", pa.string())), nullable=False),
        pa.field("contract_sha256", pa.string(), nullable=False),
        pa.field("contract_version", pa.string(), nullable=False),
        pa.field("accepted_at", _UTC, nullable=False),
        pa.field("applied_at", _UTC, nullable=False),
        pa.field("version", pa.int64()),
        pa.field("warnings", _COUNTS),
        pa.field("rules_sha256", pa.string()),
        pa.field("reference_versions", _COUNTS),
        pa.field("waived", pa.list_(pa.field("element", pa.string()))),
        pa.field("cause", _TEXTS),
        pa.field("supersedes", pa.list_(pa.field("element", pa.string()))),
        pa.field("replaced", _TEXTS),
        pa.field("notes", _TEXTS),
    ],
)

REASON = pa.struct(
    [
        pa.field("rule", pa.string()),
        pa.field("column", pa.string()),
        pa.field("value", pa.string()),
        pa.field("message", pa.string()),
    ],
)
QUARANTINE = pa.schema(
    [
        pa.field("dataset", pa.string(), nullable=False),
        pa.field("seq", pa.int64(), nullable=False),
        pa.field("upload_id", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("raw", pa.string(), nullable=False),
        pa.field("reasons", pa.list_(pa.field("element", REASON)), nullable=False),
        pa.field("money", _TEXTS, nullable=False),
        pa.field("contract_sha256", pa.string(), nullable=False),
        pa.field("quarantined_at", _UTC, nullable=False),
    ],
)

SYSTEM_TABLES = {"uploads": UPLOADS, "quarantine": QUARANTINE}
PARTITIONS = ("dataset",)


def quarantine_rows(  # noqa: PLR0913, PLR0917  # where refused rows come from
    dataset: str,
    seq: int,
    upload_id: str,
    contract_sha256: str,
    quarantined_at: datetime,
    refused: pa.Table,
) -> pa.Table:
    """Refused rows of one upload (columns `_row`, `raw`, `reasons`, `money` of a verdict) as rows of `quarantine`."""
    same = {
        "dataset": dataset,
        "seq": seq,
        "upload_id": upload_id,
        "contract_sha256": contract_sha256,
        "quarantined_at": quarantined_at,
    }
    found = {"row": "_row", "raw": "raw", "reasons": "reasons", "money": "money"}
    columns = [
        refused[found[each.name]].cast(each.type)
        if each.name in found
        else pa.repeat(pa.scalar(same[each.name], each.type), refused.num_rows)
        for each in QUARANTINE
    ]
    return pa.Table.from_arrays(columns, schema=QUARANTINE)
