"""One micro-batch, step by step: the loop of `docs/design.md`.

Events only say which datasets to look at; what to apply is decided by the table's own progress and by raw. A dataset
that fails does not stall the others: what it had to apply waits in raw for the next event or the next `catch_up`.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from ledgerlake.errors import LedgerlakeError
from ledgerlake.events import Outcome, UploadEvent
from ledgerlake.layout import app_id
from streaming_jobs import measures
from streaming_jobs.commit import apply_run
from streaming_jobs.lake import Lake
from streaming_jobs.lease import held
from streaming_jobs.open_tables import newest
from streaming_jobs.outcomes import recover
from streaming_jobs.runs import next_run
from tables.delta import applied

logger = logging.getLogger(__name__)


def apply_microbatch(lake: Lake, events: Sequence[UploadEvent]) -> tuple[Outcome, ...]:
    """Applies all that is ready in the datasets that `events` name; returns what became of each upload."""
    announced: dict[str, list[UploadEvent]] = defaultdict(list)
    for event in events:
        announced[event.dataset].append(event)
    return _apply(lake, announced)


def catch_up(lake: Lake) -> tuple[Outcome, ...]:
    """As `apply_microbatch`, without a doorbell: finishes what a crash interrupted, then applies all that raw has."""
    return _apply(lake, {dataset: () for dataset in lake.contracts.names() if _recovered(lake, dataset)})


def _apply(lake: Lake, announced: Mapping[str, Sequence[UploadEvent]]) -> tuple[Outcome, ...]:
    """Goes round the datasets, one run each, so that a long backlog of one does not keep the others waiting."""
    outcomes: list[Outcome] = []
    waiting = sorted(announced)
    while waiting:
        done = {dataset: _apply_next(lake, dataset, announced[dataset]) for dataset in waiting}
        waiting = [dataset for dataset in waiting if done[dataset]]
        outcomes += [outcome for dataset in waiting for outcome in done[dataset]]
    return tuple(outcomes)


def _apply_next(lake: Lake, dataset: str, events: Sequence[UploadEvent]) -> tuple[Outcome, ...]:
    """One run of one dataset; nothing if it has none, or fails."""
    with isolated(lake, dataset):
        run = next_run(lake, dataset, progress(lake, dataset), events)
        if run:
            with held(lake, dataset) as lease:
                outcomes = apply_run(lake, run, lease)
            measures.of_run(lake, run, outcomes, events)
            return outcomes
    return ()


def _recovered(lake: Lake, dataset: str) -> bool:
    """Tells what an earlier driver committed and could not tell any more; False if that fails again."""
    recovered = False
    with isolated(lake, dataset):
        recover(lake, dataset)
        recovered = True
    return recovered


def progress(lake: Lake, dataset: str) -> int:
    """The number of the last upload in the table: the `txn` version of the commit that holds it; 0 before the first.

    Raises:
        ConfigurationError: the table was not created yet.
        TransientError: the storage cannot be reached.
    """
    return applied(newest(lake, dataset, dataset), app_id(dataset))


@contextmanager
def isolated(lake: Lake, dataset: str) -> Iterator[None]:
    """Keeps a failure inside its dataset: it is logged and counted, and the dataset is tried again later."""
    try:
        yield
    except LedgerlakeError as error:
        logger.warning("%s waits: %s: %s", dataset, type(error).__name__, error)
        measures.of_failure(lake, dataset)
    except Exception:
        logger.exception("%s waits: its next run failed", dataset)
        measures.of_failure(lake, dataset)
