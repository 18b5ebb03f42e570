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
class OpenTables:
    """The dataset's own table, and the two that all datasets share."""

    data: Handle
    quarantine: Handle
    uploads: Handle


def opened(lake: Lake, dataset: str) -> OpenTables:
    """The three tables, each at its newest version.

    Raises:
        ConfigurationError: one does not exist; a batch never creates a table.
        TransientError: the storage cannot be reached.
    """
    return OpenTables(data=newest(lake, dataset, dataset), quarantine=newest(lake, dataset, "quarantine"),
                      uploads=newest(lake, dataset, "uploads"))


def newest(lake: Lake, dataset: str, table: str) -> Handle:
    """The handle that `dataset` uses of `table`, at the newest version; raises as `opened`."""
    handle = lake.handles.get((dataset, table))
    if handle is not None:
        delta.refresh(handle)
        return handle
    uri = table_uri(lake.settings.tables_bucket, table)
    handle = delta.open_table(uri, lake.settings)
    if handle is None:
        raise ConfigurationError(f"{dataset}: there is no table {uri}: run `ledgerlake tables apply`")
    lake.handles[dataset, table] = handle
    return handle
