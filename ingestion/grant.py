"""Ask: an `UploadRequest` becomes an `UploadGrant`, the permission to PUT exactly these bytes once.

The grant lies in S3 and in the ledger before its URL is handed out, so that whatever lands can be admitted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ingestion.intake import Intake
from ingestion.objects import put_text
from ingestion.presign import Step, begin_multipart, sign
from ingestion.request import UploadRequest, check_request
from ingestion.supersede import check_target
from ingestion.values import Caller, Grant
from ledgerlake.clock import new_upload_id
from ledgerlake.layout import grant_key


@dataclass(frozen=True, slots=True)
class UploadGrant:
    """The grant and the requests that use it: one PUT, or one for each part; valid until `expires_at`."""

    grant: Grant
    steps: tuple[Step, ...]
    expires_at: datetime


def grant_upload(intake: Intake, request: UploadRequest, caller: Caller) -> UploadGrant:
    """Mints the upload's id, records the grant in S3 and in the ledger, and only then signs its URLs.

    Raises:
        InvalidRequestError: names every field that is not acceptable.
    """
    asked = check_request(request, intake.settings, intake.contracts)
    check_target(intake, asked, caller.tenant)
    now = intake.clock()
    upload_id = new_upload_id(now)
    grant = Grant(
        dataset=asked.dataset,
        upload_id=upload_id,
        file_name=asked.file_name,
        size=asked.size,
        sha256=asked.sha256,
        content_type=asked.content_type,
        tenant=caller.tenant,
        principal=caller.principal,
        source_ip=caller.source_ip,
        declared_rows=asked.declared_rows,
        declared_totals=dict(asked.declared_totals),
        granted_at=now,
        multipart_id=begin_multipart(intake, asked.dataset, upload_id, asked.size, asked.content_type),
        supersedes=asked.supersedes,
    )
    put_text(intake.aws, intake.settings.landing_bucket, grant_key(upload_id), grant.to_json())
    intake.ledger.add_grant(grant)
    return UploadGrant(grant, sign(intake, grant), now + timedelta(seconds=intake.settings.grant_seconds))
