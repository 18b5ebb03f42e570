"""Accept: a landed object is inspected, kept, numbered and announced, exactly once however often it is delivered.

    row -> (inspect -> raw file -> one transaction) -> manifest -> event -> landing object deleted

The transaction is the only decision. Everything before it may be repeated, everything after it is determined by the
ledger row it wrote, so a delivery that follows a crash goes on from there, with the same number and the same bytes.
A rejection is decided in the same row, and its file is moved after that.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ingestion.inspection import LandedFile, fetch, inspect
from ingestion.intake import Intake
from ingestion.manifests import keep_manifest, manifest_of
from ingestion.objects import is_missing, put_file, put_text, read
from ingestion.publish import publish
from ingestion.restore import restore_dataset
from ingestion.row import Row
from ingestion.supersede import accept_superseding
from ingestion.triggers import LandedObject
from ingestion.values import Grant, Rejection
from ledgerlake.aws import ClientError, transient
from ledgerlake.errors import ConfigurationError, RejectedError
from ledgerlake.events import Manifest
from ledgerlake.layout import grant_key, landing_key, parse_landing_key, raw_key, rejected_key
from tables.contract import Contract
from tables.modes import MODES


@dataclass(frozen=True, slots=True)
class Admitted:
    """The upload as the ledger has it now; `first` says that this delivery decided it."""

    row: Row
    first: bool


def admit(intake: Intake, landed: LandedObject) -> Admitted | None:
    """Accepts or rejects what landed; None where it is gone because another delivery has finished.

    Raises:
        ConfigurationError: the object is not one that a grant can have put there, or its dataset has no contract.
        TransientError: a system was busy or out of reach; deliver again.
    """
    dataset, upload_id = _parse(intake, landed)
    row = intake.ledger.read(upload_id)
    if row is None or row.grant is None:
        row = _restore(intake, dataset, upload_id)
    if row.decided:
        return Admitted(finish(intake, row), first=False)
    grant = row.grant
    if grant is None or grant.dataset != dataset:
        return _refuse_stray(intake, dataset, upload_id)
    decided = _decide(intake, grant, landed.at)
    if decided is None:
        return None
    return Admitted(finish(intake, decided), first=True)


def finish(intake: Intake, row: Row) -> Row:
    """Does what follows from the decision in the row; may be repeated at any time."""
    if manifest := row.manifest:
        keep_manifest(intake, row)
        publish(intake.aws, intake.settings, [manifest.event])
        _delete_landed(intake, manifest.dataset, manifest.upload_id)
    elif rejection := row.rejection:
        _move(intake, rejection, row.texts["rejection"])
    return row


def _parse(intake: Intake, landed: LandedObject) -> tuple[str, str]:
    try:
        if landed.bucket == intake.settings.landing_bucket:
            return parse_landing_key(landed.key)
        msg = f"s3://{landed.bucket}/{landed.key} is not in the landing bucket {intake.settings.landing_bucket}"
        raise ConfigurationError(msg)
    except ValueError as error:
        msg = f"{error}; send notifications of objects under landing/ only"
        raise ConfigurationError(msg) from error


def _restore(intake: Intake, dataset: str, upload_id: str) -> Row:
    """The row of an upload that the ledger does not know: from raw if the ledger was lost, else from its grant."""
    if intake.ledger.counter(dataset) is None:
        restore_dataset(intake, dataset)
    text = read(intake.aws, intake.settings.landing_bucket, grant_key(upload_id))
    if text is not None:
        intake.ledger.add_grant(Grant.from_json(text))
    return intake.ledger.read(upload_id) or Row(upload_id, {})


def _decide(intake: Intake, grant: Grant, landed_at: datetime | None) -> Row | None:
    contract = _contract(intake, grant.dataset)
    key = landing_key(grant.dataset, grant.upload_id)
    with fetch(intake.aws, intake.settings.landing_bucket, key, grant, contract) as file:
        if file is None:
            row = intake.ledger.read(grant.upload_id)
            return row if row and row.decided else None
        landed_at = max(landed_at or file.modified, grant.granted_at)
        try:
            inspect(file)
            return _accept(intake, grant, contract, landed_at, file)
        except RejectedError as error:
            return intake.ledger.reject(
                Rejection(grant.dataset, grant.upload_id, error.check, error.message, landed_at, intake.clock()),
            )


def _accept(intake: Intake, grant: Grant, contract: Contract, landed_at: datetime, file: LandedFile) -> Row:
    """Keeps the file in raw, then gives it its number; a delivery that was accepted before is refused.

    Raises:
        RejectedError: as `Ledger.accept` and `accept_superseding`.
    """

    def manifest(seq: int) -> Manifest:
        return manifest_of(grant, contract, landed_at, intake.clock(), seq)

    returns = MODES[contract.mode].alone
    if not grant.supersedes:
        intake.ledger.refuse_redelivery(manifest(0), returns=returns)
    key = raw_key(grant.dataset, grant.upload_id)
    put_file(intake.aws, intake.settings.raw_bucket, key, file.file, grant.sha256)
    if grant.supersedes:
        return accept_superseding(intake, grant, grant.supersedes, manifest(0))
    intake.contracts.pin(contract)
    return intake.ledger.accept(
        grant.upload_id,
        grant.dataset,
        manifest,
        lambda: restore_dataset(intake, grant.dataset),
        returns=returns,
    )


def _contract(intake: Intake, dataset: str) -> Contract:
    try:
        return intake.contracts.current(dataset)
    except KeyError as error:
        msg = f"dataset {dataset} has no contract (any more): put {dataset}.yaml into {intake.settings.contracts}"
        raise ConfigurationError(msg) from error


def _refuse_stray(intake: Intake, dataset: str, upload_id: str) -> Admitted | None:
    """An object that nobody was granted: kept with its reason, and no upload. Its time is S3's, so retries agree."""
    try:
        with transient("head a stray object"):
            modified = intake.aws.s3.head_object(
                Bucket=intake.settings.landing_bucket,
                Key=landing_key(dataset, upload_id),
            )["LastModified"]
    except ClientError as error:
        if is_missing(error):
            return None
        raise
    rejection = Rejection(
        dataset,
        upload_id,
        "grant",
        "nobody was granted this upload; ask the API for one first",
        modified,
        modified,
    )
    row = Row(upload_id, {"rejection": rejection.to_json()})
    return Admitted(finish(intake, row), first=True)


def _move(intake: Intake, rejection: Rejection, reason: str) -> None:
    source = {"Bucket": intake.settings.landing_bucket, "Key": landing_key(rejection.dataset, rejection.upload_id)}
    try:
        with transient("keep a rejected file"):
            intake.aws.s3.copy_object(
                Bucket=intake.settings.raw_bucket,
                CopySource=source,
                Key=rejected_key(rejection.dataset, rejection.upload_id, "file"),
            )
    except ClientError as error:
        if not is_missing(error):
            raise
    key = rejected_key(rejection.dataset, rejection.upload_id, "reason.json")
    put_text(intake.aws, intake.settings.raw_bucket, key, reason)
    _delete_landed(intake, rejection.dataset, rejection.upload_id)


def _delete_landed(intake: Intake, dataset: str, upload_id: str) -> None:
    with transient("delete a landed object"):
        intake.aws.s3.delete_object(Bucket=intake.settings.landing_bucket, Key=landing_key(dataset, upload_id))
