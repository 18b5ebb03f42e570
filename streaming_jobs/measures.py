"""What the streaming job tells of runs and micro-batches: log lines, metrics (`monitoring.metrics.METRICS`), traces."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from ledgerlake.events import Outcome, UploadEvent
from ledgerlake.logs import about
from monitoring import publish, traces
from monitoring.traces import Stage
from streaming_jobs.lake import Lake
from streaming_jobs.runs import Run

logger = logging.getLogger(__name__)


def of_run(lake: Lake, run: Run, outcomes: Sequence[Outcome], events: Sequence[UploadEvent], began: datetime) -> None:
    """Counts of a run that was applied from `began` until now, its stages, and what is still to apply."""
    if not outcomes:
        return
    for outcome in outcomes:
        logger.info("%s in version %s", outcome.state, outcome.version, extra=about(outcome))
    traces.put(lake.aws, lake.settings, _stages(run, outcomes, began))
    announced = max((event.seq for event in events), default=run.last)
    landed = min(upload.landed_at for upload in run.uploads)
    accepted = min(upload.accepted_at for upload in run.uploads)
    committed = max(outcome.applied_at for outcome in outcomes)
    counts = {
        f"rows_{what}": sum(getattr(outcome, what) for outcome in outcomes)
        for what in ("merged", "superseded", "duplicate", "quarantined")
    }
    now = lake.clock()
    dataset = {"dataset": run.dataset}
    values = {
        "uploads_applied": sum(outcome.state == "applied" for outcome in outcomes),
        "uploads_late": _late(run, outcomes),
        "apply_failures": 0,
        "conservation_failures": 0,
        "uploads_held": sum(outcome.state == "held" for outcome in outcomes),
        "freshness_seconds": (committed - landed).total_seconds(),
        "lag_uploads": max(0, announced - run.last),
        **counts,
    }
    objective = {"objective_uploads": values["uploads_applied"], "objective_late": values["uploads_late"]}
    stages = [
        ({"stage_seconds": seconds.total_seconds()}, {**dataset, "stage": stage})
        for stage, seconds in (("wait", began - accepted), ("apply", now - began))
    ]
    publish.put(lake.aws, lake.settings, now, (values, dataset), (objective, {}), *stages)


def _stages(run: Run, outcomes: Sequence[Outcome], began: datetime) -> list[Stage]:
    accepted = {upload.seq: upload.accepted_at for upload in run.uploads}
    return [
        stage
        for each in outcomes
        for stage in (
            Stage("wait", each.upload_id, each.dataset, accepted[each.seq], max(began, accepted[each.seq])),
            Stage("apply", each.upload_id, each.dataset, began, each.applied_at, bad=each.state == "held"),
        )
    ]


def _late(run: Run, outcomes: Sequence[Outcome]) -> int:
    """Applied uploads that took longer than their contract promises."""
    landed = {upload.seq: upload.landed_at for upload in run.uploads}
    times = [each.applied_at - landed[each.seq] for each in outcomes if each.state == "applied"]
    return sum(time.total_seconds() > run.contract.latency_seconds for time in times)


def of_failure(lake: Lake, dataset: str, *, conserved: bool = True) -> None:
    """A run that has to be tried again; of which the parts of a file did not add up to the file, if not `conserved`."""
    values = {"apply_failures": 1, "conservation_failures": int(not conserved)}
    publish.put(lake.aws, lake.settings, lake.clock(), (values, {"dataset": dataset}))


def of_microbatch(lake: Lake, seconds: float) -> None:
    """How long a micro-batch took, from the rows of its events to its last commit."""
    publish.put(lake.aws, lake.settings, lake.clock(), ({"micro_batch_seconds": seconds}, {}))


def of_refused(lake: Lake, dataset: str, since: Sequence[datetime]) -> None:
    """How many refused rows of a dataset are open, and how old the oldest of them is; each was refused `since` then."""
    now = lake.clock()
    oldest = (now - min(since)).total_seconds() if since else 0.0
    values = {"quarantine_open_rows": len(since), "quarantine_oldest_seconds": oldest}
    publish.put(lake.aws, lake.settings, now, (values, {"dataset": dataset}))


def of_upkeep(lake: Lake, dataset: str, files: int | None, rewritten: int) -> None:
    """Files of the dataset's table, if they were counted, and files that its maintenance rewrote."""
    counted = {} if files is None else {"table_files": files}
    values = {**counted, "files_rewritten": rewritten}
    publish.put(lake.aws, lake.settings, lake.clock(), (values, {"dataset": dataset}))
