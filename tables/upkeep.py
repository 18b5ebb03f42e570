"""What a table needs to stay as fast as it was when it was new: few files, keys in order, nothing that is too old.

No step inserts, updates or deletes a row or moves the progress; versions within the retention stay as they are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import unquote

from pyarrow.fs import FileType

from ledgerlake.errors import ConfigurationError
from ledgerlake.layout import events_table, table_uri
from ledgerlake.settings import Settings
from tables import cluster, delta
from tables.contract import Contract
from tables.delta import log, upkeep
from tables.mode import Commit
from tables.modes import MODES
from tables.plan import AUDIT_DAYS
from tables.swap import File, files_in, partition_texts
from tables.system_tables import SYSTEM_TABLES

SMALL_FILES = 16
"""A partition with so many files of less than half of the target is compacted."""

PARTITIONS = 8
"""Partitions compacted in one go, those that were written to last."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Kept:
    """A table to look after, or the partition of it that is a dataset's own; history is kept for at least `days`."""

    table: str
    uri: str
    days: int
    key: tuple[str, ...] = ()
    partition: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: `compact`, `sort` or `vacuum`. `run` says how many files went and came; (0, 0) is nothing."""

    table: str
    action: str
    partition: Mapping[str, str | None]
    files: int
    run: Callable[[], tuple[int, int]] = field(compare=False, repr=False)


def kept_tables(contract: Contract, settings: Settings) -> tuple[Kept, ...]:
    """The dataset's table and events, and its part of `uploads` and `quarantine`."""
    dataset, bucket, mode = contract.dataset, settings.tables_bucket, MODES[contract.mode]
    events = (events_table(dataset),) if mode.remembers(contract) else ()
    return (
        Kept(
            dataset,
            table_uri(bucket, dataset),
            contract.audit_days,
            contract.primary_key if mode.commit is Commit.MERGE else (),
        ),
        *(Kept(name, table_uri(bucket, name), contract.audit_days, contract.primary_key) for name in events),
        *(Kept(name, table_uri(bucket, name), AUDIT_DAYS, (), {"dataset": dataset}) for name in SYSTEM_TABLES),
    )


def layout_steps(handle: delta.DeltaTable, kept: Kept, settings: Settings) -> Iterator[Step]:
    """Compacts partitions of many small files, then sorts files that a small merge could not tell apart."""
    target = upkeep.target_of(handle, settings.target_file_bytes)
    crowded = _crowded(files_in(handle), kept, target)
    for partition, number in crowded[:PARTITIONS]:
        yield Step(kept.table, "compact", partition, number, partial(upkeep.compact, handle, partition, target))
    group = cluster.scattered(handle, kept.key, target)
    if group:
        run = partial(_sort, handle, kept, settings, target)
        yield Step(kept.table, "sort", partition_texts(group[0]), len(group), run)


def vacuum_step(handle: delta.DeltaTable, kept: Kept, settings: Settings, now: datetime) -> Step | None:
    """Deletes files that no version within the retention has; None where there are none, as in a younger table.

    Raises:
        ConfigurationError: the table keeps them for less long than the contract wants.
    """
    days = max(kept.days, upkeep.retention_days(handle))
    if upkeep.retention_days(handle) < kept.days:
        msg = (
            f"{kept.table} keeps the files of earlier versions for {upkeep.retention_days(handle)} days, "
            f"its contract wants {kept.days}: run `ledgerlake tables apply` before anything is vacuumed"
        )
        raise ConfigurationError(msg)
    if _EPOCH + timedelta(milliseconds=handle.metadata().created_time or 0) > now - timedelta(days=days):
        return None
    old = _there(kept, settings, upkeep.vacuum(handle, days, dry_run=True))
    return Step(kept.table, "vacuum", {}, len(old), partial(_vacuum, handle, days)) if old else None


def _there(kept: Kept, settings: Settings, paths: Sequence[str]) -> list[str]:
    """Those that were not deleted before: deltalake names them until a checkpoint forgets them."""
    files = log.files_of(kept.uri, settings)
    return [
        path
        for path in paths
        if any(each.type is not FileType.NotFound for each in files.get_file_info([path, unquote(path)]))
    ]


def _crowded(files: list[File], kept: Kept, target: int) -> list[tuple[Mapping[str, str | None], int]]:
    """Partitions with many small files, and how many; the one that was written to last comes first."""
    small: dict[tuple[tuple[str, str | None], ...], list[int]] = defaultdict(list)
    for file in files:
        partition = partition_texts(file)
        if file["size_bytes"] < target // 2 and kept.partition.items() <= partition.items():
            small[tuple(partition.items())].append(file["modification_time"])
    newest = sorted(small.items(), key=lambda each: max(each[1]), reverse=True)
    return [(dict(partition), len(times)) for partition, times in newest if len(times) >= SMALL_FILES]


def _sort(handle: delta.DeltaTable, kept: Kept, settings: Settings, target: int) -> tuple[int, int]:
    """Chosen again: a compaction may have come in between."""
    group = cluster.scattered(handle, kept.key, target)
    return cluster.sort(handle, kept.uri, settings, group, kept.key, target) if group else (0, 0)


def _vacuum(handle: delta.DeltaTable, days: int) -> tuple[int, int]:
    return len(upkeep.vacuum(handle, days, dry_run=False)), 0
