"""One micro-batch, step by step: the loop of `docs/design.md`.

Events only say which datasets to look at; what to apply is decided by the table's own progress and by raw. A dataset
that fails does not stall the others: what it had to apply waits in raw for the next event or the next `sweep`.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ledgerlake.errors import ConservationError, LedgerlakeError
from ledgerlake.events import Outcome, UploadEvent
from ledgerlake.layout import app_id
from ledgerlake.logs import about
from streaming_jobs import measures
from streaming_jobs.checkpoints import shorten
from streaming_jobs.commit import apply_run
from streaming_jobs.lake import Lake
from streaming_jobs.lease import held
from streaming_jobs.open_tables import newest
from streaming_jobs.outcomes import recover
from streaming_jobs.refused import look_again, look_at_refused
from streaming_jobs.runs import next_run
from streaming_jobs.upkeep import look_after
from tables.delta import applied

logger = logging.getLogger(__name__)


def apply_microbatch(lake: Lake, events: Sequence[UploadEvent]) -> tuple[Outcome, ...]:
    """Applies the next run of every dataset that `events` name; returns what became of each upload."""
    announced: dict[str, list[UploadEvent]] = defaultdict(list)
    for event in events:
        announced[event.dataset].append(event)
    return tuple(outcome for dataset in sorted(announced) for outcome in apply_next(lake, dataset, announced[dataset]))


def apply_next(lake: Lake, dataset: str, events: Sequence[UploadEvent] = ()) -> tuple[Outcome, ...]:
    """Applies the next run of one dataset; nothing if it has none, or if that fails."""
    with isolated(lake, dataset) as concerned:
        run = next_run(lake, dataset, progress(lake, dataset), events)
        if run:
            concerned.update(about(run.uploads[0]))
            began = lake.clock()
            with held(lake, dataset) as lease:
                outcomes = apply_run(lake, run, lease)
            measures.of_run(lake, run, outcomes, events, began)
            look_again(lake, run, outcomes)
            return outcomes
    return ()


def sweep(lake: Lake, dataset: str) -> tuple[Outcome, ...]:
    """As `apply_next`, without a doorbell: tells what a crash left untold, looks after tables, then looks into raw."""
    with isolated(lake, dataset):
        recover(lake, dataset)
        shorten(lake, dataset)
    with isolated(lake, dataset):
        look_at_refused(lake, dataset)
    with isolated(lake, dataset):
        look_after(lake, dataset)
    return apply_next(lake, dataset)


def catch_up(lake: Lake) -> tuple[Outcome, ...]:
    """Applies all that raw has, in rounds: a long backlog of one dataset does not keep the others waiting."""
    outcomes: list[Outcome] = []
    waiting: Sequence[str] = lake.contracts.names()
    while waiting:
        done = {dataset: sweep(lake, dataset) for dataset in waiting}
        waiting = [dataset for dataset in waiting if done[dataset]]
        outcomes += [outcome for dataset in waiting for outcome in done[dataset]]
    return tuple(outcomes)


def progress(lake: Lake, dataset: str) -> int:
    """The number of the last upload in the table: the `txn` version of the commit that holds it; 0 before the first.

    Raises:
        ConfigurationError: the table was not created yet.
        TransientError: the storage cannot be reached.
    """
    return applied(newest(lake, dataset, dataset), app_id(dataset))


@contextmanager
def isolated(lake: Lake, dataset: str) -> Iterator[dict[str, object]]:
    """Keeps a failure inside its dataset: it is logged and counted, and the dataset is tried again later.

    What the block adds to the yielded members says whom the failure concerns.
    """
    concerned: dict[str, object] = {"dataset": dataset}
    try:
        yield concerned
    except LedgerlakeError as error:
        text = " ".join(str(error).split())
        logger.warning("%s waits: %s: %s", dataset, type(error).__name__, text, extra=concerned)
        measures.of_failure(lake, dataset, conserved=not isinstance(error, ConservationError))
    except Exception:
        logger.exception("%s waits: its next run failed", dataset, extra=concerned)
        measures.of_failure(lake, dataset)
