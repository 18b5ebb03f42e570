"""Time and identity, passed in by entry points so that no step reads a clock of its own."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the present moment, in UTC with zone."""


def utc_now() -> datetime:
    """The system's clock."""
    return datetime.now(UTC)


def new_upload_id(now: datetime) -> str:
    """A UUIDv7 (RFC 9562): 48 bits of milliseconds, then 74 random bits; sorts by time."""
    millis = int(now.timestamp() * 1000)
    value = (millis & ((1 << 48) - 1)) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=value))


def to_text(moment: datetime) -> str:
    """ISO 8601 with microseconds and `Z`; the one form of time in JSON.

    Raises:
        ValueError: the moment has no zone.
    """
    if moment.tzinfo is None:
        msg = f"a moment needs a zone: {moment!r}"
        raise ValueError(msg)
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def from_text(text: str) -> datetime:
    """The inverse of `to_text`; also takes any ISO 8601 text that names its zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        msg = f"a moment needs a zone: {text!r}; write for example 2026-03-31T00:00:00Z"
        raise ValueError(msg)
    return moment.astimezone(UTC)
