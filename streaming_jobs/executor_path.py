"""A run too large for the driver: parsed, validated and folded on the executors, committed by Spark (seconds more).

The same judgement as `driver_path`, spread out: each task streams one file through `validation`, the accepted rows
are folded by their mode's own function, a bucket of keys at a time, and what comes of both is staged as Parquet.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812  # the name everybody knows it by
from pyspark.sql.pandas.types import from_arrow_schema

from ledgerlake.aws import transient
from ledgerlake.errors import LedgerlakeError, TransientError
from ledgerlake.events import Manifest, Outcome
from ledgerlake.layout import app_id, events_table, staging_uri
from streaming_jobs import driver_path, spark_tables
from streaming_jobs.lake import Lake
from streaming_jobs.lookup import live_rows
from streaming_jobs.open_tables import Handle, newest, spark_uri
from streaming_jobs.outcomes import from_metadata
from streaming_jobs.runs import Run
from streaming_jobs.settlement import Prepared, hold, settle
from streaming_jobs.spark_fold import CHANGES, DELETES, EVENTS, Folded, fold
from streaming_jobs.spark_job import Job, job_of
from streaming_jobs.spark_lookup import memory_of
from streaming_jobs.spark_tables import column, fitted
from streaming_jobs.spark_tallies import tally_refused
from streaming_jobs.staging import ACCEPTED, QUARANTINED_ROW, Summary, stage, summaries
from streaming_jobs.superseding import replaced
from streaming_jobs.tallies import Tally
from tables import delta, system_tables
from tables.budget import over_budget
from tables.contract import Contract
from tables.merge import merge_of
from tables.mode import OP, Commit, Offer
from tables.superseding import departures, merge_of_superseding
from tables.widening import silent


@dataclass(frozen=True)
class _Read:
    """A run that the executors have read. Of files that are held there is neither an accepted nor a refused row."""

    accepted: DataFrame
    refused: DataFrame
    summaries: Mapping[int, Summary]

    def empties(self, job: Job) -> bool:
        """Whether a full state without rows was released: nothing that could be spread over executors."""
        states = self.summaries.values() if job.mode.hold is not None else ()
        return any(each.waived and not each.accepted for each in states)

    @property
    def has_refused(self) -> bool:
        """Whether any row goes to quarantine."""
        return any(each.refused for each in self.summaries.values() if not each.held)


def prepare(lake: Lake, spark: SparkSession, run: Run, data: Handle) -> Prepared:
    """Reads, validates, folds and counts a run on the executors; raises as `driver_path.prepare`."""
    now, here = lake.clock(), job_of(lake, spark, run, data)
    folder = f"{staging_uri(lake.settings.tables_bucket, run.dataset, run.last)}/{uuid.uuid4().hex}"
    discard = partial(_remove, lake, folder)
    try:
        read = _read(here, f"{spark_uri(folder)}/read")
        if read.empties(here):
            discard()
            return driver_path.prepare(lake, run, data)
        folded = _fold(here, read, f"{spark_uri(folder)}/folded")
        outcomes = _outcomes(here, read, folded, now)
    except BaseException:
        discard()
        raise
    return Prepared(
        outcomes=outcomes,
        quarantine=partial(_quarantine, here, read, now),
        remember=partial(_remember, here, folded),
        commit=partial(_supersede if outcomes[0].replaced else _commit, here, folded),
        discard=discard,
    )


# Judge


def _read(job: Job, folder: str) -> _Read:
    staged = stage(job, folder)
    accepted = staged.filter(F.col("_kind") == ACCEPTED).select(*_said(job))
    found = summaries(staged)
    said = {
        each.seq: _unless_held(job, each, found[each.seq], accepted.filter(F.col("_seq") == each.seq))
        for each in job.run.uploads
    }
    good = F.col("_seq").isin([seq for seq, summary in said.items() if not summary.held])
    return _Read(accepted.filter(good), staged.filter((F.col("_kind") == QUARANTINED_ROW) & good), said)


def _said(job: Job) -> list[Column]:
    """The columns of an accepted row; null where its contract does not store what the table has."""
    unsaid = silent(job.contract, job.stored)
    types = from_arrow_schema(job.shapes.rows)
    return [
        F.lit(None).cast(each.dataType).alias(each.name) if each.name in unsaid else column(each.name) for each in types
    ]


def _unless_held(job: Job, upload: Manifest, summary: Summary, accepted: DataFrame) -> Summary:
    """As in `driver_path`."""
    if summary.file is None:
        return summary
    reasons = summary.held + over_budget(driver_path.judging(job.contract, upload), summary.refused, summary.file.rows)
    if job.mode.hold is not None and (not reasons or job.run.lifts(upload)):
        key = [column(name) for name in job.contract.primary_key]
        offer = Offer(
            rows=accepted.select(*key).distinct().count() if key else summary.file.rows - summary.refused,
            refused=summary.refused,
            before=live_rows(job.data, job.contract),
        )
        reasons += job.mode.hold(job.contract, offer)
    return replace(summary, held=(), waived=reasons) if job.run.lifts(upload) else replace(summary, held=reasons)


def _fold(job: Job, read: _Read, folder: str) -> Folded | None:
    """Without rows nothing is folded: a full state that is held is no state."""
    if not any(each.accepted for each in read.summaries.values()):
        return None
    return fold(job, read.accepted, memory_of(job, read.accepted), folder)


def _outcomes(job: Job, read: _Read, folded: Folded | None, now: datetime) -> tuple[Outcome, ...]:
    fates = folded.counted if folded is not None else {}
    refused = tally_refused(read.refused, job.contract.money) if read.has_refused else {}
    leaving = replaced(job.data, job.run) if not read.summaries[job.run.last].held else {}
    parts = {upload.seq: {**fates.get(upload.seq, {}), **refused.get(upload.seq, {})} for upload in job.run.uploads}
    return tuple(
        replace(
            _outcome(upload, job.contract, read.summaries[upload.seq], parts[upload.seq], now),
            reference_versions=dict(job.facts.versions),
            replaced=leaving,
            notes=dict(read.summaries[upload.seq].notes),
        )
        for upload in job.run.uploads
    )


def _outcome(
    upload: Manifest,
    contract: Contract,
    summary: Summary,
    parts: Mapping[str, Tally],
    now: datetime,
) -> Outcome:
    if summary.held or summary.file is None:
        return hold(upload, contract, summary.file, summary.held, now)
    settled = settle(upload, contract, summary.file, parts, now)
    return replace(settled, warnings=dict(summary.warnings), waived=list(summary.waived))


# Write


def _quarantine(job: Job, read: _Read, now: datetime) -> None:
    if not read.has_refused:
        return
    same = {"dataset": job.run.dataset, "contract_sha256": job.contract.sha256, "quarantined_at": now}
    found = {
        "seq": "_seq",
        "upload_id": "_upload_id",
        "row": "_row",
        "raw": "_raw",
        "reasons": "_reasons",
        "money": "_money",
    }
    columns = [
        (F.col(found[name]) if name in found else F.lit(same[name])).alias(name)
        for name in system_tables.QUARANTINE.names
    ]
    _append_new(job, "quarantine", read.refused.select(*columns), "seq", job.facts.metadata(job.run))


def _remember(job: Job, folded: Folded | None) -> None:
    if folded is not None and folded.has(EVENTS):
        _append_new(job, events_table(job.run.dataset), folded.events, "_seq")


def _append_new(job: Job, table: str, rows: DataFrame, seq: str, metadata: str | None = None) -> None:
    """Appends what the table does not have yet, by its own progress."""
    name = app_id(job.run.dataset)
    after = delta.applied(newest(job.lake, job.run.dataset, table), name)
    if after < job.run.last:
        new = rows.filter(F.col(seq) > after)
        spark_tables.write(new, job.uri(table), "append", app_id=name, version=job.run.last, metadata=metadata)


def _supersede(job: Job, folded: Folded | None, metadata: str) -> int:
    """As `_commit`, with all rows of the superseded uploads gone."""
    _check_version(job)
    there, uri = delta.schema(job.data), job.uri(job.run.dataset)
    shape = there.append(OP)
    gone = fitted(job.spark.createDataFrame(departures(job.stored, job.run.supersedes)), shape)
    both = gone if folded is None else fitted(folded.changes, shape).unionByName(gone)
    progress: Any = {"app_id": app_id(job.run.dataset), "version": job.run.last, "metadata": metadata}
    spark_tables.merge(both, uri, merge_of_superseding(there.names), there, **progress)
    return _committed_version(job.data, job.run)


def _commit(job: Job, folded: Folded | None, metadata: str) -> int:
    """One commit, to the version that was folded with; proved afterwards, as Spark may skip it."""
    _check_version(job)
    data, run = job.data, job.run
    progress: Any = {"app_id": app_id(run.dataset), "version": run.last, "metadata": metadata}
    if folded is None or not folded.has(CHANGES):
        return delta.record_progress(data, **progress)
    there, uri = delta.schema(data), job.uri(run.dataset)
    match job.mode.commit:
        case Commit.MERGE:
            spec = merge_of(job.stored, job.mode, there.names, deletes=folded.has(DELETES))
            spark_tables.merge(fitted(folded.changes, there.append(OP)), uri, spec, there, **progress)
        case Commit.APPEND:
            spark_tables.write(fitted(folded.changes, there), uri, "append", **progress)
        case Commit.REPLACE:
            spark_tables.write(fitted(folded.changes, there), uri, "overwrite", **progress)
    return _committed_version(data, run)


def _check_version(job: Job) -> None:
    data, run = job.data, job.run
    delta.refresh(data)
    if data.version() != job.at:
        msg = (
            f"{run.dataset}: the table went from version {job.at} to {data.version()} while upload {run.last} was read"
        )
        raise TransientError(f"{msg}: another driver writes to it")


def _committed_version(data: Handle, run: Run) -> int:
    """The version that holds the run; proves that Spark did not skip it."""
    delta.refresh(data)
    for entry in data.history(8):
        found = from_metadata(entry.get("userMetadata"), entry["version"])
        if found and found[-1].seq == run.last:
            return int(entry["version"])
    raise LedgerlakeError(
        f"{run.dataset}: Spark reported success, but no commit holds upload {run.last}; apply it again",
    )


def _remove(lake: Lake, folder: str) -> None:
    """Deletes what was staged, and whatever earlier crashes left of the dataset."""
    bucket, _, prefix = folder.rsplit("/", 2)[0].removeprefix("s3://").partition("/")
    with transient(f"remove {folder}"):
        for page in lake.aws.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/"):
            keys = [{"Key": item["Key"]} for item in page.get("Contents", ())]
            if keys:
                lake.aws.s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
