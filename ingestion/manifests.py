"""The manifest of an accepted upload: made of its grant, and kept in raw in exactly the bytes that the ledger has."""

from __future__ import annotations

from datetime import datetime

from ingestion.intake import Intake
from ingestion.objects import put_text
from ingestion.row import Row
from ingestion.values import Grant
from ledgerlake.events import Manifest
from ledgerlake.layout import manifest_key, raw_key
from tables.contract import Contract


def manifest_of(grant: Grant, contract: Contract, landed_at: datetime, accepted_at: datetime, seq: int = 0) -> Manifest:
    """The manifest of a granted file under the contract that will judge it; number 0 is none yet."""
    return Manifest(
        dataset=grant.dataset,
        seq=seq,
        upload_id=grant.upload_id,
        raw_key=raw_key(grant.dataset, grant.upload_id),
        size=grant.size,
        sha256=grant.sha256,
        contract_sha256=contract.sha256,
        contract_version=contract.version,
        file_name=grant.file_name,
        content_type=grant.content_type,
        tenant=grant.tenant,
        principal=grant.principal,
        source_ip=grant.source_ip,
        declared_rows=grant.declared_rows,
        declared_totals=grant.declared_totals,
        granted_at=grant.granted_at,
        landed_at=landed_at,
        accepted_at=accepted_at,
    )


def keep_manifest(intake: Intake, row: Row) -> None:
    """Writes the manifest of an accepted upload to raw, if it is one; may be repeated."""
    if manifest := row.manifest:
        key = manifest_key(manifest.dataset, manifest.seq)
        put_text(intake.aws, intake.settings.raw_bucket, key, row.texts["manifest"])
