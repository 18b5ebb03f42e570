"""The change feed: what was inserted, updated and deleted between two versions, each with the upload that caused it.

Read from Delta's change data feed, whichever engine wrote it. Memory is bounded, however much a version changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pyarrow as pa
from pyarrow.fs import FileSystem

from ledgerlake.clock import to_text
from ledgerlake.errors import HistoryError
from ledgerlake.layout import events_table, table_uri
from ledgerlake.settings import Settings
from tables import delta, sql
from tables.causes import Cause, Change, causes
from tables.contract import Contract
from tables.delta import log
from tables.history import first_kept, opened, outcomes_in
from tables.key import Key, identity_of
from tables.modes import MODES
from tables.pieces import pieces

PAGE = 100
"""Commits whose files are looked up at once."""

PARALLEL = 8
"""Commits read at once."""


@dataclass(frozen=True, slots=True)
class RowChange:
    """One row that a commit changed: `insert` has only `after`, `delete` only `before`, `update` both.

    `cause` is None where no upload changed the row, but a person or another program.
    """

    version: int
    committed_at: datetime
    change: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    cause: Cause | None


@dataclass(frozen=True, slots=True)
class Span:
    """Changes from version `after`, which a consumer has, to `last`; only those of uploads above `seq`, if given."""

    after: int
    last: int
    seq: int | None = None


# Which


def span(  # noqa: PLR0913  # three ways to say where to begin and end
    contract: Contract,
    settings: Settings,
    now: datetime,
    *,
    after: int | None = None,
    last: int | None = None,
    upload: int | None = None,
) -> Span:
    """What a consumer asks for: all changes that are kept, or those after a version or upload, up to a version.

    Raises:
        HistoryError: the table has no such version or upload, or no longer keeps what changed then; says what there is.
    """
    uri = table_uri(settings.tables_bucket, contract.dataset)
    newest = opened(uri, settings).version()
    if upload is not None:
        after = _before_upload(contract.dataset, settings, upload + 1, newest)
    wanted = [each for each in (after, last) if each is not None]
    if any(not 0 <= each <= newest for each in wanted):
        msg = f"{contract.dataset} has the versions 0..{newest}; asked was for {' to '.join(map(str, wanted))}"
        raise HistoryError(msg)
    return Span(_kept(contract, settings, uri, newest, now, after), newest if last is None else last, upload)


def _kept(  # noqa: PLR0913, PLR0917  # the version and all that says whether it is kept
    contract: Contract,
    settings: Settings,
    uri: str,
    newest: int,
    now: datetime,
    after: int | None,
) -> int:
    """`after`, or the version before the first change that is kept."""
    since = now - timedelta(days=contract.audit_days)
    first = first_kept(uri, settings, newest, since) - 1
    if after is not None and after < first:
        msg = (
            f"{contract.dataset} keeps its changes for {contract.audit_days} days: those after version {first} "
            f"(since {to_text(since)}), up to {newest}; asked was for those after {after}. Load the table as it is, "
            f"and follow it from version {newest}"
        )
        raise HistoryError(msg)
    return max(first, 0) if after is None else after


def _before_upload(dataset: str, settings: Settings, seq: int, newest: int) -> int:
    """The version before the one that holds an upload; the newest where that is still to come."""
    uploads = opened(table_uri(settings.tables_bucket, "uploads"), settings)
    mine = f"dataset = {sql.literal(dataset, pa.string())}"
    found = delta.select(uploads, f"SELECT seq, version FROM t WHERE {mine} AND seq BETWEEN {seq - 1:d} AND {seq:d}")  # noqa: S608  # literals
    versions = dict(zip(found["seq"].to_pylist(), found["version"].to_pylist(), strict=True))
    if seq in versions:
        return int(versions[seq]) - 1
    if seq - 1 in versions or seq == 1:
        return newest
    (last,) = delta.select(uploads, f"SELECT max(seq) AS n FROM t WHERE {mine}")["n"].to_pylist()  # noqa: S608  # as above
    msg = f"{dataset} has applied the uploads 1..{last or 0}; asked was for what came after upload {seq - 1}"
    raise HistoryError(msg)


# What


def changes(contract: Contract, settings: Settings, span: Span, key: Key | None = None) -> Iterator[RowChange]:
    """The changes, version by version; with `key` (columns of the primary key), only those of such rows.

    Raises:
        HistoryError: a file of the history is gone.
        TransientError: the storage cannot be reached.
    """
    uri = table_uri(settings.tables_bucket, contract.dataset)
    columns, files = log.columns_of(opened(uri, settings)), log.files_of(uri, settings)
    identity = identity_of(contract)
    events = _events(contract, settings)
    uploads = delta.open_table(table_uri(settings.tables_bucket, "uploads"), settings)
    with ThreadPoolExecutor(PARALLEL) as pool:
        for first in range(span.after + 1, span.last + 1, PAGE):
            entries = list(pool.map(partial(log.log_entry, files), range(first, min(first + PAGE, span.last + 1))))
            told = {each.version: outcomes_in(each.info.get("userMetadata"), each.version) for each in entries}
            names = _file_names(uploads, contract.dataset, [one.seq for each in told.values() for one in each])
            read = partial(_rows, files, columns=columns, identity=identity, key=key)
            for entry, parts in zip(entries, pool.map(read, entries) if key else map(read, entries), strict=True):
                for rows in parts:
                    pairs = _pairs(rows, identity)
                    found = causes(pairs, told[entry.version], contract, events)
                    yield from _told(entry, pairs, found, names, span.seq)


def _rows(
    files: FileSystem,
    entry: log.LogEntry,
    *,
    columns: pa.Schema,
    identity: Sequence[str],
    key: Key | None,
) -> Iterable[pa.Table]:
    """The commit's rows in pieces; those of one key are few, and so read at once."""
    rows = log.changed_rows(files, entry, columns, key)
    found = pieces(rows, identity) if entry.paired else rows
    return list(found) if key else found


def _pairs(rows: pa.Table, identity: Sequence[str]) -> list[Change]:
    """Each changed row before and after. An update that changed the identity itself is a deletion and an insertion."""
    order = [*((name, "ascending") for name in identity), (log.CHANGE, "descending")]
    found: list[Change] = []
    before: dict[str, Any] | None = None
    for row in rows.sort_by(order).to_pylist():
        kind = row.pop(log.CHANGE)
        same = before is not None and all(before[name] == row[name] for name in identity)
        if before is not None and not (kind == "update_postimage" and same):
            found.append((before, None))
        match kind:
            case "update_preimage":
                before = row
                continue
            case "update_postimage":
                found.append((before if same else None, row))
            case "insert":
                found.append((None, row))
            case _:
                found.append((row, None))
        before = None
    return found if before is None else [*found, (before, None)]


def _told(
    entry: log.LogEntry,
    pairs: Sequence[Change],
    found: Sequence[Cause | None],
    names: Mapping[str, str],
    above: int | None,
) -> Iterator[RowChange]:
    for (before, after), cause in zip(pairs, found, strict=True):
        if above is None or cause is None or cause.seq > above:
            change = "insert" if before is None else "delete" if after is None else "update"
            named = cause and replace(cause, file_name=names.get(cause.upload_id))
            yield RowChange(entry.version, entry.committed_at, change, before, after, named)


def _events(contract: Contract, settings: Settings) -> delta.DeltaTable | None:
    if not MODES[contract.mode].remembers(contract):
        return None
    return delta.open_table(table_uri(settings.tables_bucket, events_table(contract.dataset)), settings)


def _file_names(uploads: delta.DeltaTable | None, dataset: str, seqs: Sequence[int]) -> dict[str, str]:
    if uploads is None or not seqs:
        return {}
    where = f"dataset = {sql.literal(dataset, pa.string())} AND seq BETWEEN {min(seqs):d} AND {max(seqs):d}"
    found = delta.select(uploads, f"SELECT upload_id, file_name FROM t WHERE {where}")  # noqa: S608  # literals
    return dict(zip(found["upload_id"].to_pylist(), found["file_name"].to_pylist(), strict=True))
