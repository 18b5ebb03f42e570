"""What a table was, and when: the commits of both engines, its state as of a time, how far back it can be asked.

Everything is told by versions: the times that two engines note for one commit differ by milliseconds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pyarrow.fs import FileSystem

from ledgerlake.clock import to_text
from ledgerlake.errors import HistoryError
from ledgerlake.events import Outcome
from ledgerlake.settings import Settings
from tables import delta
from tables.delta import log

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Commit:
    """One version of a table. `outcomes` are those of the uploads it applied; `metrics` are the engine's own words."""

    version: int
    committed_at: datetime
    operation: str
    engine: str
    outcomes: tuple[Outcome, ...]
    metrics: Mapping[str, Any]


def history(uri: str, settings: Settings, limit: int | None = None) -> tuple[Commit, ...]:
    """The table's commits, the newest first.

    Raises:
        HistoryError: there is no table.
    """
    return tuple(_commit(entry) for entry in opened(uri, settings).history(limit))


def version_as_of(uri: str, settings: Settings, moment: datetime) -> int:
    """The version that readers saw at that moment: the last one committed until then.

    Raises:
        HistoryError: the table did not exist then; says since when it does.
    """
    commits = history(uri, settings)
    until = [commit.version for commit in commits if commit.committed_at <= moment]
    if not until:
        first, last = commits[-1], commits[0]
        msg = (
            f"{uri} had no version at {to_text(moment)}; it has version {first.version} since "
            f"{to_text(first.committed_at)}, and {last.version} since {to_text(last.committed_at)}"
        )
        raise HistoryError(msg)
    return max(until)


def first_kept(uri: str, settings: Settings, newest: int, since: datetime) -> int:
    """The first version that was committed at `since` or later; `newest + 1` if all are older.

    Found by halves, so that a long log is not read: a driver's clock does not go back from commit to commit.
    """
    files = log.files_of(uri, settings)
    low, high = 0, newest + 1
    while low < high:
        middle = (low + high) // 2
        if _is_kept(files, middle, since):
            high = middle
        else:
            low = middle + 1
    return low


def _is_kept(files: FileSystem, version: int, since: datetime) -> bool:
    try:
        return log.log_entry(files, version).committed_at >= since
    except HistoryError:
        return False


def opened(uri: str, settings: Settings, version: int | None = None) -> delta.DeltaTable:
    """The table at its newest or that version.

    Raises:
        HistoryError: there is no table, or it never had the version.
    """
    handle = delta.open_table(uri, settings, version)
    if handle is None:
        msg = f"there is no table {uri}; run `ledgerlake tables apply`"
        raise HistoryError(msg)
    return handle


def outcomes_in(text: str | None, version: int) -> tuple[Outcome, ...]:
    """The outcomes in a commit's `userMetadata`; none where a commit applied no upload."""
    try:
        members = json.loads(text or "null")
    except json.JSONDecodeError:
        return ()
    found = members.get("outcomes") if isinstance(members, dict) else None
    return tuple(Outcome.from_members({**each, "version": version}) for each in found or ())


def _commit(entry: Mapping[str, Any]) -> Commit:
    at = _EPOCH + timedelta(milliseconds=int(entry["timestamp"]))
    version = int(entry["version"])
    metrics = entry.get("operationMetrics") or {}
    return Commit(
        version,
        at,
        str(entry.get("operation", "")),
        str(entry.get("engineInfo", "")),
        outcomes_in(entry.get("userMetadata"), version),
        metrics if isinstance(metrics, dict) else {},
    )
