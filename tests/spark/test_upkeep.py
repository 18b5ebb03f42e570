"""After its upkeep both engines read the same of a table, at every version, and go on with it in turn."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from pyspark.sql import SparkSession

from streaming_jobs.upkeep import maintain
from tables.upkeep import SMALL_FILES
from tests.books import Books, a_contract, a_row
from tests.conftest import Cloud
from tests.spark.test_two_sizes import DRIVER, MOMENTS, SPARK, an_upload, apply, progress, spark_rows

JOINED, SORTED = 1 << 20, 3000
"""Targets at which the files of this test are joined, and are sorted."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("mode", "target", "action"), [("append", JOINED, "compact"), ("upsert", SORTED, "sort")])
def test_both_engines_read_and_write_a_table_after_its_upkeep(
    fresh_cloud: Cloud,
    spark: SparkSession,
    mode: str,
    target: int,
    action: str,
) -> None:
    settings = replace(fresh_cloud.settings, target_file_bytes=target)
    contract = a_contract(mode=mode, partitioned=mode == "append")
    books = Books(settings, fresh_cloud.aws, contract, spark)
    chance = random.Random(target)  # noqa: S311  # examples, not secrets
    for number in range(1, SMALL_FILES + 1):
        rows = [{**row, "id": f"{row['id']}{number}"} for row in an_upload(chance, "as_of")]
        books.accept([a_row(f"k{number}", region="süd/ost"), *rows])
        apply(books, number, number, DRIVER)
    before = [books.rows(version) for version in range(books.version() + 1)]
    done = {each.step.action for each in maintain(books.lake(), books.contract) if each.step.table == "books"}
    assert done == {action}
    assert books.rows() == before[-1]
    assert spark_rows(books, spark, books.version()) == before[-1]
    assert spark_rows(books, spark, SMALL_FILES // 2) == before[SMALL_FILES // 2]
    for moment in (MOMENTS[0], MOMENTS[-1]):
        found = spark.read.format("delta").load(f"s3a://{settings.tables_bucket}/tables/books")
        asked = found.filter(f"at = TIMESTAMP '{moment.isoformat()}'").count()
        assert asked == sum(row["at"] == moment for row in before[-1])
    for size in (SPARK, DRIVER):
        books.accept([a_row(f"k{number}", region="süd/ost") for number in range(size % 7 + 1)])
        apply(books, len(books.uploads), len(books.uploads), size)
        assert spark_rows(books, spark, books.version()) == books.rows()
    assert progress(books) == SMALL_FILES + 2
