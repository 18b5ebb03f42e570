"""Decide: appends a decision to its dataset's, after having read all before it (`ledgerlake.decisions`).

A decision is the only choice; all that follows is determined by it. Before the next is made, what follows from the last
one is done. So at most the last decision has something left to do, whoever died where.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ingestion.follow import follow
from ingestion.intake import Intake
from ingestion.objects import put_new
from ingestion.request import FieldProblem, InvalidRequestError
from ingestion.values import Caller
from ledgerlake.decisions import Decision, read_decisions
from ledgerlake.errors import TransientError
from ledgerlake.events import Manifest
from ledgerlake.layout import decision_key

ATTEMPTS = 20
MAX_REASON = 1000

Make = Callable[[int, Sequence[Decision]], Decision]
"""The decision of a number, in the light of all before it, or one of them if it was made; raises `ConflictError` if
there is nothing to decide."""


@dataclass(frozen=True, slots=True)
class Deciding:
    """Somebody wants to decide about an upload, for a reason."""

    intake: Intake
    manifest: Manifest
    caller: Caller
    reason: str

    def decision(self, number: int, kind: str, rows: Iterable[int] = (), as_upload_id: str | None = None) -> Decision:
        """Their decision, about the file or rows on these lines of it; `as_upload_id` is the upload that it makes."""
        return Decision(
            self.manifest.dataset,
            number,
            kind,
            self.manifest.upload_id,
            self.reason,
            self.caller.principal,
            self.caller.tenant,
            self.caller.source_ip,
            self.intake.clock(),
            as_upload_id=as_upload_id,
            rows=sorted(rows),
        )


def decide(intake: Intake, dataset: str, make: Make) -> Decision:
    """Writes the next decision of the dataset and does what follows; who is faster is read, and `make` asked again.

    Raises:
        ConflictError: as `make`.
        TransientError: raw was out of reach, or others were faster each time.
    """
    known = list(read_decisions(intake.aws, dataset))
    for _ in range(ATTEMPTS):
        number = known[-1].number + 1 if known else 1
        if known:
            follow(intake, known[-1])
        decision = make(number, known)
        key = decision_key(dataset, number)
        written = decision not in known and put_new(intake.aws, intake.settings.raw_bucket, key, decision.to_json())
        known += [] if written else read_decisions(intake.aws, dataset, number - 1)
        if written or decision in known:  # it is there too if only the reply to our write was lost
            follow(intake, decision)
            return decision
    msg = f"{dataset}: {ATTEMPTS} attempts to decide lost to others; try again"
    raise TransientError(msg)


def checked_reason(reason: str) -> str:
    """The reason, trimmed.

    Raises:
        InvalidRequestError: there is none, or it is too long.
    """
    if not 0 < len(reason.strip()) <= MAX_REASON:
        fault = f"must say why, in 1..{MAX_REASON} characters"
        raise InvalidRequestError((FieldProblem("reason", fault),))
    return reason.strip()
