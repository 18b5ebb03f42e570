"""A hold ends: a person releases the held file, with a reason and perhaps a second person, or rejects it.

    row -> decision -> (`ingestion/follow.py`) another upload of the same file, or a ring of the doorbell

Where later files went on, a released file is another upload, with the next number, that points to the same raw file;
where they wait, the held upload itself is applied in its turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from ingestion.decide import Deciding, Make, checked_reason, decide
from ingestion.decided import listed_holds
from ingestion.intake import Intake
from ingestion.request import ConflictError
from ingestion.row import Row
from ingestion.values import Caller
from ledgerlake.clock import new_upload_id, to_text
from ledgerlake.decisions import PROPOSE, REJECT, RELEASE, Decision, end_of_hold, proposal_of
from ledgerlake.events import Manifest
from tables.contract import Contract


def open_holds(intake: Intake, dataset: str, tenant: str) -> list[Row]:
    """A tenant's held uploads that nobody has decided about, the latest first."""
    held = [row for row in listed_holds(intake.ledger, dataset) if row.state == "held" and not row.is_over]
    return [row for row in held if row.grant and row.grant.tenant == tenant]


def release(intake: Intake, row: Row, caller: Caller, reason: str) -> Decision:
    """Applies the held file after all; where the contract asks for a second person, the first only proposes it.

    Raises:
        InvalidRequestError: there is no reason.
        ConflictError: it is not held, somebody decided before, or the second person would be the first.
        TransientError: a system was busy; the same call goes on from there.
    """
    manifest = _held(row)
    contract = intake.contracts.pinned(manifest.dataset, manifest.contract_sha256)
    made = partial(_release, Deciding(intake, manifest, caller, checked_reason(reason)), contract)
    return decide(intake, manifest.dataset, _unless_decided(manifest.upload_id, made))


def reject(intake: Intake, row: Row, caller: Caller, reason: str) -> Decision:
    """Ends the hold without the file; raises as `release`."""
    manifest = _held(row)
    deciding = Deciding(intake, manifest, caller, checked_reason(reason))

    def made(number: int, _: Sequence[Decision]) -> Decision:
        return deciding.decision(number, REJECT)

    return decide(intake, manifest.dataset, _unless_decided(manifest.upload_id, made))


def _held(row: Row) -> Manifest:
    if row.manifest is None or row.state != "held":
        said = "; it was released" if row.outcome and row.outcome.waived else ""
        msg = f"Upload {row.upload_id} is {row.state}, not held{said}: there is nothing to release or reject."
        raise ConflictError(msg)
    return row.manifest


def _unless_decided(upload_id: str, make: Make) -> Make:
    def once(number: int, known: Sequence[Decision]) -> Decision:
        end = end_of_hold(known, upload_id)
        if end:
            raise ConflictError(_was_decided(end))
        return make(number, known)

    return once


def _was_decided(end: Decision) -> str:
    what = {RELEASE: "released", REJECT: "rejected"}.get(end.kind, "superseded")
    second = f" and {end.approved_by}" if end.approved_by else ""
    as_upload = f" as upload {end.as_upload_id}" if end.as_upload_id else ""
    return f"It was {what}{as_upload} before, by {end.by}{second} at {to_text(end.at)}: {end.reason}"


def _release(deciding: Deciding, contract: Contract, number: int, known: Sequence[Decision]) -> Decision:
    upload_id, person = deciding.manifest.upload_id, deciding.caller.principal
    first = proposal_of(known, upload_id) if contract.four_eyes else None
    if contract.four_eyes and first is None:
        return deciding.decision(number, PROPOSE)
    if first and first.by == person:
        msg = f"{first.by} asked for this release at {to_text(first.at)}; the contract wants another person to agree."
        raise ConflictError(msg)
    as_upload_id = None if contract.waits else new_upload_id(deciding.intake.clock())
    made = deciding.decision(number, RELEASE, as_upload_id=as_upload_id)
    return replace(made, by=first.by, approved_by=person, reason=f"{first.reason}; {made.reason}") if first else made
