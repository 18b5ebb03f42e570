"""What people decided about uploads and rows that were not good: `Decision`, kept in raw for ever, one after the other.

The decisions of a dataset are numbered without gaps: number n is written only if nobody wrote it, by somebody who has
read all before it. So no two decisions contradict each other, and what they say together is a function of raw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from ledgerlake.aws import Aws, transient
from ledgerlake.events import JsonValue
from ledgerlake.layout import decision_key, decision_prefix

RELEASE, REJECT, PROPOSE = "release", "reject", "propose"
WAIVE, CORRECT, REDRIVE = "waive", "correct", "redrive"
SUPERSEDE = "supersede"
ENDS_HOLD = frozenset({RELEASE, REJECT, SUPERSEDE})
ENDS_QUARANTINE = frozenset({WAIVE, CORRECT, REDRIVE})


@dataclass(frozen=True, slots=True)
class Decision(JsonValue):
    """Decision `number` of a dataset, about `upload_id`: what (`kind`), why (`reason`), who (`by`) and when.

    `propose` asks for the release of a held file, where the contract wants a second person; `release` applies it with
    what held it waived, and names that person in `approved_by`; `reject` ends a hold without the file. Refused rows
    leave quarantine by `correct` (their corrected text enters again), `redrive` (their own text does, under a contract
    that has changed since) or `waive` (they stay out). `supersede` puts a corrected file in the place of one that was
    accepted before; `replaces` are all uploads that have rows of that one. `as_upload_id` is the upload that the
    decision makes, None if it makes none; `rows` are the lines of the rows decided about, none for a whole file.
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
    replaces: list[str] = field(default_factory=list)


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


def superseded(decisions: Iterable[Decision]) -> dict[str, Decision]:
    """By upload: the last decision that puts another file in its place; one whose file was rejected does not."""
    found: dict[str, list[Decision]] = {}
    for each in decisions:
        if each.kind == SUPERSEDE:
            for upload_id in each.replaces:
                found.setdefault(upload_id, []).append(each)
        elif each.kind == REJECT:
            found = {name: [by for by in all_of if by.as_upload_id != each.upload_id] for name, all_of in found.items()}
    return {upload_id: all_of[-1] for upload_id, all_of in found.items() if all_of}


def rows_of(decisions: Iterable[Decision], upload_id: str) -> list[str]:
    """The uploads that may have rows in the table which would not be there without upload `upload_id`.

    Itself, its release, corrections and what was driven again; and, if it superseded others, perhaps still theirs.
    """
    found = [upload_id]
    for each in decisions:
        if each.kind == SUPERSEDE and each.as_upload_id == upload_id:
            found += each.replaces
        elif each.kind in {RELEASE, CORRECT, REDRIVE} and each.upload_id in found and each.as_upload_id:
            found.append(each.as_upload_id)
    return list(dict.fromkeys(found))


def is_open(decisions: Iterable[Decision]) -> Callable[[str, int], bool]:
    """Of a refused row, by its upload and line: whether nobody has decided about it, or superseded its file."""
    known = list(decisions)
    settled, gone = settled_rows(known), superseded(known)
    return lambda upload_id, row: upload_id not in gone and row not in settled.get(upload_id, ())


def proposal_of(decisions: Iterable[Decision], upload_id: str) -> Decision | None:
    """The first that asked for the release of an upload."""
    return next((each for each in decisions if each.upload_id == upload_id and each.kind == PROPOSE), None)
