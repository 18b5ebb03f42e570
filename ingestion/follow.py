"""Follow: all that a decision entails, determined by its text, so that whoever comes next may do it again.

A decision that makes an upload has it accepted as any other, with the next number; one that ends a hold is told to the
ledger and, where later files wait for it, to the stream.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from ingestion.admission import keep_manifest
from ingestion.decided import add_decision
from ingestion.intake import Intake
from ingestion.publish import publish
from ingestion.restore import granted, restore_dataset
from ledgerlake.aws import transient
from ledgerlake.decisions import ENDS_HOLD, RELEASE, Decision
from ledgerlake.events import Manifest
from ledgerlake.layout import raw_key


def follow(intake: Intake, decision: Decision) -> None:
    """Does what follows from a decision; may be repeated at any time.

    Raises:
        TransientError: a system was busy; call again.
    """
    row = intake.ledger.read(decision.upload_id)
    if row is None or row.manifest is None:
        return
    if decision.as_upload_id:
        _accept(intake, row.manifest, decision, decision.as_upload_id)
    add_decision(intake.ledger, decision)
    if decision.kind in ENDS_HOLD and row.waited_for:
        publish(intake.aws, intake.settings, [row.manifest.event])


def _accept(intake: Intake, old: Manifest, decision: Decision, upload_id: str) -> None:
    """Gives the upload that the decision makes its number, unless it has one, and announces it until it is applied."""
    row = intake.ledger.read(upload_id)
    if row is None or row.manifest is None:
        base = partial(_caused, _bytes(intake, old, decision, upload_id), decision, upload_id)
        intake.ledger.add_grant(granted(replace(base(), accepted_at=decision.at)))

        def manifest(seq: int) -> Manifest:
            return replace(base(), seq=seq, accepted_at=intake.clock())

        row = intake.ledger.accept(upload_id, old.dataset, manifest, lambda: restore_dataset(intake, old.dataset))
    keep_manifest(intake, row)
    if row.manifest and row.outcome is None:
        publish(intake.aws, intake.settings, [row.manifest.event])


def _bytes(intake: Intake, old: Manifest, decision: Decision, upload_id: str) -> Manifest:
    """The manifest of the old upload, with the bytes of the new one and the contract that judges them.

    A release has the very file and contract of the old one, with all that was declared; rows that enter again are a
    file of their own, put into raw before it was decided about, and judged under the contract of now.
    """
    if decision.kind == RELEASE:
        return old
    key = raw_key(old.dataset, upload_id)
    with transient(f"head {key}"):
        found = intake.aws.s3.head_object(Bucket=intake.settings.raw_bucket, Key=key)
    contract = intake.contracts.current(old.dataset)
    intake.contracts.pin(contract)
    return replace(
        old,
        raw_key=key,
        size=int(found["ContentLength"]),
        sha256=found["Metadata"]["sha256"],
        contract_sha256=contract.sha256,
        contract_version=contract.version,
        declared_rows=len(decision.rows),
        declared_totals={},
    )


def _caused(manifest: Manifest, decision: Decision, upload_id: str) -> Manifest:
    approved = {"approved_by": decision.approved_by} if decision.approved_by else {}
    return replace(
        manifest,
        upload_id=upload_id,
        principal=decision.by,
        source_ip=decision.source_ip,
        granted_at=decision.at,
        landed_at=decision.at,
        cause={
            "kind": decision.kind,
            "upload_id": decision.upload_id,
            "decision": str(decision.number),
            "reason": decision.reason,
            "by": decision.by,
            **approved,
        },
    )
