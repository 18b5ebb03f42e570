"""Restore: what the ledger lost of a dataset is read back from raw, before the dataset gets another number.

Idempotent, and safe while uploads go on: what the ledger has is kept, except where raw says otherwise. A dataset's
counter is written last, so that a dataset without a counter is one whose rows are not all there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ingestion.decided import add_decision
from ingestion.intake import Intake
from ingestion.objects import read
from ingestion.restorations import raise_counter, restore_acceptance, take_back
from ingestion.values import Grant, Rejection
from ledgerlake.aws import transient
from ledgerlake.decisions import SUPERSEDE, read_decisions
from ledgerlake.events import Manifest
from ledgerlake.layout import GRANT_PREFIX, RAW_PREFIX, REJECTED_PREFIX, grant_key, manifest_prefix

T = TypeVar("T")
THREADS = 8


def restore_grants(intake: Intake) -> int:
    """Makes the rows of all uploads that were ever granted; returns how many."""
    return len(_each(intake, intake.settings.landing_bucket, GRANT_PREFIX, lambda text: _add_grant(intake, text)))


def restore_dataset(intake: Intake, dataset: str) -> tuple[int, int]:
    """Makes the rows of a dataset's decided uploads again, then its counter; returns how many (accepted, rejected)."""
    bucket = intake.settings.raw_bucket
    rejected = _each(
        intake,
        bucket,
        f"{REJECTED_PREFIX}{dataset}/",
        lambda text: _restore_rejection(intake, text),
        "/reason.json",
    )
    seqs = _each(intake, bucket, manifest_prefix(dataset), lambda text: _restore_acceptance(intake, text.decode()))
    for decision in read_decisions(intake.aws, dataset):
        add_decision(intake.ledger, decision)
    raise_counter(intake.ledger, dataset, max(seqs, default=0))
    return len(seqs), len(rejected)


def datasets_in_raw(intake: Intake) -> tuple[str, ...]:
    """Every dataset that ever kept a file, accepted or rejected, whether or not it still has a contract."""
    found = set()
    for prefix in (RAW_PREFIX, REJECTED_PREFIX):
        pages = intake.aws.s3.get_paginator("list_objects_v2").paginate(
            Bucket=intake.settings.raw_bucket,
            Prefix=prefix,
            Delimiter="/",
        )
        with transient(f"list {prefix}"):
            found |= {
                each["Prefix"].removeprefix(prefix).rstrip("/")
                for page in pages
                for each in page.get("CommonPrefixes", [])
            }
    return tuple(sorted(found))


def _restore_acceptance(intake: Intake, text: str) -> int:
    manifest = Manifest.from_json(text)
    _restore_grant(intake, manifest.upload_id, granted(manifest))
    usurper = restore_acceptance(intake.ledger, manifest, text)
    if usurper:
        row = intake.ledger.read(usurper)
        if row and row.manifest and row.manifest.seq == manifest.seq:
            take_back(intake.ledger, usurper, row.texts["manifest"])
    return manifest.seq


def _restore_rejection(intake: Intake, text: bytes) -> str:
    rejection = Rejection.from_json(text)
    _restore_grant(intake, rejection.upload_id, None)
    intake.ledger.reject(rejection)
    return rejection.upload_id


def _add_grant(intake: Intake, text: bytes) -> str:
    grant = Grant.from_json(text)
    intake.ledger.add_grant(grant)
    return grant.upload_id


def _restore_grant(intake: Intake, upload_id: str, otherwise: Grant | None) -> None:
    text = read(intake.aws, intake.settings.landing_bucket, grant_key(upload_id))
    grant = Grant.from_json(text) if text is not None else otherwise
    if grant:
        intake.ledger.add_grant(grant)


def granted(manifest: Manifest) -> Grant:
    """The grant of an accepted upload, from its manifest; for when the grant itself was cleaned away."""
    return Grant(
        dataset=manifest.dataset,
        upload_id=manifest.upload_id,
        file_name=manifest.file_name,
        size=manifest.size,
        sha256=manifest.sha256,
        content_type=manifest.content_type,
        tenant=manifest.tenant,
        principal=manifest.principal,
        source_ip=manifest.source_ip,
        declared_rows=manifest.declared_rows,
        declared_totals=manifest.declared_totals,
        granted_at=manifest.granted_at,
        multipart_id=None,
        supersedes=manifest.cause["upload_id"] if manifest.cause and manifest.kind == SUPERSEDE else None,
    )


def _each(intake: Intake, bucket: str, prefix: str, restore: Callable[[bytes], T], suffix: str = ".json") -> list[T]:
    """What `restore` makes of every object under a prefix, several at a time."""

    def one(key: str) -> list[T]:
        text = read(intake.aws, bucket, key)
        return [] if text is None else [restore(text)]

    with ThreadPoolExecutor(THREADS) as pool:
        return [each for made in pool.map(one, _keys(intake, bucket, prefix, suffix)) for each in made]


def _keys(intake: Intake, bucket: str, prefix: str, suffix: str) -> Iterator[str]:
    with transient(f"list {prefix}"):
        for page in intake.aws.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            yield from (each["Key"] for each in page.get("Contents", []) if each["Key"].endswith(suffix))
