"""Looks after the tables of a dataset, between its runs: compacts, sorts, and seldom vacuums (`tables.upkeep`).

It commits, so it holds the dataset's lease, as a run does. Each step is one commit, put if absent: a crash before it
has changed nothing, and where another driver commits first it is left for later.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from ledgerlake.errors import TransientError
from streaming_jobs import measures
from streaming_jobs.commit import Lease
from streaming_jobs.lake import Lake
from streaming_jobs.lease import held
from streaming_jobs.open_tables import Handle, newest
from tables import delta
from tables.contract import Contract
from tables.upkeep import Kept, Step, kept_tables, layout_steps, vacuum_step

logger = logging.getLogger(__name__)

EVERY = 16
"""Commits after which a table is looked at again, so that its upkeep is a small part of all that is written."""

VACUUM_EVERY = timedelta(days=1)
ROUNDS = 50
"""A table that is looked after by hand is done by then, or goes on the next time."""


@dataclass(frozen=True, slots=True)
class Look:
    """The version of a table when this driver last looked, and when it last looked for files to vacuum."""

    version: int
    vacuumed_at: datetime


@dataclass(frozen=True, slots=True)
class Done:
    """A step that was taken: how many files went and came."""

    step: Step
    removed: int
    added: int


def look_after(lake: Lake, dataset: str) -> tuple[Done, ...]:
    """Takes the next steps for each open table of the dataset that grew by `EVERY` commits since the last look.

    What cannot be done now is left to a later look. Raises `ConfigurationError` where a table does not keep its files
    for as long as its contract wants.
    """
    due = {table for (owner, table) in lake.handles if owner == dataset and _is_due(lake, dataset, table)}
    if not due:
        return ()
    contract = lake.contracts.current(dataset)
    done: list[Done] = []
    with _or_later(dataset), held(lake, dataset) as lease:
        for kept in kept_tables(contract, lake.settings):
            if kept.table in due:
                done += _look(lake, contract, kept, lease)
    return tuple(done)


def maintain(lake: Lake, contract: Contract) -> Iterator[Done]:
    """Takes every step that the tables of the dataset need, now.

    Raises:
        TransientError: another driver writes to them, or a system is away: try again.
        ConfigurationError: a table does not exist, or keeps its files too short for its contract.
    """
    with held(lake, contract.dataset) as lease:
        for kept in kept_tables(contract, lake.settings):
            handle = newest(lake, contract.dataset, kept.table)
            for _ in range(ROUNDS):
                done = list(_take(list(layout_steps(handle, kept, lake.settings)), lease))
                yield from done
                if not done:
                    break
            yield from _take(_vacuum(lake, handle, kept), lease)


def needed(lake: Lake, contract: Contract) -> Iterator[Step]:
    """The next step of each kind that `maintain` would take; raises as it does."""
    for kept in kept_tables(contract, lake.settings):
        handle = newest(lake, contract.dataset, kept.table)
        yield from layout_steps(handle, kept, lake.settings)
        yield from _vacuum(lake, handle, kept)


def _is_due(lake: Lake, dataset: str, table: str) -> bool:
    look: Look | None = lake.looks.get((dataset, table))
    return look is None or lake.handles[dataset, table].handle.version() >= look.version + EVERY


def _look(lake: Lake, contract: Contract, kept: Kept, lease: Lease) -> list[Done]:
    dataset, now = contract.dataset, lake.clock()
    before: Look | None = lake.looks.get((dataset, kept.table))
    handle = newest(lake, dataset, kept.table)
    seldom = before is None or now >= before.vacuumed_at + VACUUM_EVERY
    vacuumed_at = now if before is None or seldom else before.vacuumed_at
    lake.looks[dataset, kept.table] = Look(handle.version(), vacuumed_at)  # also if it fails: not again at once
    done = list(_take(list(layout_steps(handle, kept, lake.settings)), lease))
    if seldom:
        done += _take(_vacuum(lake, handle, kept), lease)
    lake.looks[dataset, kept.table] = Look(handle.version(), vacuumed_at)
    files = delta.files(handle) if kept.table == dataset else None
    measures.of_upkeep(lake, dataset, files, sum(each.removed for each in done))
    return done


def _vacuum(lake: Lake, handle: Handle, kept: Kept) -> tuple[Step, ...]:
    step = vacuum_step(handle, kept, lake.settings, lake.clock())
    return () if step is None else (step,)


def _take(steps: Sequence[Step], lease: Lease) -> Iterator[Done]:
    for step in steps:
        lease.check()
        removed, added = step.run()
        if removed or added:
            logger.info("%s: %s took %d files for %d", step.table, step.action, removed, added)
            yield Done(step, removed, added)


@contextmanager
def _or_later(dataset: str) -> Iterator[None]:
    try:
        yield
    except TransientError as error:
        logger.info("%s is looked after later: %s", dataset, error)
