"""A run that fits in the driver: parsed, validated and folded in Arrow, committed by deltalake (0.1-0.2 s).

The same judgement as `executor_path`, which spreads it over Spark's executors.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ledgerlake.aws import Aws, ClientError, error_code, transient
from ledgerlake.errors import LedgerlakeError, RejectedError, TransientError
from ledgerlake.events import Manifest, Outcome
from ledgerlake.layout import app_id, events_table
from streaming_jobs.conservation import tally_quarantined
from streaming_jobs.facts import Facts, facts_of
from streaming_jobs.lake import Lake
from streaming_jobs.lookup import live_rows, memory_of, stored_contract
from streaming_jobs.open_tables import Handle, newest
from streaming_jobs.runs import Run
from streaming_jobs.settlement import Prepared, accepted_parts, hold, settle
from streaming_jobs.superseding import replaced
from streaming_jobs.tallies import Tally, tallies
from tables import delta, system_tables
from tables.budget import over_budget
from tables.contract import Contract
from tables.merge import has_deletes, merge_of
from tables.mode import OP, Commit, Fate, Fold, Mode, Offer
from tables.modes import MODES, change_schema
from tables.order import distinct
from tables.superseding import departures, merge_of_superseding
from tables.widening import stored_rows
from validation.reentry import rows_only
from validation.validate import THREADS, Declared, validate
from validation.verdict import Verdict, warnings


@dataclass(frozen=True)
class _Judged:
    """One upload of the run; `verdict` is None where the file could not be read to its end."""

    manifest: Manifest
    verdict: Verdict | None
    held: tuple[str, ...]
    waived: tuple[str, ...] = ()

    @property
    def good(self) -> Verdict | None:
        """The verdict, unless the file is held: nothing of such a file goes anywhere."""
        return None if self.held else self.verdict

    @property
    def notes(self) -> dict[str, str]:
        """What had to be decided to read the file."""
        return self.verdict.totals.notes if self.verdict else {}


class Refold(Protocol):
    """What folds a superseding run where rows have keys (`streaming_jobs.refold`)."""

    def too_much(self, lake: Lake, data: Handle, run: Run) -> tuple[str, ...]:
        """Why the file has to be held, if it has."""

    def fold(self, lake: Lake, data: Handle, rows: pa.Table, run: Run, mode: Mode) -> Fold:
        """As a mode's `fold`."""


def prepare(lake: Lake, run: Run, data: Handle, refold: Refold | None = None) -> Prepared:
    """Reads, validates, folds and counts a run in memory; `data` is its table at the newest version.

    What a file of the run supersedes leaves by its lineage, or by `refold`.

    Raises:
        TransientError: raw cannot be read, or what was read is not what was accepted.
        LedgerlakeError: a file's parts do not add up to the file.
    """
    now, facts = lake.clock(), facts_of(lake, run, data)
    contract, mode = run.contract, MODES[run.contract.mode]
    judged = [_unless_held(each, data, run, mode) for each in _judge_all(lake, run, facts)]
    if refold and judged[0].good and (why := refold.too_much(lake, data, run)):
        judged = [replace(judged[0], held=why)]
    accepted = [with_lineage(each.good.accepted, each.manifest, contract) for each in judged if each.good]
    stored = stored_contract(lake, contract, data)
    rows = stored_rows(pa.concat_tables([contract.row_schema.empty_table(), *accepted]), contract, stored)
    emptied = mode.hold is not None and any(each.good and each.waived for each in judged)
    leaving, on = replaced(data, run) if judged[0].good else {}, replace(run, contract=stored)
    writes = replace(mode, commit=Commit.MERGE) if refold and leaving else mode
    folded = (
        refold.fold(lake, data, rows, on, mode)
        if refold and leaving
        else _fold(lake, data, rows, on, mode, emptied=emptied)
    )
    counted = tallies(folded.fates, rows, contract.money)
    outcomes = tuple(
        replace(
            _outcome(each, contract, counted, now),
            reference_versions=dict(facts.versions),
            replaced=leaving,
            notes=each.notes,
        )
        for each in judged
    )
    return Prepared(
        outcomes=outcomes,
        quarantine=partial(_quarantine, lake, run, judged, now, facts),
        remember=partial(_remember, lake, run, folded.events),
        commit=partial(_supersede, data, on, folded.changes)
        if leaving and refold is None
        else partial(_commit, data, on, writes, folded.changes, emptied=emptied),
        discard=lambda: None,
    )


def _fold(lake: Lake, data: Handle, rows: pa.Table, run: Run, mode: Mode, *, emptied: bool) -> Fold:  # noqa: PLR0913
    """Without rows nothing is folded: a full state that is held is no state. `emptied`: one that was released is."""
    if not rows.num_rows and not emptied:
        return Fold(np.zeros(0, dtype=np.int8), change_schema(run.contract).empty_table())
    return mode.fold(rows, memory_of(lake, data, rows, run, mode), run.contract, run.turn)


# Judge


def _judge_all(lake: Lake, run: Run, facts: Facts) -> list[_Judged]:
    lake.aws.s3  # noqa: B018  # made once, here: boto3's session is not safe to share between threads
    judge = partial(_judge, lake, run.contract, facts, max(1, THREADS // len(run.uploads)))
    if len(run.uploads) == 1:
        return [judge(run.uploads[0])]
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(judge, run.uploads))


def _judge(lake: Lake, contract: Contract, facts: Facts, threads: int, manifest: Manifest) -> _Judged:
    data = read_raw(lake.aws, manifest)
    try:
        verdict = validate(data, judging(contract, manifest), declared(manifest), facts.known(manifest), threads)
    except RejectedError as error:
        return _Judged(manifest, None, (f"{error.check}: {error.message}",))
    return _Judged(manifest, verdict, verdict.held)


def _unless_held(judged: _Judged, data: Handle, run: Run, mode: Mode) -> _Judged:
    """Held too is a file over its contract's budget, and a full state where the mode does not trust it to be one.

    All that holds a file is waived where somebody released it; one that cannot be read to its end stays held.
    """
    verdict, contract = judged.verdict, run.contract
    if verdict is None:
        return judged
    rules = judging(contract, judged.manifest)
    reasons = judged.held + over_budget(rules, verdict.quarantined.num_rows, verdict.totals.rows)
    if mode.hold is not None and (not reasons or run.lifts(judged.manifest)):
        accepted = verdict.accepted
        offer = Offer(
            rows=distinct(accepted.select(list(contract.primary_key))) if contract.primary_key else accepted.num_rows,
            refused=verdict.quarantined.num_rows,
            before=live_rows(data, contract),
        )
        reasons += mode.hold(contract, offer)
    return replace(judged, held=(), waived=reasons) if run.lifts(judged.manifest) else replace(judged, held=reasons)


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


def judging(contract: Contract, manifest: Manifest, accepted_under: Contract | None = None) -> Contract:
    """What an upload is judged by: rows that enter again have no trailer, and no budget, of the file they came from.

    `accepted_under` is the contract that the upload was accepted under, where `contract` is another.
    """
    return rows_only(contract, accepted_under) if manifest.reenters else contract


def with_lineage(accepted: pa.Table, manifest: Manifest, contract: Contract) -> pa.Table:
    """The rows in `contract.row_schema`."""
    lineage = {
        "_upload_id": pa.repeat(pa.scalar(manifest.upload_id), accepted.num_rows),
        "_seq": pa.repeat(pa.scalar(manifest.seq, pa.int64()), accepted.num_rows),
    }
    schema = contract.row_schema
    columns = [lineage[name] if name in lineage else accepted[name] for name in schema.names]
    return pa.Table.from_arrays(columns, schema=schema)


def _outcome(each: _Judged, contract: Contract, counted: dict[tuple[int, Fate], Tally], now: datetime) -> Outcome:
    if each.verdict is None:
        return hold(each.manifest, contract, None, each.held, now)
    file = Tally(each.verdict.totals.rows, each.verdict.totals.money)
    if each.held:
        return hold(each.manifest, contract, file, each.held, now)
    refused = tally_quarantined(each.verdict.quarantined["money"], contract.money)
    parts = {**accepted_parts(counted, each.manifest.seq), "quarantined": refused}
    settled = settle(each.manifest, contract, file, parts, now)
    return replace(settled, warnings=warnings(each.verdict.flags), waived=list(each.waived))


# Write


def _quarantine(lake: Lake, run: Run, judged: Sequence[_Judged], now: datetime, facts: Facts) -> None:
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
    if refused:
        _append_new(lake, run, "quarantine", pa.concat_tables(refused), "seq", facts.metadata(run))


def _remember(lake: Lake, run: Run, events: pa.Table | None) -> None:
    if events is not None and events.num_rows:
        _append_new(lake, run, events_table(run.dataset), events, "_seq")


def _append_new(  # noqa: PLR0913, PLR0917  # what to append where, and what to say of it
    lake: Lake, run: Run, table: str, rows: pa.Table, seq: str, metadata: str | None = None
) -> None:
    """Appends what the table does not have yet, by its own progress; that may stay behind where there is nothing."""
    handle, name = newest(lake, run.dataset, table), app_id(run.dataset)
    new = rows.filter(pc.greater(rows[seq], delta.applied(handle, name)))
    if new.num_rows:
        delta.append(handle, new, app_id=name, version=run.last, metadata=metadata)


def _supersede(data: Handle, run: Run, changes: pa.Table, metadata: str) -> int:
    progress: Any = {"app_id": app_id(run.dataset), "version": run.last, "metadata": metadata}
    both = pa.concat_tables([changes, departures(run.contract, run.supersedes).cast(changes.schema)])
    return delta.merge(data, both, merge_of_superseding(delta.schema(data).names), **progress)


def _commit(data: Handle, run: Run, mode: Mode, changes: pa.Table, metadata: str, *, emptied: bool) -> int:  # noqa: PLR0913
    progress: Any = {"app_id": app_id(run.dataset), "version": run.last, "metadata": metadata}
    if not changes.num_rows and not (emptied and mode.commit is Commit.REPLACE):
        return delta.record_progress(data, **progress)
    if mode.commit is Commit.MERGE:
        spec = merge_of(run.contract, mode, delta.schema(data).names, deletes=has_deletes(changes))
        return delta.merge(data, changes, spec, **progress)
    write = delta.append if mode.commit is Commit.APPEND else delta.replace
    return write(data, changes.drop_columns([OP.name]), **progress)
