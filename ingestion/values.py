"""The values of this room: who asks (`Caller`), what they may send (`Grant`), why it was refused (`Rejection`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ledgerlake.events import JsonValue


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: subject and tenant as the authorizer proved them, and the address they came from."""

    principal: str
    tenant: str
    source_ip: str
    scopes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Grant(JsonValue):
    """All that is known of an upload before its bytes are; enough to admit it when the ledger is lost.

    `size` is in bytes; `sha256` is lower-case hex; `multipart_id` is S3's id of the upload in parts, if it is one;
    `supersedes` is the upload whose place the file takes.
    """

    SCHEMA = "ledgerlake.grant/1"
    dataset: str
    upload_id: str
    file_name: str
    size: int
    sha256: str
    content_type: str
    tenant: str
    principal: str
    source_ip: str
    declared_rows: int | None
    declared_totals: dict[str, str]
    granted_at: datetime
    multipart_id: str | None
    supersedes: str | None = None


@dataclass(frozen=True, slots=True)
class Rejection(JsonValue):
    """Why a file was refused: `check` names the file check, `message` tells the uploader what to send instead."""

    SCHEMA = "ledgerlake.rejection/1"
    dataset: str
    upload_id: str
    check: str
    message: str
    landed_at: datetime
    rejected_at: datetime
