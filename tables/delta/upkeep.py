"""OPTIMIZE and VACUUM, as deltalake does them: neither inserts, updates or deletes a row, or moves the progress."""

from __future__ import annotations

from collections.abc import Mapping

from deltalake import DeltaTable, WriterProperties

from ledgerlake.errors import ConfigurationError
from tables.delta.handles import HOOKS, refusals

TARGET = "delta.targetFileSize"
"""Property of a table: about so many bytes has each of its files, whoever writes it here."""

RETENTION = "delta.deletedFileRetentionDuration"
DEFAULT_DAYS = 7
"""Of the Delta protocol, where a table does not say."""

_SNAPPY = WriterProperties(compression="SNAPPY")
"""As everybody else writes: in another codec what was compacted would be too small again."""


def target_of(handle: DeltaTable, default: int) -> int:
    """About so many bytes each file of the table is to have."""
    text = handle.metadata().configuration.get(TARGET) or ""
    return int(text) if text.isdigit() else default


def compact(handle: DeltaTable, partition: Mapping[str, str | None], target: int) -> tuple[int, int]:
    """Joins the small files of a partition, in one commit; how many files went and came. (0, 0): nothing to do.

    Raises:
        TransientError: another commit took one of the files, or the storage cannot be reached: try again later.
    """
    with refusals("compact"):
        found = handle.optimize.compact(
            partition_filters=[(name, "=", text or "") for name, text in partition.items()] or None,
            target_size=target,
            writer_properties=_SNAPPY,
            post_commithook_properties=HOOKS,
        )
    return int(found["numFilesRemoved"]), int(found["numFilesAdded"])


def vacuum(handle: DeltaTable, days: int, *, dry_run: bool) -> tuple[str, ...]:
    """Deletes the files that no version of the last `days` has, also those that crashes left; returns their paths.

    Raises:
        ConfigurationError: the table is to keep them for longer.
        TransientError: the storage cannot be reached.
    """
    kept = retention_days(handle)
    if days < kept:
        msg = f"{handle.table_uri} keeps what was removed for {kept} days; asked was to delete it after {days}"
        raise ConfigurationError(f"{msg}. Versions within that time would be lost: ask for at least {kept}")
    with refusals("vacuum"):
        return tuple(
            handle.vacuum(days * 24, dry_run=dry_run, full=True, post_commithook_properties=HOOKS),
        )


def retention_days(handle: DeltaTable) -> int:
    """For so many days the table keeps the files of earlier versions."""
    text = handle.metadata().configuration.get(RETENTION)
    return DEFAULT_DAYS if text is None else int(text.split()[1])
