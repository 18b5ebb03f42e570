"""Objects that are written once: every write to raw is put-if-absent, so that a zombie is harmless."""

from __future__ import annotations

import base64
from typing import BinaryIO

from ledgerlake.aws import Aws, ClientError, error_code, transient
from ledgerlake.errors import ConfigurationError, TransientError

_EXISTS = {"PreconditionFailed", "412"}
_RACING = {"ConditionalRequestConflict", "409"}
_MISSING = {"NoSuchKey", "NotFound", "404"}


def checksum(sha256: str) -> str:
    """S3's form of a hexadecimal SHA-256: base64."""
    return base64.b64encode(bytes.fromhex(sha256)).decode()


def put_text(aws: Aws, bucket: str, key: str, text: str, content_type: str = "application/json") -> None:
    """Writes a text once; the same text a second time is no write.

    Raises:
        ConfigurationError: another text is there, which is never overwritten.
        TransientError: S3 could not be reached, or another writer is at it right now.
    """
    body = text.encode()
    if not _put(aws, bucket, key, Body=body, ContentType=content_type) and read(aws, bucket, key) != body:
        raise _occupied(bucket, key)


def put_new(aws: Aws, bucket: str, key: str, text: str) -> bool:
    """Writes a text unless something is there; whether it wrote.

    Raises:
        TransientError: S3 could not be reached, or another writer is at it right now.
    """
    return _put(aws, bucket, key, Body=text.encode(), ContentType="application/json")


def put_file(aws: Aws, bucket: str, key: str, file: BinaryIO, sha256: str) -> None:
    """Writes a file once, its hash verified by S3; the same file a second time is no write.

    Raises:
        ConfigurationError: another file is there, which is never overwritten.
        TransientError: S3 could not be reached, or another writer is at it right now.
    """
    file.seek(0)
    if _put(aws, bucket, key, Body=file, ChecksumSHA256=checksum(sha256), Metadata={"sha256": sha256}):
        return
    with transient(f"head {key}"):
        found = aws.s3.head_object(Bucket=bucket, Key=key)["Metadata"].get("sha256")
    if found != sha256:
        raise _occupied(bucket, key)


def read(aws: Aws, bucket: str, key: str) -> bytes | None:
    """The object's bytes; None where there is none."""
    try:
        with transient(f"get {key}"):
            return bytes(aws.s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except ClientError as error:
        if is_missing(error):
            return None
        raise


def is_missing(error: ClientError) -> bool:
    """Whether S3 refused because there is no such object."""
    return error_code(error) in _MISSING


def is_taken(error: ClientError) -> bool:
    """Whether S3 refused a put-if-absent because the object is there."""
    return error_code(error) in _EXISTS


def _put(aws: Aws, bucket: str, key: str, **what: object) -> bool:
    """False where the object is already there."""
    try:
        with transient(f"put {key}"):
            aws.s3.put_object(Bucket=bucket, Key=key, IfNoneMatch="*", **what)
    except ClientError as error:
        if is_taken(error):
            return False
        if error_code(error) in _RACING:
            msg = f"put {key}: another writer is at it; try again"
            raise TransientError(msg) from error
        raise
    return True


def _occupied(bucket: str, key: str) -> ConfigurationError:
    msg = (
        f"s3://{bucket}/{key} holds something else, and raw is never overwritten: the ledger is older than raw. "
        "Run `ledgerlake ledger rebuild`, then deliver again"
    )
    return ConfigurationError(msg)
