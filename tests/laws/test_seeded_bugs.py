"""The laws are no decoration: each of these mistakes, made alone, breaks one within some dozens of histories."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from hypothesis import Phase, find, settings

from tables.mode import Commit, Mode
from tables.modes import MODES
from tests.laws import broken_lakes, broken_modes
from tests.laws.broken_modes import with_changes, with_contract, with_memory
from tests.laws.contracts import LAWS
from tests.laws.histories import HISTORIES, MANY_HISTORIES, History
from tests.laws.lake import Lake, Table
from tests.laws.laws import LAWFUL, check

SEARCH = settings(LAWFUL, max_examples=1000, derandomize=True, phases=[Phase.generate])
"""Of a mistake: the same histories every time, the first that shows it, not the smallest."""

UPSERT, SCD2, SNAPSHOT, APPEND, REPLACE = (MODES[name] for name in ("upsert", "scd2", "snapshot", "append", "replace"))


@dataclass(frozen=True)
class Bug:
    """A mode or a lake with a mistake, and the law that it breaks."""

    law: str
    mode: Mode
    begin: Callable[[Table], Lake] = Lake


BUGS = {
    "a late row overwrites a newer one": Bug("upsert", broken_modes.without_guard(UPSERT)),
    "times are compared as text": Bug("upsert", broken_modes.as_text(UPSERT)),
    "windows are in the order of text": Bug("scd2", broken_modes.as_text(SCD2)),
    "deletions are forgotten": Bug("upsert with deletions", broken_modes.without_tombstones(UPSERT)),
    "what is deleted never comes back": Bug(
        "upsert with deletions", with_memory(UPSERT, broken_modes.deleted_for_ever)
    ),
    "a row that deletes is a row": Bug("upsert by arrival", with_contract(UPSERT, deletes=None)),
    "the first row of a file counts": Bug("snapshot", broken_modes.lines_reversed(SNAPSHOT)),
    "ties go to the earlier row": Bug("upsert", broken_modes.lines_reversed(UPSERT)),
    "ties of a time go to the earlier row": Bug("scd2", broken_modes.lines_reversed(SCD2)),
    "duplicates of a run are kept": Bug("append, deduplicated", broken_modes.row_by_row(APPEND)),
    "two changes of one row": Bug("upsert", broken_modes.row_by_row(UPSERT)),
    "the last duplicate counts": Bug("append, deduplicated", with_contract(APPEND, dedupe=False)),
    "a part of the key is the key": Bug("upsert", with_contract(UPSERT, primary_key=("name",))),
    "a late row counts as merged": Bug("upsert", broken_modes.late_is_merged(UPSERT)),
    "a row that comes back keeps its old lineage": Bug(
        "upsert by arrival", with_changes(UPSERT, broken_modes.without_restore)
    ),
    "an upload that says nothing new is named": Bug(
        "upsert", replace(UPSERT, compared=lambda contract: tuple(contract.stored_schema.names))
    ),
    "an empty cell empties": Bug("partial", with_contract(UPSERT, ignore_nulls=False)),
    "windows end a moment too late": Bug("scd2", with_changes(SCD2, broken_modes.ends_later)),
    "late rows split no window": Bug("scd2", broken_modes.without_late_rows(SCD2)),
    "windows that are no more stay": Bug("scd2", with_changes(SCD2, broken_modes.without_deletions)),
    "a deletion closes no window": Bug("scd2 with deletions, untracked", with_contract(SCD2, deletes=None)),
    "untracked columns make versions": Bug("scd2 with deletions, untracked", with_contract(SCD2, untracked=())),
    "what a full state lacks stays": Bug("snapshot", with_changes(SNAPSHOT, broken_modes.without_deletions)),
    "a file cut short is a full state": Bug("snapshot", replace(SNAPSHOT, hold=lambda *_: ())),
    "clocks are one": Bug("snapshot with history", with_changes(SNAPSHOT, broken_modes.trusts_clocks)),
    "full states are folded together": Bug("snapshot", replace(SNAPSHOT, alone=False)),
    "truncate and load without truncate": Bug("replace", replace(REPLACE, commit=Commit.APPEND)),
    "the batch is the progress": Bug("append", APPEND, broken_lakes.CountsBatches),
    "progress has a commit of its own": Bug("append", APPEND, broken_lakes.TwoCommits),
    "events beyond the progress are known": Bug("scd2", SCD2, broken_lakes.ReadsAhead),
    "events are appended again": Bug("scd2", SCD2, broken_lakes.RemembersTwice),
    "events are written after the commit": Bug("scd2", SCD2, broken_lakes.ForgetsEvents),
    "null is not null": Bug("upsert", UPSERT, broken_lakes.NullsDiffer),
    "what is there is written again": Bug("upsert", UPSERT, broken_lakes.AlwaysUpdates),
    "buckets are not of keys": Bug("scd2", SCD2, broken_lakes.BucketsOfRows),
}


@pytest.mark.parametrize("name", BUGS)
def test_a_law_notices(name: str) -> None:
    bug = BUGS[name]
    histories = HISTORIES if MODES[LAWS[bug.law].contract.mode].alone else MANY_HISTORIES
    assert find(histories, lambda history: _breaks(bug, history), settings=SEARCH)


def _breaks(bug: Bug, history: History) -> bool:
    try:
        check(bug.mode, LAWS[bug.law], history, bug.begin)
    except AssertionError:
        return True
    return False
