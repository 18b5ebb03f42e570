"""One suite over both sizes: whichever engine applies a run, table, history, counts and progress are the same."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import SparkSession

from ledgerlake.errors import ConfigurationError, TransientError
from ledgerlake.events import Outcome
from ledgerlake.layout import app_id, table_uri
from streaming_jobs.checkpoints import EVERY, QUIET, shorten
from streaming_jobs.commit import apply_run
from streaming_jobs.runs import Run
from streaming_jobs.spark_tables import TXN_APP, TXN_VERSION
from tables import delta
from tables.odcs import load
from tests.books import COLUMNS, AlwaysHeld, Books, a_contract, a_row, to_csv
from tests.conftest import Cloud
from tests.model import Model

LINEAGE = ("_upload_id", "_seq", "_row")
DRIVER, SPARK = 1 << 40, 1
"""Settings of `small_batch_bytes` that send every run to one of the two places."""

HIGHEST = Decimal("9" * 36 + ".99")
DAYS = (date.min, date(1582, 10, 4), date(1582, 10, 15), date(2026, 3, 31), date.max)
MOMENTS = (
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(1900, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
    datetime(2262, 4, 12, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
)
AMOUNTS = (None, Decimal("0.00"), Decimal("0.01"), HIGHEST.copy_negate(), HIGHEST)  # unary minus would round
IDS = ("a", "b", "10", "9", "ä", "it's", "back\\slash", '%_`"')


def an_upload(chance: random.Random, required: str) -> list[dict[str, Any]]:
    """Rows of few keys, so that they meet; every type at both its ends."""
    return [
        a_row(
            chance.choice(IDS),
            branch=chance.choice((9, 10, -(2**63), 2**63 - 1)),
            as_of=chance.choice((*DAYS, *([] if required == "as_of" else [None]))),
            region=chance.choice((None, "north", "süd/ost", "a=b")),
            at=chance.choice((*MOMENTS, *([] if required == "at" else [None]))),
            open=chance.choice((None, True, False)),
            amount=chance.choice(AMOUNTS),
        )
        for _ in range(chance.randrange(30))
    ]


def bad_lines(count: int) -> bytes:
    """Rows that no contract accepts; their money counts all the same."""
    return b"".join(b"bad,1,north,2026-02-30,,,%d.50\n" % number for number in range(count))


def apply(books: Books, first: int, last: int, small_batch_bytes: int) -> tuple[Outcome, ...]:
    return books.apply(first, last, settings=replace(books.settings, small_batch_bytes=small_batch_bytes))


def counts(outcome: Outcome) -> dict[str, int]:
    return {name: getattr(outcome, name) for name in ("merged", "superseded", "duplicate") if getattr(outcome, name)}


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("sequence_by", "partitioned"),
    [("as_of", True), ("at", False)],
)
def test_values_of_every_type_are_the_same_to_engines_in_turn_at_every_version(
    fresh_cloud: Cloud,
    spark: SparkSession,
    sequence_by: str,
    *,
    partitioned: bool,
) -> None:
    books = Books(
        fresh_cloud.settings,
        fresh_cloud.aws,
        a_contract(sequence_by=sequence_by, partitioned=partitioned),
        spark,
    )
    chance = random.Random(f"{sequence_by} {partitioned}")  # noqa: S311  # examples, not secrets
    model = Model(books.contract.primary_key, books.contract.sequence_by)
    expected: dict[int, list[dict[str, Any]]] = {}
    for size, uploads in ((DRIVER, 1), (SPARK, 2), (DRIVER, 2), (SPARK, 3), (DRIVER, 1)):
        first = len(books.uploads) + 1
        for _ in range(uploads):
            rows = an_upload(chance, sequence_by)
            bad = chance.randrange(3)
            manifest = books.accept(to_csv(rows) + bad_lines(bad))
            model.apply(
                [
                    {**row, "_upload_id": manifest.upload_id, "_seq": manifest.seq, "_row": line}
                    for line, row in enumerate(rows, start=2)
                ],
            )
        outcomes = apply(books, first, len(books.uploads), size)
        for outcome in outcomes:
            assert counts(outcome) == {
                name: number for (seq, name), number in model.fates.items() if seq == outcome.seq
            }
        version = outcomes[0].version
        assert version is not None
        expected[version] = sorted(
            (dict(row) for row in model.table.values()),
            key=lambda row: (row["_seq"], row["_row"]),
        )
        assert progress(books) == len(books.uploads)
    for version, rows in expected.items():
        assert books.rows(version) == rows
        assert spark_rows(books, spark, version) == rows
    assert books.table("uploads").num_rows == len(books.uploads)
    assert books.table("quarantine").num_rows == sum(row["quarantined"] for row in books.table("uploads").to_pylist())
    assert spark.conf.get(TXN_APP, None) is None
    assert spark.conf.get(TXN_VERSION, None) is None


def progress(books: Books) -> int:
    handle = delta.open_table(table_uri(books.settings.tables_bucket, "books"), books.settings)
    assert handle is not None
    return delta.applied(handle, app_id("books"))


def spark_rows(books: Books, spark: SparkSession, version: int) -> list[dict[str, Any]]:
    uri = table_uri(books.settings.tables_bucket, "books").replace("s3://", "s3a://")
    frame = spark.read.format("delta").option("versionAsOf", version).load(uri)
    rows = frame.select(*COLUMNS, *LINEAGE).toArrow().to_pylist()
    return sorted(rows, key=lambda row: (row["_seq"], row["_row"]))


def without_time(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    hidden = {"applied_at", "version", "upload_id"}
    return [{name: getattr(outcome, name) for name in Outcome.__slots__ if name not in hidden} for outcome in outcomes]


@pytest.mark.timeout(300)
def test_both_sizes_say_the_same_of_the_same_files(fresh_cloud: Cloud, spark: SparkSession) -> None:
    said = []
    for dataset, size in (("small", DRIVER), ("large", SPARK)):
        books = Books(fresh_cloud.settings, fresh_cloud.aws, a_contract(dataset), spark)
        books.accept(
            to_csv([a_row("a"), a_row("a", amount=Decimal("2.00")), a_row("b", as_of=date.max)]) + bad_lines(2),
        )
        books.accept([a_row("c")], declared_totals={"amount": "7.00"})
        books.accept(to_csv([a_row("d")]).replace(b"branch", b"brunch"))
        books.accept(
            [a_row("a", as_of=date.min, amount=HIGHEST), a_row("b", as_of=date.min, amount=HIGHEST)],
            declared_rows=2,
            declared_totals={"amount": "1" + "9" * 36 + ".98"},
        )
        books.accept(b"")
        for kind in ("release", "correct"):
            cause = {"kind": kind, "upload_id": "other", "decision": "1", "reason": "seen", "by": "ann"}
            books.accept(to_csv([a_row("e")]) + bad_lines(1), declared_rows=7, cause=cause)
        outcomes = apply(books, 1, 7, size)
        assert [(each.state, len(each.waived)) for each in outcomes[5:]] == [("applied", 1), ("held", 0)]
        hidden = {"dataset", "contract_sha256", "upload_id", "quarantined_at"}
        quarantine = [
            {name: value for name, value in row.items() if name not in hidden}
            for row in books.table("quarantine").to_pylist()
            if row["dataset"] == dataset
        ]
        rows = [{**row, "_upload_id": ""} for row in books.rows()]
        told = [{**each, "dataset": "", "contract_sha256": ""} for each in without_time(outcomes)]
        said.append((told, sorted(quarantine, key=str), rows))
    assert said[0] == said[1]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mode", ["snapshot", "replace"])
def test_both_sizes_empty_a_table_by_a_released_full_state(fresh_cloud: Cloud, spark: SparkSession, mode: str) -> None:
    cause = {"kind": "release", "upload_id": "other", "decision": "1", "reason": "seen", "by": "ann"}
    for dataset, size in (("small", DRIVER), ("large", SPARK)):
        text = a_contract(dataset, mode="upsert" if mode == "snapshot" else "append", sequence_by=None).text
        stated = re.sub("value: (upsert|append)", f"value: {mode}", text)
        books = Books(fresh_cloud.settings, fresh_cloud.aws, load(stated, f"{dataset}.yaml"), spark)
        books.accept([a_row("a"), a_row("b"), a_row("c")])
        books.accept(b"id,branch,region,as_of,at,open,amount\n", cause=cause)
        books.accept([a_row("b")])
        waived = [apply(books, seq, seq, size)[0].waived for seq in (1, 2)]
        assert ([len(each) for each in waived], books.rows()) == ([0, 1], [])
        apply(books, 3, 3, size)
        assert [row["id"] for row in books.rows()] == ["b"]


class LeaseLost:
    def check(self) -> None:
        raise TransientError("another driver took over")


@pytest.mark.timeout(300)
def test_a_crash_before_the_merge_of_a_large_run_resumes_exactly(fresh_cloud: Cloud, spark: SparkSession) -> None:
    books = Books(fresh_cloud.settings, fresh_cloud.aws, a_contract(), spark)
    books.accept(to_csv([a_row("a")]) + bad_lines(1))
    large = replace(books.settings, small_batch_bytes=SPARK)
    with pytest.raises(TransientError, match="another driver"):
        books.apply(1, 1, lease=LeaseLost(), settings=large)
    assert staged(books) == []
    assert [outcome.merged for outcome in books.apply(1, 1, settings=large)] == [1]
    assert books.apply(1, 1, settings=large) == ()
    assert books.table("quarantine").num_rows == 1
    assert staged(books) == []


def staged(books: Books) -> list[str]:
    found = books.aws.s3.list_objects_v2(Bucket=books.settings.tables_bucket, Prefix="staging/")
    return [item["Key"] for item in found.get("Contents", [])]


@pytest.mark.timeout(300)
def test_a_damaged_raw_file_is_not_applied_by_spark_either(fresh_cloud: Cloud, spark: SparkSession) -> None:
    books = Books(fresh_cloud.settings, fresh_cloud.aws, a_contract(), spark)
    books.accept([a_row("a")], sha256="0" * 64)
    with pytest.raises(TransientError, match="SHA-256"):
        apply(books, 1, 1, SPARK)
    assert books.rows() == []


def test_a_contract_pinned_to_the_driver_never_goes_to_spark(fresh_cloud: Cloud, spark: SparkSession) -> None:
    books = Books(fresh_cloud.settings, fresh_cloud.aws, replace(a_contract(), engine="driver"), spark)
    books.accept([a_row("a")])
    apply(books, 1, 1, SPARK)
    handle = delta.open_table(table_uri(books.settings.tables_bucket, "books"), books.settings)
    assert handle is not None
    assert "delta-rs" in handle.history(1)[0]["clientVersion"]


def test_a_run_for_spark_is_refused_where_spark_may_not_commit(fresh_cloud: Cloud) -> None:
    books = Books(fresh_cloud.settings, fresh_cloud.aws, replace(a_contract(), engine="spark"))
    books.accept([a_row("a")])
    with pytest.raises(ConfigurationError, match="no Spark session"):
        books.apply(1, 1)


@pytest.mark.timeout(300)
def test_a_long_log_gets_checkpoints_that_both_engines_read(fresh_cloud: Cloud, spark: SparkSession) -> None:
    books = Books(fresh_cloud.settings, fresh_cloud.aws, a_contract(), spark)
    lake = books.lake()
    for number in range(EVERY):
        books.accept([a_row(f"k{number}")])
        apply_run(lake, Run(books.contract, tuple(books.uploads[-1:])), AlwaysHeld())
    before = books.rows()
    assert shorten(lake, "books") == ("books", "uploads")
    assert shorten(lake, "books") == ()
    found = books.aws.s3.list_objects_v2(Bucket=books.settings.tables_bucket, Prefix="tables/books/_delta_log/_last")
    assert found["KeyCount"] == 1
    assert books.rows() == before == spark_rows(books, spark, EVERY)
    books.accept([a_row("after")])
    apply_run(lake, Run(books.contract, tuple(books.uploads[-1:])), AlwaysHeld())
    assert progress(books) == EVERY + 1
    assert spark_rows(books, spark, EVERY + 1) == books.rows()


def test_a_quiet_table_gets_its_checkpoint_after_few_commits(fresh_cloud: Cloud, spark: SparkSession) -> None:
    books = Books(fresh_cloud.settings, fresh_cloud.aws, a_contract(), spark)
    lake = books.lake()
    for number in range(QUIET):
        books.accept([a_row(f"k{number}")])
        apply_run(lake, Run(books.contract, tuple(books.uploads[-1:])), AlwaysHeld())
        assert shorten(lake, "books") == ()
    assert shorten(lake, "books") == ("books", "uploads")
    assert shorten(lake, "books") == ()
