"""The requests that use a grant, signed: they bind what may be sent so that S3 itself refuses anything else.

One PUT binds size, type, SHA-256 and no-overwrite. A large file goes in parts, each bound to its size; its hash is
verified at admission, and the completion, which is ours, refuses to overwrite.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ingestion.intake import Intake
from ingestion.objects import checksum, is_taken
from ingestion.request import FieldProblem, InvalidRequestError
from ingestion.values import Grant
from ledgerlake.aws import ClientError, error_code, transient
from ledgerlake.layout import landing_key

MIN_PART = 5 * 1024**2
MAX_PARTS = 10_000
"""S3's limits: every part but the last has at least 5 MiB, and there are at most 10,000."""


@dataclass(frozen=True, slots=True)
class Step:
    """One request for the client to make: `size` bytes from `offset` of the file, with exactly these headers."""

    method: str
    url: str
    headers: Mapping[str, str]
    offset: int
    size: int


def begin_multipart(intake: Intake, dataset: str, upload_id: str, size: int, content_type: str) -> str | None:
    """S3's id of an upload in parts, where the file is too large for one PUT; else None."""
    if size <= _part_size(intake, size):
        return None
    with transient("create multipart upload"):
        return str(
            intake.aws.s3.create_multipart_upload(
                Bucket=intake.settings.landing_bucket,
                Key=landing_key(dataset, upload_id),
                ContentType=content_type,
            )["UploadId"],
        )


def sign(intake: Intake, grant: Grant) -> tuple[Step, ...]:
    """The requests that send the file, in order."""
    if grant.multipart_id is None:
        return (_put(intake, grant),)
    size = _part_size(intake, grant.size)
    return tuple(
        _part(intake, grant, number, offset, min(size, grant.size - offset))
        for number, offset in enumerate(range(0, grant.size, size), 1)
    )


def complete_multipart(intake: Intake, grant: Grant) -> None:
    """Joins the parts that arrived; a second time is no change.

    Raises:
        InvalidRequestError: a part is missing, and which.
    """
    where = {"Bucket": intake.settings.landing_bucket, "Key": landing_key(grant.dataset, grant.upload_id)}
    upload = {**where, "UploadId": grant.multipart_id}
    try:
        with transient("complete multipart upload"):
            pages = intake.aws.s3.get_paginator("list_parts").paginate(**upload)
            found = {part["PartNumber"]: part for page in pages for part in page.get("Parts", [])}
            _check_parts(intake, grant, found)
            parts = [{"PartNumber": number, "ETag": found[number]["ETag"]} for number in sorted(found)]
            intake.aws.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, IfNoneMatch="*")
    except ClientError as error:
        if error_code(error) != "NoSuchUpload" and not is_taken(error):
            raise


def _check_parts(intake: Intake, grant: Grant, found: Mapping[int, Mapping[str, Any]]) -> None:
    steps = sign(intake, grant)
    faults = [
        f"part {number} is missing or has not {step.size} bytes"
        for number, step in enumerate(steps, 1)
        if found.get(number, {}).get("Size") != step.size
    ]
    if faults:
        raise InvalidRequestError((FieldProblem("parts", "; ".join(faults[:10])),))


def _part_size(intake: Intake, size: int) -> int:
    return max(intake.settings.multipart_bytes, MIN_PART, -(-size // MAX_PARTS))


def _put(intake: Intake, grant: Grant) -> Step:
    bound = {
        "ContentLength": grant.size,
        "ContentType": grant.content_type,
        "ChecksumSHA256": checksum(grant.sha256),
        "IfNoneMatch": "*",
    }
    headers = {
        "Content-Length": str(grant.size),
        "Content-Type": grant.content_type,
        "x-amz-checksum-sha256": bound["ChecksumSHA256"],
        "If-None-Match": "*",
    }
    return Step("PUT", _url(intake, "put_object", grant, bound), {k: str(v) for k, v in headers.items()}, 0, grant.size)


def _part(intake: Intake, grant: Grant, number: int, offset: int, size: int) -> Step:
    bound = {"UploadId": grant.multipart_id, "PartNumber": number, "ContentLength": size}
    return Step("PUT", _url(intake, "upload_part", grant, bound), {"Content-Length": str(size)}, offset, size)


def _url(intake: Intake, operation: str, grant: Grant, bound: Mapping[str, object]) -> str:
    where = {"Bucket": intake.settings.landing_bucket, "Key": landing_key(grant.dataset, grant.upload_id)}
    return str(
        intake.aws.s3.generate_presigned_url(
            operation,
            Params={**where, **bound},
            ExpiresIn=intake.settings.grant_seconds,
        ),
    )
