"""A run too large for the driver: parsed and validated on the executors, committed by Spark (about 4 s more).

The same judgement as `driver_path`, spread out: each task streams one file through `validation`, its rows are staged
as Parquet, windows over the staged rows decide their fates, and what is merged is read from what was staged, so that
a MERGE which reads its source twice sees the same rows.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from delta.tables import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812  # the name everybody knows it by

from ledgerlake.aws import transient
from ledgerlake.errors import LedgerlakeError, TransientError
from ledgerlake.events import Manifest, Outcome
from ledgerlake.layout import app_id, staging_uri, table_uri
from streaming_jobs.tallies import Tally
from streaming_jobs.lake import Lake
from tables.mode import Mode
from tables.modes import MODES
from streaming_jobs.open_tables import Handle, newest, spark_uri
from streaming_jobs.outcomes import from_metadata
from streaming_jobs.runs import Run
from streaming_jobs.settlement import Prepared, hold, settle
from streaming_jobs.spark_fates import column, with_fates
from streaming_jobs.spark_tallies import tally
from streaming_jobs.staging import ACCEPTED, QUARANTINED_ROW, Summary, stage, summaries
from tables import delta, sql, system_tables
from tables.contract import Contract

TXN_APP = "spark.databricks.delta.write.txnAppId"
TXN_VERSION = "spark.databricks.delta.write.txnVersion"
USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"


@dataclass(frozen=True)
class _Staged:
    """A run that the executors have read. `folder` holds all of it; `rows` are the accepted ones with their fates."""

    spark: SparkSession
    folder: str
    rows: DataFrame
    refused: DataFrame
    summaries: dict[int, Summary]


def prepare(lake: Lake, spark: SparkSession, run: Run, data: Handle) -> Prepared:
    """Reads, validates, folds and counts a run on the executors; raises as `driver_path.prepare`."""
    now = lake.clock()
    folder = f"{staging_uri(lake.settings.tables_bucket, run.dataset, run.last)}/{uuid.uuid4().hex}"
    discard = partial(_remove, lake, folder)
    try:
        staged = _stage(lake, spark, run, spark_uri(folder))
        counted = tally(staged.rows, staged.refused, run.contract.money)
        outcomes = tuple(
            _outcome(upload, run.contract, staged.summaries[upload.seq], counted.get(upload.seq, {}), now)
            for upload in run.uploads
        )
    except BaseException:
        discard()
        raise
    changed = sum(outcome.merged for outcome in outcomes) > 0
    return Prepared(
        outcomes=outcomes,
        quarantine=partial(_quarantine, lake, run, staged, now),
        commit=partial(_commit, lake, data, run, staged if changed else None),
        discard=discard,
    )


# Judge


def _stage(lake: Lake, spark: SparkSession, run: Run, folder: str) -> _Staged:
    contract, mode = run.contract, MODES[run.contract.mode]
    staged = stage(spark, lake.settings, contract, run.uploads, f"{folder}/read")
    said = summaries(staged)
    good = F.col("_seq").isin([seq for seq, summary in said.items() if not summary.held])
    accepted = staged.filter((F.col("_kind") == ACCEPTED) & good).select(*map(column, contract.table_schema.names))
    table = spark.read.format("delta").load(spark_uri(table_uri(lake.settings.tables_bucket, run.dataset)))
    rows = with_fates(accepted, contract, mode, table if mode.order(contract)[0] != "_seq" else None)
    rows.write.mode("overwrite").parquet(f"{folder}/judged")
    rows = spark.read.schema(rows.schema).parquet(f"{folder}/judged")
    return _Staged(spark, folder, rows, staged.filter((F.col("_kind") == QUARANTINED_ROW) & good), said)


def _outcome(
    upload: Manifest,
    contract: Contract,
    summary: Summary,
    parts: Mapping[str, Tally],
    now: datetime,
) -> Outcome:
    if summary.held or summary.file is None:
        return hold(upload, contract, summary.file, summary.held, now)
    return settle(upload, contract, summary.file, parts, now)


# Write


def _quarantine(lake: Lake, run: Run, staged: _Staged, now: datetime) -> None:
    if staged.refused.isEmpty():
        return
    after = delta.applied(newest(lake, run.dataset, "quarantine"), app_id(run.dataset))
    refused = staged.refused.filter(F.col("_seq") > after)
    same = {"dataset": run.dataset, "contract_sha256": run.contract.sha256, "quarantined_at": now}
    found = {
        "seq": "_seq",
        "upload_id": "_upload_id",
        "row": "_row",
        "raw": "_raw",
        "reasons": "_reasons",
        "money": "_money",
    }
    rows = refused.select(
        *(
            (F.col(found[name]) if name in found else F.lit(same[name])).alias(name)
            for name in system_tables.QUARANTINE.names
        ),
    )
    _append(rows, spark_uri(table_uri(lake.settings.tables_bucket, "quarantine")), app_id(run.dataset), run.last)


def _commit(lake: Lake, data: Handle, run: Run, staged: _Staged | None, metadata: str) -> int:
    """One commit of Spark. The progress is compared on the newest version first, and proved afterwards."""
    name = app_id(run.dataset)
    delta.refresh(data)
    if delta.applied(data, name) >= run.last:
        raise TransientError(f"{run.dataset}: upload {run.last} was applied meanwhile by another driver")
    if staged is None:
        return delta.record_progress(data, app_id=name, version=run.last, metadata=metadata)
    uri = spark_uri(table_uri(lake.settings.tables_bucket, run.dataset))
    changes = staged.rows.filter("_change").select(*map(column, run.contract.table_schema.names))
    mode = MODES[run.contract.mode]
    if mode.keyed:
        with _transaction(staged.spark, name, run.last, metadata):
            _merge(staged.spark, uri, run.contract, mode, changes)
    else:
        _append(changes, uri, name, run.last, metadata)
    return _committed_version(data, run)


def _append(rows: DataFrame, uri: str, name: str, version: int, metadata: str | None = None) -> None:
    """Appends rows and progress in one commit of Spark; does nothing where that progress is reached already."""
    writer = rows.write.format("delta").mode("append").option("txnAppId", name).option("txnVersion", version)
    (writer if metadata is None else writer.option("userMetadata", metadata)).save(uri)


def _merge(spark: SparkSession, uri: str, contract: Contract, mode: Mode, changes: DataFrame) -> None:
    quote = sql.portable_identifier
    first = column(contract.primary_key[0])
    low, high, nulls = changes.agg(F.min(first), F.max(first), F.max(first.isNull())).collect()[0]
    same = F.expr(same_key(contract, quote))
    if low is not None and not nulls:  # Delta leaves out files of the table by literals, never by values of the source
        same = F.col(f"t.{quote(contract.primary_key[0])}").between(F.lit(low), F.lit(high)) & same
    merge = DeltaTable.forPath(spark, uri).alias("t").merge(changes.alias("s"), same)
    for clause in mode.clauses(contract, quote):
        values: Any = {quote(name): text for name, text in clause.values}
        only_if: Any = {} if clause.condition is None else {"condition": clause.condition}
        if clause.matched:
            merge = merge.whenMatchedUpdate(set=values, **only_if)
        else:
            merge = merge.whenNotMatchedInsert(values=values, **only_if)
    merge.execute()


@contextmanager
def _transaction(spark: SparkSession, name: str, version: int, metadata: str) -> Iterator[None]:
    """MERGE takes its transaction from the session only, where it would stick and silence the next MERGE."""
    conf = {TXN_APP: name, TXN_VERSION: str(version), USER_METADATA: metadata}
    try:
        for key, value in conf.items():
            spark.conf.set(key, value)
        yield
    finally:
        for key in conf:
            spark.conf.unset(key)


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
