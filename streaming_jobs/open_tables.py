"""Handles of the tables that a dataset's uploads are written to: opened once by a driver, then only updated.

Each dataset has handles of its own, also of the tables that it shares with others: one thread at a time writes a
dataset, so that no handle is ever used by two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ledgerlake.errors import ConfigurationError
from ledgerlake.layout import table_uri
from streaming_jobs.lake import Lake
from tables import delta

Handle = Any
"""A `deltalake.DeltaTable`; the library itself is imported by `tables.delta` only."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A handle, and the version of the table when it was opened, and when `checkpoints.py` last looked at it."""

    handle: Handle
    at: int
    seen: int | None = None


def newest(lake: Lake, dataset: str, table: str) -> Handle:
    """The handle that `dataset` uses of a table (its own, `uploads` or `quarantine`), at the newest version.

    Raises:
        ConfigurationError: the table does not exist; a batch never creates one.
        TransientError: the storage cannot be reached.
    """
    known: Opened | None = lake.handles.get((dataset, table))
    if known is not None:
        delta.refresh(known.handle)
        return known.handle
    uri = table_uri(lake.settings.tables_bucket, table)
    handle = delta.open_table(uri, lake.settings)
    if handle is None:
        raise ConfigurationError(f"{dataset}: there is no table {uri}: run `ledgerlake tables apply`")
    lake.handles[dataset, table] = Opened(handle, handle.version())
    return handle


def spark_uri(uri: str) -> str:
    """A table or folder, by the scheme whose file system is S3A everywhere."""
    return "s3a://" + uri.removeprefix("s3://")
