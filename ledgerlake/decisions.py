"""What people decided about uploads and rows that were not good: `Decision`, kept in raw for ever, one after the other.

The decisions of a dataset are numbered without gaps: number n is written only if nobody wrote it, by somebody who has
read all before it. So no two decisions contradict each other, and what they say together is a function of raw.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from ledgerlake.aws import Aws, transient
from ledgerlake.events import JsonValue
from ledgerlake.layout import decision_key, decision_prefix

RELEASE, REJECT, PROPOSE = "release", "reject", "propose"
WAIVE, CORRECT, REDRIVE = "waive", "correct", "redrive"
ENDS_HOLD = frozenset({RELEASE, REJECT})
ENDS_QUARANTINE = frozenset({WAIVE, CORRECT, REDRIVE})


@dataclass(frozen=True, slots=True)
class Decision(JsonValue):
    """Decision `number` of a dataset, about `upload_id`: what (`kind`), why (`reason`), who (`by`) and when.

    `propose` asks for the release of a held file, where the contract wants a second person; `release` applies it with
    what held it waived, and names that person in `approved_by`; `reject` ends a hold without the file. Refused rows
    leave quarantine by `correct` (their corrected text enters again), `redrive` (their own text does, under a contract
    that has changed since) or `waive` (they stay out). `as_upload_id` is the upload that the decision makes, None if it
    makes none; `rows` are the lines decided about, none for a whole file.
    """

    SCHEMA = "ledgerlake.decision/1"
    dataset: str
    number: int
    kind: str
    upload_id: str
    reason: str
    by: str
    tenant: str
    source_ip: str
    at: datetime
    approved_by: str | None = None
    as_upload_id: str | None = None
    rows: list[int] = field(default_factory=list)


def read_decisions(aws: Aws, dataset: str, after: int = 0) -> Iterator[Decision]:
    """The dataset's decisions above number `after`, in order.

    Raises:
        TransientError: raw cannot be read.
        ValueError: an object there is no decision.
    """
    for key in _keys(aws, dataset, after):
        yield _read(aws, key)


def last_decision(aws: Aws, dataset: str) -> Decision | None:
    """The dataset's last decision; raises as `read_decisions`."""
    keys = list(_keys(aws, dataset, 0))
    return _read(aws, keys[-1]) if keys else None


def _keys(aws: Aws, dataset: str, after: int) -> Iterator[str]:
    bucket, prefix = aws.settings.raw_bucket, decision_prefix(dataset)
    start = {"StartAfter": decision_key(dataset, after)} if after else {}
    with transient(f"list {prefix}"):
        for page in aws.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, **start):
            yield from (each["Key"] for each in page.get("Contents", []))


def _read(aws: Aws, key: str) -> Decision:
    with transient(f"read {key}"):
        return Decision.from_json(aws.s3.get_object(Bucket=aws.settings.raw_bucket, Key=key)["Body"].read())


def end_of_hold(decisions: Iterable[Decision], upload_id: str) -> Decision | None:
    """What ended the hold of an upload; None while it is held."""
    return next((each for each in decisions if each.upload_id == upload_id and each.kind in ENDS_HOLD), None)


def settled_rows(decisions: Iterable[Decision]) -> dict[str, frozenset[int]]:
    """The lines of each upload that have left quarantine."""
    found: dict[str, frozenset[int]] = {}
    for each in decisions:
        if each.kind in ENDS_QUARANTINE:
            found[each.upload_id] = found.get(each.upload_id, frozenset()) | frozenset(each.rows)
    return found


def proposal_of(decisions: Iterable[Decision], upload_id: str) -> Decision | None:
    """The first that asked for the release of an upload."""
    return next((each for each in decisions if each.upload_id == upload_id and each.kind == PROPOSE), None)
