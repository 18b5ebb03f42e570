"""Order: which uploads of a dataset are applied next, in one commit.

A run is contiguous: `applied + 1 .. n`, all accepted under one contract. Manifests are fetched by their number from
raw, so that a lost, late or doubled event changes nothing; a number that raw does not have yet is waited for, never
skipped. What a table becomes does not depend on how its uploads are cut into runs.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from ledgerlake.aws import ClientError, error_code, transient
from ledgerlake.decisions import RELEASE, Decision, end_of_hold, read_decisions
from ledgerlake.events import Manifest, UploadEvent
from ledgerlake.layout import manifest_key
from streaming_jobs.lake import Lake
from tables.contract import Contract
from tables.mode import Turn
from tables.modes import MODES
from validation.rules import Ask, asking

logger = logging.getLogger(__name__)

MAX_UPLOADS = 200
"""Uploads of one run, so that the outcomes in its commit stay small."""

LARGE_RUN = 32
"""A run that starts with an upload too large for the driver may grow to so many times the driver's limit."""

WINDOW = 32
"""Manifests fetched at once."""


@dataclass(frozen=True, slots=True)
class Run:
    """Uploads to apply in one commit, in order, without gaps, all of one contract."""

    contract: Contract
    uploads: tuple[Manifest, ...]
    decision: Decision | None = None
    """What ended the hold of its only upload, where the dataset waits for that."""

    def lifts(self, upload: Manifest) -> bool:
        """Whether somebody released the file: what would hold it is waived."""
        return upload.kind == RELEASE or (self.decision is not None and self.decision.kind == RELEASE)

    @property
    def supersedes(self) -> tuple[str, ...]:
        """The uploads whose rows leave the table as those of its only upload come in; else nothing."""
        return tuple(self.uploads[0].supersedes)

    @property
    def dataset(self) -> str:
        """The dataset all uploads belong to."""
        return self.contract.dataset

    @property
    def last(self) -> int:
        """The dataset's progress once this run is committed."""
        return self.uploads[-1].seq

    @property
    def turn(self) -> Turn:
        """The last upload, as a merge mode sees it."""
        newest = self.uploads[-1]
        return Turn(newest.seq, newest.upload_id, newest.accepted_at)

    @property
    def size(self) -> int:
        """Bytes of all raw files."""
        return sum(upload.size for upload in self.uploads)


def next_run(lake: Lake, dataset: str, applied: int, events: Sequence[UploadEvent] = ()) -> Run | None:
    """The run after upload number `applied`; None while raw has no next upload.

    `events` only say how far to look at once. Raises `TransientError` where raw cannot be reached.
    """
    announced = max((event.seq for event in events), default=applied)
    found = manifests(lake, dataset, applied + 1, announced - applied + 1)
    uploads = cut(applied, found, lake.settings.small_batch_bytes)
    if not uploads:
        if announced > applied:
            logger.info("%s: upload %d is announced, upload %d is not yet in raw", dataset, announced, applied + 1)
        return None
    contract = lake.contracts.pinned(dataset, uploads[0].contract_sha256)
    if contract.waits:
        return _decided(lake, Run(contract, uploads[:1]), [event.seq for event in events])
    return Run(contract, uploads[:1] if _alone(contract) else uploads)


def _alone(contract: Contract) -> bool:
    """Whether each upload is a run: where what became of one upload has a part in how the next is judged."""
    return MODES[contract.mode].alone or bool(asking(contract, Ask.LAKE, Ask.TABLE))


def _decided(lake: Lake, run: Run, announced: Sequence[int]) -> Run | None:
    """The run with what was decided of its upload; None while a file that is known to be held waits for that.

    One that is announced again is judged again: the ledger may have lost that it is held.
    """
    first = run.uploads[0]
    decision = end_of_hold(read_decisions(lake.aws, run.dataset), first.upload_id)
    if decision is None and lake.waiting.get(run.dataset) == first.upload_id and first.seq not in announced:
        return None
    return replace(run, decision=decision)


def cut(applied: int, found: Iterable[Manifest], small_batch_bytes: int) -> tuple[Manifest, ...]:
    """The longest start of `found` (ascending) that may be one run; takes no more from it than it needs.

    Ends at a gap, at another contract, at `MAX_UPLOADS`, and where the run would no longer fit the place its first
    upload is applied in: the driver (`small_batch_bytes`), or the executors. An upload that supersedes others is alone.
    """
    run: list[Manifest] = []
    room = 0
    for upload in found:
        if upload.seq != applied + len(run) + 1:
            break
        if not run:
            room = small_batch_bytes if upload.size <= small_batch_bytes else LARGE_RUN * small_batch_bytes
        elif _ends(run, upload) or upload.size > room:
            break
        room -= upload.size
        run.append(upload)
    return tuple(run)


def _ends(run: Sequence[Manifest], upload: Manifest) -> bool:
    """Whether an upload cannot be in the run, whatever its size."""
    superseding = bool(run[0].supersedes or upload.supersedes)
    return superseding or upload.contract_sha256 != run[0].contract_sha256 or len(run) == MAX_UPLOADS


def manifests(lake: Lake, dataset: str, first: int, expected: int = 1) -> Iterator[Manifest]:
    """Manifests `first`, `first + 1`, ... from raw, up to the first that is not there; fetched a window at a time."""
    window = min(max(expected, 1), WINDOW)
    while True:
        for manifest in _fetch(lake, dataset, range(first, first + window)):
            if manifest is None:
                return
            yield manifest
        first, window = first + window, WINDOW


def _fetch(lake: Lake, dataset: str, numbers: Sequence[int]) -> list[Manifest | None]:
    if len(numbers) == 1:
        return [_manifest(lake, dataset, numbers[0])]
    lake.aws.s3  # noqa: B018  # made once, here: boto3's session is not safe to share between threads
    with ThreadPoolExecutor(len(numbers)) as pool:
        return list(pool.map(lambda seq: _manifest(lake, dataset, seq), numbers))


def _manifest(lake: Lake, dataset: str, seq: int) -> Manifest | None:
    key = manifest_key(dataset, seq)
    with transient(f"read manifest {key}"):
        try:
            body = lake.aws.s3.get_object(Bucket=lake.settings.raw_bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error_code(error) in {"NoSuchKey", "404"}:
                return None
            raise
    manifest = Manifest.from_json(body)
    if (manifest.dataset, manifest.seq) != (dataset, seq):
        msg = f"{key} is the manifest of {manifest.dataset} {manifest.seq}: raw was changed by hand"
        raise ValueError(msg)
    return manifest
