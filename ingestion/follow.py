"""Follow: all that a decision entails, determined by its text, so that whoever comes next may do it again.

A decision that makes an upload has it accepted as any other, with the next number; one that ends a hold is told to the
ledger and, where later files wait for it, to the stream.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from ingestion.decided import add_decision
from ingestion.intake import Intake
from ingestion.manifests import keep_manifest, manifest_of
from ingestion.objects import read
from ingestion.publish import publish
from ingestion.restore import granted, restore_dataset
from ingestion.values import Grant
from ledgerlake.aws import transient
from ledgerlake.decisions import ENDS_HOLD, RELEASE, SUPERSEDE, Decision
from ledgerlake.errors import TransientError
from ledgerlake.events import Manifest
from ledgerlake.layout import grant_key, raw_key


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
        base = replace(_bytes(intake, old, decision, upload_id), cause=_cause(decision))
        intake.ledger.add_grant(granted(replace(base, accepted_at=decision.at)))

        def manifest(seq: int) -> Manifest:
            return replace(base, seq=seq, accepted_at=intake.clock())

        restore = partial(restore_dataset, intake, old.dataset)
        row = intake.ledger.accept(upload_id, old.dataset, manifest, restore, decided=True)
    keep_manifest(intake, row)
    if row.manifest and row.outcome is None:
        publish(intake.aws, intake.settings, [row.manifest.event])


def _bytes(intake: Intake, old: Manifest, decision: Decision, upload_id: str) -> Manifest:
    """What the decision makes an upload of: a file, the contract that judges it, and what was said of it.

    A release has the very file and contract of the old upload, with all that was declared, and supersedes what that
    would have; a file that supersedes another was granted as any other; rows that enter again are a file of their own,
    put into raw before it was decided about. But for a release, the contract is that of now.
    """
    if decision.kind == RELEASE:
        return _by(decision, upload_id, old)
    contract = intake.contracts.current(old.dataset)
    intake.contracts.pin(contract)
    if decision.kind == SUPERSEDE:
        made = manifest_of(_grant(intake, upload_id), contract, decision.at, decision.at)
        return replace(made, supersedes=decision.replaces)
    key = raw_key(old.dataset, upload_id)
    with transient(f"head {key}"):
        found = intake.aws.s3.head_object(Bucket=intake.settings.raw_bucket, Key=key)
    return replace(
        _by(decision, upload_id, old),
        raw_key=key,
        size=int(found["ContentLength"]),
        sha256=found["Metadata"]["sha256"],
        contract_sha256=contract.sha256,
        contract_version=contract.version,
        declared_rows=len(decision.rows),
        declared_totals={},
        supersedes=[],
    )


def _grant(intake: Intake, upload_id: str) -> Grant:
    """The grant of a file that landed; from where it was put before its URL was handed out, if the ledger lost it."""
    row = intake.ledger.read(upload_id)
    if row and row.grant:
        return row.grant
    text = read(intake.aws, intake.settings.landing_bucket, grant_key(upload_id))
    if text is None:
        raise TransientError(f"the grant of {upload_id} is gone: run `ledgerlake ledger rebuild`")
    return Grant.from_json(text)


def _by(decision: Decision, upload_id: str, manifest: Manifest) -> Manifest:
    """The manifest of what somebody decided to bring: it was they who asked for it, then."""
    return replace(
        manifest,
        upload_id=upload_id,
        principal=decision.by,
        source_ip=decision.source_ip,
        granted_at=decision.at,
        landed_at=decision.at,
    )


def _cause(decision: Decision) -> dict[str, str]:
    approved = {"approved_by": decision.approved_by} if decision.approved_by else {}
    return {
        "kind": decision.kind,
        "upload_id": decision.upload_id,
        "decision": str(decision.number),
        "reason": decision.reason,
        "by": decision.by,
        **approved,
    }
