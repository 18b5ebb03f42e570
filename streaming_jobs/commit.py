"""Applies one run to its dataset's table, exactly once: the apply protocol, a step a line.

Quarantined rows, remembered events, data and outcomes go to four tables, each with its own `txn` progress, and each
is compared with that progress before it is written to. So a crash between any two steps, followed by the same or
another cut of the same uploads, resumes exactly.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from ledgerlake.errors import ConfigurationError, LedgerlakeError
from ledgerlake.events import Outcome
from ledgerlake.layout import app_id
from streaming_jobs import driver_path, executor_path, refold
from streaming_jobs.lake import Lake
from streaming_jobs.open_tables import Handle, newest
from streaming_jobs.outcomes import recover, tell, tell_ledger, to_metadata
from streaming_jobs.runs import Run
from streaming_jobs.session import large_path_problem
from streaming_jobs.settlement import Prepared
from tables import delta
from tables.superseding import by_lineage


class Lease(Protocol):
    """What is asked of a lease here (`streaming_jobs.lease.Lease`)."""

    def check(self) -> None:
        """Raises `TransientError` if another driver may write the table by now."""


def apply_run(lake: Lake, run: Run, lease: Lease) -> tuple[Outcome, ...]:
    """Applies the uploads of `run` that the table does not have yet, in one commit, and returns their outcomes.

    Raises:
        TransientError: a system was unreachable, or another driver took over; the same call may succeed later.
        ConfigurationError: a table is missing, or the run is too large for an installation without a safe Spark.
        LedgerlakeError: an upload before the run is not applied, or a file's parts do not add up to the file.
    """
    data = newest(lake, run.dataset, run.dataset)
    pending = _pending(run, delta.applied(data, app_id(run.dataset)))
    if pending is None:
        recover(lake, run.dataset)
        return ()
    prepared = _prepare(lake, pending, data)
    try:
        if _waits(pending, prepared.outcomes):
            return _wait(lake, prepared.outcomes[0])
        prepared.quarantine()
        prepared.remember()
        lease.check()
        version = prepared.commit(to_metadata(prepared.outcomes))
    finally:
        prepared.discard()
    outcomes = tuple(replace(outcome, version=version) for outcome in prepared.outcomes)
    tell(lake, outcomes, pending.uploads)
    return outcomes


def _pending(run: Run, applied: int) -> Run | None:
    uploads = tuple(upload for upload in run.uploads if upload.seq > applied)
    if uploads and uploads[0].seq != applied + 1:
        msg = f"{run.dataset}: upload {uploads[0].seq} cannot follow upload {applied}: a gap waits, it is never skipped"
        raise LedgerlakeError(msg)
    return replace(run, uploads=uploads) if uploads else None


def _waits(run: Run, outcomes: tuple[Outcome, ...]) -> bool:
    return run.contract.waits and run.decision is None and outcomes[0].state == "held"


def _wait(lake: Lake, held: Outcome) -> tuple[Outcome, ...]:
    """Nothing is committed until somebody decides: the progress stays before the file, and only the ledger is told."""
    lake.waiting[held.dataset] = held.upload_id
    tell_ledger(lake, (held,))
    return ()


def _prepare(lake: Lake, run: Run, data: Handle) -> Prepared:
    """Chooses the place by contract and size.

    Where Spark may not commit, a run that is too large is refused: in the driver it might not fit in memory, and its
    failure would take the other datasets with it. The operator decides, by a setting, what the driver can hold.
    """
    if run.supersedes and not by_lineage(run.contract):
        return driver_path.prepare(lake, run, data, refold)
    if not _wants_executors(lake, run):
        return driver_path.prepare(lake, run, data)
    problem = large_path_problem(lake.spark)
    if lake.spark is not None and problem is None:
        return executor_path.prepare(lake, lake.spark, run, data)
    msg = (
        f"{run.dataset}: uploads {run.uploads[0].seq}..{run.last} ({run.size:,} bytes) must be applied by Spark, "
        f"but {problem}. Mend that, or raise LEDGERLAKE_SMALL_BATCH_BYTES if the driver has memory for ten times "
        "as much"
    )
    raise ConfigurationError(msg)


def _wants_executors(lake: Lake, run: Run) -> bool:
    if run.contract.engine is not None:
        return run.contract.engine == "spark"
    return lake.spark is not None and run.size > lake.settings.small_batch_bytes
