"""Sweep: nothing waits for ever. What landed unnoticed is admitted, what was accepted unapplied is rung again."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta

from ingestion.admission import Admitted, admit
from ingestion.decided import close_hold, listed_holds
from ingestion.follow import follow
from ingestion.intake import Intake
from ingestion.manifests import keep_manifest
from ingestion.publish import publish
from ingestion.restore import datasets_in_raw
from ingestion.triggers import LandedObject
from ledgerlake.aws import transient
from ledgerlake.decisions import end_of_hold, last_decision, read_decisions
from ledgerlake.errors import LedgerlakeError
from ledgerlake.events import Manifest
from ledgerlake.layout import LANDING_PREFIX
from ledgerlake.logs import about

RING_AT_MOST = 500
"""Uploads of a dataset that one sweep rings: the oldest, where a gap would be, and the newest, which leads to all."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep found: uploads admitted without a notice, uploads rung again, datasets' lag, and what failed.

    By dataset also how many uploads are held.
    """

    found: tuple[Admitted, ...]
    rung: tuple[Manifest, ...]
    lag: dict[str, int]
    failures: tuple[str, ...]
    holds: dict[str, int]


def sweep(intake: Intake, older_than: timedelta | None = None) -> Swept:
    """Admits and rings what is older than `older_than` (by default the setting); one failure does not stop the rest.

    Raises:
        TransientError: S3 or the ledger could not be listed; the next sweep tries again.
    """
    age = timedelta(seconds=intake.settings.sweep_seconds) if older_than is None else older_than
    found, failures = _admit_unnoticed(intake, age)
    holds = {dataset: _open_holds(intake, dataset) for dataset in datasets_in_raw(intake)}
    rung, lag = _ring_again(intake, age)
    return Swept(found, rung, lag, failures, holds)


def _admit_unnoticed(intake: Intake, age: timedelta) -> tuple[tuple[Admitted, ...], tuple[str, ...]]:
    found, failures = [], []
    for landed in _landed_before(intake, age):
        try:
            admitted = admit(intake, landed)
        except LedgerlakeError as error:
            _log.warning("not admitted: %s: %s", landed.key, error)
            failures.append(f"{landed.key}: {error}")
        else:
            found += [admitted] if admitted else []
            if admitted and (decided := admitted.row.manifest or admitted.row.rejection):
                _log.info("admitted, though no notification came", extra=about(decided))
    return tuple(found), tuple(failures)


def _landed_before(intake: Intake, age: timedelta) -> list[LandedObject]:
    bucket, before = intake.settings.landing_bucket, intake.clock() - age
    with transient("list landed objects"):
        pages = list(intake.aws.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=LANDING_PREFIX))
    return [
        LandedObject(bucket, each["Key"], each["LastModified"])
        for page in pages
        for each in page.get("Contents", [])
        if each["LastModified"] <= before
    ]


def _open_holds(intake: Intake, dataset: str) -> int:
    """Does what the last decision has left to do, as its process died; returns how many uploads wait for one."""
    if last := last_decision(intake.aws, dataset):
        follow(intake, last)
    held = listed_holds(intake.ledger, dataset)
    decisions = list(read_decisions(intake.aws, dataset)) if held else []
    over = [row for row in held if end_of_hold(decisions, row.upload_id)]
    for row in over:
        close_hold(intake.ledger, dataset, row.upload_id)
    return len(held) - len(over)


def _ring_again(intake: Intake, age: timedelta) -> tuple[tuple[Manifest, ...], dict[str, int]]:
    """Writes a manifest that a crash left out, then announces: the stream reads manifests, not the ledger."""
    rung: list[Manifest] = []
    lag = {}
    before = intake.clock() - age
    for dataset in datasets_in_raw(intake):
        pending = intake.ledger.pending(dataset)
        lag[dataset] = len(pending)
        due = [(row, row.manifest) for row in pending if row.manifest and row.manifest.accepted_at <= before]
        for row, manifest in [*due[: RING_AT_MOST - 1], *due[RING_AT_MOST - 1 :][-1:]]:
            keep_manifest(intake, row)
            _log.info("announced again", extra=about(manifest))
            rung.append(manifest)
    publish(intake.aws, intake.settings, [manifest.event for manifest in rung])
    return tuple(rung), lag
