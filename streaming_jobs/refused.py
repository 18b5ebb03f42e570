"""How many refused rows of a dataset are open, and for how long: measured now and then, between its runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from ledgerlake.decisions import read_decisions
from ledgerlake.events import Outcome
from streaming_jobs import measures
from streaming_jobs.lake import Lake
from streaming_jobs.open_tables import newest
from streaming_jobs.runs import Run
from tables.quarantine import open_since

EVERY = timedelta(minutes=5)
"""So often it is measured though nothing was applied: rows grow older, and people decide."""


def look_at_refused(lake: Lake, dataset: str) -> None:
    """Measures, unless that was done not long ago.

    Raises:
        ConfigurationError: there is no quarantine.
        TransientError: raw or the storage cannot be reached.
    """
    now = lake.clock()
    if dataset in lake.measured and now < lake.measured[dataset] + EVERY:
        return
    lake.measured[dataset] = now  # also if it fails: not again at once
    since = open_since(newest(lake, dataset, "quarantine"), dataset, read_decisions(lake.aws, dataset))
    measures.of_refused(lake, dataset, since)


def look_again(lake: Lake, run: Run, outcomes: Sequence[Outcome]) -> None:
    """Has the dataset measured soon, if a run that was applied refused rows, or brought some in again."""
    if any(outcome.quarantined for outcome in outcomes) or any(upload.reenters for upload in run.uploads):
        lake.measured.pop(run.dataset, None)
