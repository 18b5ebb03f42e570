"""Rules that ask for more than the row say the same of a file wherever it is judged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pyspark.sql import SparkSession

from ledgerlake.events import Outcome
from streaming_jobs.runs import next_run
from tests.books import Books
from tests.conftest import Cloud
from tests.trades import accept_accounts, accounts, to_file, trades
from validation.rules import rules_sha256

DRIVER, SPARK = 1 << 40, 1
"""Settings of `small_batch_bytes` that send every run to one of the two places."""

HISTORY = to_file([(f"H{number}", "A", "J0", "2026-03-01", number % 4, number % 4) for number in range(40)])
MIXED = to_file(
    [
        ("T1", "A", "J1", "2026-03-31", 2, 0),
        ("T2", "A", "J1", "2026-03-31", 0, 2),
        ("T3", "B", "J2", "2026-03-31", 3, 0),  # no such account, so J2 is not whole
        ("T4", "A", "J2", "2026-03-31", 0, 3),
        ("T5", "A", "J3", "2026-04-02", 0, 0),  # the future
        ("H7", "A", "J4", "2026-03-31", 0, 0),  # was there before
        ("T6", "A", "J5", "2026-03-31", 100, 0),  # far from what there was
        ("T7", "A", "J5", "2026-03-31", 0, 100),
        ("T8", "", "J6", "", 9, 9),  # another warning
    ]
)


def said(books: Books, small_batch_bytes: int) -> dict[str, Any]:
    """What both files become, applied as the stream does."""
    settings = replace(books.settings, small_batch_bytes=small_batch_bytes)
    outcomes: list[Outcome] = []
    for seq in (1, 2):
        run = next_run(
            books.lake(settings=settings), books.contract.dataset, seq - 1, [each.event for each in books.uploads]
        )
        assert run is not None
        assert [each.seq for each in run.uploads] == [seq]  # what the first brought has a part in the second
        outcomes += books.apply(seq, seq, settings=settings)
    quarantine = [row for row in books.table("quarantine").to_pylist() if row["dataset"] == books.contract.dataset]
    uploads = [row for row in books.table("uploads").to_pylist() if row["dataset"] == books.contract.dataset]
    assert [each.rules_sha256 for each in outcomes] == [rules_sha256(books.contract)] * 2
    assert {row["rules_sha256"] for row in uploads} == {rules_sha256(books.contract)}
    assert [dict(row["warnings"]) for row in sorted(uploads, key=lambda row: row["seq"])] == [
        each.warnings for each in outcomes
    ]
    assert [set(each.reference_versions) for each in outcomes] == [{"accounts", books.contract.dataset}] * 2
    return {
        "rows": [row["trade"] for row in books.rows()],
        "refused": sorted((row["row"], [each["rule"] for each in row["reasons"]]) for row in quarantine),
        "counts": [(each.merged, each.quarantined, each.warnings) for each in outcomes],
    }


@pytest.mark.timeout(300)
def test_both_sizes_judge_by_the_time_the_file_and_other_tables_alike(fresh_cloud: Cloud, spark: SparkSession) -> None:
    known = Books(fresh_cloud.settings, fresh_cloud.aws, accounts(), spark)
    accept_accounts(known, "A")
    found = []
    for dataset, size in (("small", DRIVER), ("large", SPARK)):
        books = Books(fresh_cloud.settings, fresh_cloud.aws, trades(dataset), spark)
        books.accept(HISTORY)
        books.accept(MIXED)
        found.append(said(books, size))
    assert found[0] == found[1]
    assert found[0]["refused"] == [
        (4, ["foreign_key", "balanced"]),
        (5, ["balanced"]),
        (6, ["not_future"]),
        (7, ["new_to_table"]),
    ]
    assert found[0]["counts"] == [(40, 0, {}), (5, 4, {"debit.outlier": 2, "debit.enum": 1})]


@pytest.mark.timeout(300)
def test_both_sizes_hold_a_file_whose_journals_do_not_balance(fresh_cloud: Cloud, spark: SparkSession) -> None:
    known = Books(fresh_cloud.settings, fresh_cloud.aws, accounts(), spark)
    accept_accounts(known, "A")
    reasons = []
    for dataset, size in (("small", DRIVER), ("large", SPARK)):
        books = Books(fresh_cloud.settings, fresh_cloud.aws, trades(dataset, "hold"), spark)
        books.accept(to_file([("T1", "A", "J1", "2026-03-31", 2, 0)]))
        (outcome,) = books.apply(1, 1, settings=replace(books.settings, small_batch_bytes=size))
        assert (outcome.state, outcome.merged, outcome.rows) == ("held", 0, 1)
        reasons.append(outcome.held)
    assert reasons == [["1 row, first on line 2: debit must equal credit in the rows of each journal"]] * 2


@pytest.mark.timeout(300)
def test_both_sizes_tell_what_had_to_be_decided_to_read_a_file(fresh_cloud: Cloud, spark: SparkSession) -> None:
    known = Books(fresh_cloud.settings, fresh_cloud.aws, accounts(), spark)
    accept_accounts(known, "A")
    good = to_file([("T1", "A", "J1", "2026-03-31", 1, 1)])
    files = [good, good.replace(b"T1", b"T\xe9"), good.replace(b"T1", b"T\xe8").replace(b"1,1\n", b"1,2\n")]
    told = []
    for dataset, size in (("small", DRIVER), ("large", SPARK)):
        books = Books(fresh_cloud.settings, fresh_cloud.aws, trades(dataset, "hold", ("utf-8", "cp1252")), spark)
        outcomes: list[Outcome] = []
        for seq, file in enumerate(files, 1):
            books.accept(file)
            outcomes += books.apply(seq, seq, settings=replace(books.settings, small_batch_bytes=size))
        rows = [row for row in books.table("uploads").to_pylist() if row["dataset"] == dataset]
        assert [dict(row["notes"]) for row in sorted(rows, key=lambda row: row["seq"])] == [
            each.notes for each in outcomes
        ]
        told.append([(each.state, each.notes) for each in outcomes])
    assert told[0] == told[1]
    assert told[0] == [
        ("applied", {}),
        ("applied", {"cp1252": "line 2 is read as cp1252: byte 0xe9 cannot be read as utf-8"}),
        ("held", {"cp1252": "line 2 is read as cp1252: byte 0xe8 cannot be read as utf-8"}),
    ]
