"""What the streaming job measures of runs and micro-batches; the names stand in `monitoring.metrics.METRICS`."""

from __future__ import annotations

from collections.abc import Sequence

from ledgerlake.events import Outcome, UploadEvent
from monitoring import metrics
from streaming_jobs.lake import Lake
from streaming_jobs.runs import Run


def of_run(lake: Lake, run: Run, outcomes: Sequence[Outcome], events: Sequence[UploadEvent]) -> None:
    """Counts of a committed run, the oldest file's way from landing to commit, and what is still to apply."""
    if not outcomes:
        return
    announced = max((event.seq for event in events), default=run.last)
    landed = min(upload.landed_at for upload in run.uploads)
    committed = max(outcome.applied_at for outcome in outcomes)
    counts = {
        f"rows_{what}": sum(getattr(outcome, what) for outcome in outcomes)
        for what in ("merged", "superseded", "duplicate", "quarantined")
    }
    metrics.put(
        lake.aws,
        lake.settings,
        lake.clock(),
        {
            "uploads_applied": sum(outcome.state == "applied" for outcome in outcomes),
            "uploads_held": sum(outcome.state == "held" for outcome in outcomes),
            "freshness_seconds": (committed - landed).total_seconds(),
            "lag_uploads": max(0, announced - run.last),
            **counts,
        },
        {"dataset": run.dataset},
    )


def of_failure(lake: Lake, dataset: str) -> None:
    """A run that has to be tried again."""
    metrics.put(lake.aws, lake.settings, lake.clock(), {"apply_failures": 1}, {"dataset": dataset})


def of_microbatch(lake: Lake, seconds: float) -> None:
    """How long a micro-batch took, from the rows of its events to its last commit."""
    metrics.put(lake.aws, lake.settings, lake.clock(), {"micro_batch_seconds": seconds}, {})
