"""A table whose types became wider is one table to both engines, whichever contract an upload was accepted under."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from pyspark.sql import SparkSession

from ledgerlake.layout import table_uri
from tests.accounts import Accounts, a_contract, a_row, follow, revised, to_csv
from tests.conftest import Cloud


@pytest.mark.timeout(300)
def test_spark_goes_on_where_a_rewrite_ended_and_reads_what_was_before(fresh_cloud: Cloud, spark: SparkSession) -> None:
    books = Accounts(fresh_cloud, a_contract("scd2", partitioned=True), spark=spark)
    books.put([a_row("a", "2026-01-01", amount="1.00"), a_row("a", "2026-03-01", amount="3.00", name="Zürich 1/2")])
    late = books.accept(to_csv([a_row("a", "2026-02-01", amount="2.00")]))
    narrow = books.contract
    follow(books, revised(narrow, ("decimal(18,2)", "decimal(22,4)")))
    books.contract = narrow  # under which the late row was accepted
    books.apply(late.seq, late.seq, settings=replace(books.settings, small_batch_bytes=1))
    uri = table_uri(books.settings.tables_bucket, "accounts").replace("s3://", "s3a://")
    for version, amounts in ((1, [1, 3]), (2, [1, 3]), (3, [1, 2, 3])):
        found = spark.read.format("delta").option("versionAsOf", version).load(uri).orderBy("amount").collect()
        assert [row["amount"] for row in found] == [Decimal(amount) for amount in amounts]
        assert sorted(row["amount"] for row in books.rows(version)) == [row["amount"] for row in found]
    assert [row["_valid_to"] is None for row in found] == [False, False, True]
