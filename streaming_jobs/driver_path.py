"""A run that fits in the driver: parsed, validated and folded in Arrow, committed by deltalake (0.1-0.2 s).

The same judgement as `executor_path`, which spreads it over Spark's executors.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ledgerlake.aws import Aws, ClientError, error_code, transient
from ledgerlake.errors import LedgerlakeError, RejectedError, TransientError
from ledgerlake.events import Manifest, Outcome
from ledgerlake.layout import app_id
from streaming_jobs.conservation import tally_quarantined
from streaming_jobs.fold import Fate, Tally, fold, tallies
from streaming_jobs.lake import Lake
from streaming_jobs.lookup import rows_of_keys
from streaming_jobs.modes import MODES, Mode
from streaming_jobs.modes.mode import same_key
from streaming_jobs.open_tables import Handle, newest
from streaming_jobs.runs import Run
from streaming_jobs.settlement import Prepared, accepted_parts, hold, settle
from tables import delta, sql, system_tables
from tables.contract import Contract
from tables.merge import Merge
from validation.validate import Declared, validate
from validation.verdict import Verdict

PARALLEL = 4
"""Uploads read and parsed at once."""


@dataclass(frozen=True)
class _Judged:
    """One upload of the run; `verdict` is None where the file could not be read to its end."""

    manifest: Manifest
    verdict: Verdict | None
    held: tuple[str, ...]

    @property
    def good(self) -> Verdict | None:
        """The verdict, unless the file is held: nothing of such a file goes anywhere."""
        return None if self.held else self.verdict


def prepare(lake: Lake, run: Run, data: Handle) -> Prepared:
    """Reads, validates, folds and counts a run in memory; `data` is its table at the newest version.

    Raises:
        TransientError: raw cannot be read, or what was read is not what was accepted.
        LedgerlakeError: a file's parts do not add up to the file.
    """
    now = lake.clock()
    mode = MODES[run.contract.mode]
    judged = _judge_all(lake, run)
    rows = pa.concat_tables(
        [
            run.contract.table_schema.empty_table(),
            *(_with_lineage(each.good.accepted, each.manifest, run.contract) for each in judged if each.good),
        ],
    )
    folded = fold(rows, run.contract, mode, _newer_than(data, rows, run.contract, mode))
    counted = tallies(folded.fates, rows, run.contract.money)
    outcomes = tuple(_outcome(each, run.contract, counted, now) for each in judged)
    return Prepared(
        outcomes=outcomes,
        quarantine=partial(_quarantine, lake, run, judged, now),
        commit=partial(_commit, data, run, mode, folded.changes),
        discard=lambda: None,
    )


# Judge


def _judge_all(lake: Lake, run: Run) -> list[_Judged]:
    lake.aws.s3  # noqa: B018  # made once, here: boto3's session is not safe to share between threads
    if len(run.uploads) == 1:
        return [_judge(lake, run.contract, run.uploads[0])]
    with ThreadPoolExecutor(PARALLEL) as pool:
        return list(pool.map(partial(_judge, lake, run.contract), run.uploads))


def _judge(lake: Lake, contract: Contract, manifest: Manifest) -> _Judged:
    data = read_raw(lake.aws, manifest)
    try:
        verdict = validate(data, contract, declared(manifest))
    except RejectedError as error:
        return _Judged(manifest, None, (f"{error.check}: {error.message}",))
    return _Judged(manifest, verdict, verdict.held)


def read_raw(aws: Aws, manifest: Manifest) -> bytes:
    """The file of an upload, proved to be the bytes that were accepted.

    Raises:
        TransientError: it could not be read, or its SHA-256 differs from the manifest's.
        LedgerlakeError: it is gone.
    """
    with transient(f"read {manifest.raw_key}"):
        data: bytes = raw_body(aws, manifest).read()
    check_hash(hashlib.sha256(data).hexdigest(), manifest)
    return data


def raw_body(aws: Aws, manifest: Manifest) -> Any:
    """The raw file of an upload as a stream that boto3 reads; raises as `read_raw`."""
    try:
        return aws.s3.get_object(Bucket=aws.settings.raw_bucket, Key=manifest.raw_key)["Body"]
    except ClientError as error:
        if error_code(error) not in {"NoSuchKey", "404"}:
            raise
        msg = f"{manifest.raw_key}, accepted as upload {manifest.seq} of {manifest.dataset}, is gone: restore it"
        raise LedgerlakeError(msg) from error


def check_hash(found: str, manifest: Manifest) -> None:
    """Raises `TransientError` unless `found` is the hash that was accepted: read again, or restore the raw file."""
    if found != manifest.sha256:
        msg = (
            f"{manifest.raw_key} has SHA-256 {found}, accepted was {manifest.sha256}: it was damaged on its way "
            "here, or raw was changed by hand; if this persists, restore it"
        )
        raise TransientError(msg)


def declared(manifest: Manifest) -> Declared:
    """What the uploader said of the file."""
    return Declared(
        rows=manifest.declared_rows,
        totals={name: Decimal(text) for name, text in manifest.declared_totals.items()},
    )


def _with_lineage(accepted: pa.Table, manifest: Manifest, contract: Contract) -> pa.Table:
    """The rows in `contract.table_schema`."""
    lineage = {
        "_upload_id": pa.repeat(pa.scalar(manifest.upload_id), accepted.num_rows),
        "_seq": pa.repeat(pa.scalar(manifest.seq, pa.int64()), accepted.num_rows),
    }
    schema = contract.table_schema
    columns = [lineage[name] if name in lineage else accepted[name] for name in schema.names]
    return pa.Table.from_arrays(columns, schema=schema)


def _newer_than(data: Handle, rows: pa.Table, contract: Contract, mode: Mode) -> pa.Table | None:
    """Key and ordering column of the table's rows that may share a key with the run; None where they do not matter."""
    if not mode.keyed or contract.sequence_by is None or not rows.num_rows:
        return None
    return rows_of_keys(data, rows, contract, (*contract.primary_key, contract.sequence_by))


def _outcome(each: _Judged, contract: Contract, counted: dict[tuple[int, Fate], Tally], now: datetime) -> Outcome:
    if each.verdict is None:
        return hold(each.manifest, contract, None, each.held, now)
    file = Tally(each.verdict.totals.rows, each.verdict.totals.money)
    if each.held:
        return hold(each.manifest, contract, file, each.held, now)
    refused = tally_quarantined(each.verdict.quarantined["money"], contract.money)
    return settle(
        each.manifest,
        contract,
        file,
        {**accepted_parts(counted, each.manifest.seq), "quarantined": refused},
        now,
    )


# Write


def _quarantine(lake: Lake, run: Run, judged: Sequence[_Judged], now: datetime) -> None:
    """Without refused rows the progress of `quarantine` may stay behind: no row above it is missing there."""
    refused = [
        system_tables.quarantine_rows(
            run.dataset,
            each.manifest.seq,
            each.manifest.upload_id,
            run.contract.sha256,
            now,
            each.good.quarantined,
        )
        for each in judged
        if each.good and each.good.quarantined.num_rows
    ]
    if not refused:
        return
    quarantine = newest(lake, run.dataset, "quarantine")
    rows = pa.concat_tables(refused)
    rows = rows.filter(pc.greater(rows["seq"], delta.applied(quarantine, app_id(run.dataset))))
    if rows.num_rows:
        delta.append(quarantine, rows, app_id=app_id(run.dataset), version=run.last, metadata=None)


def _commit(data: Handle, run: Run, mode: Mode, changes: pa.Table, metadata: str) -> int:
    name = app_id(run.dataset)
    if not changes.num_rows:
        return delta.record_progress(data, app_id=name, version=run.last, metadata=metadata)
    if not mode.keyed:
        return delta.append(data, changes, app_id=name, version=run.last, metadata=metadata)
    spec = Merge(
        predicate=same_key(run.contract, sql.identifier),
        key=run.contract.primary_key,
        clauses=mode.clauses(run.contract, sql.identifier),
    )
    return delta.merge(data, changes, spec, app_id=name, version=run.last, metadata=metadata)
