"""Every merge mode with both engines in turn on one table: at every version it is what the model says."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pyspark.sql import SparkSession

from ledgerlake.layout import table_uri
from streaming_jobs.open_tables import spark_uri
from tests.conftest import Cloud
from tests.laws.contracts import LAWS
from tests.laws.laws import counted
from tests.mirror import mirror, random_uploads
from tests.spark.test_two_sizes import DRIVER, SPARK

TURNS = {False: ((DRIVER, 1), (SPARK, 2), (DRIVER, 2)), True: ((SPARK, 2), (DRIVER, 3))}
OF_ALL_OPTIONS = sorted(LAWS.keys() - {"upsert", "partial", "partial by arrival", "scd2"})
"""Those do less than the same with deletions or in order of time."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("partitioned", [False, True], ids=["one folder", "partitions"])
@pytest.mark.parametrize("name", OF_ALL_OPTIONS)
def test_engines_in_turn_make_the_table_of_the_model(
    fresh_cloud: Cloud, spark: SparkSession, name: str, *, partitioned: bool
) -> None:
    uploads = random_uploads(f"{name} {partitioned}", 200, 5)
    tables = mirror(fresh_cloud, LAWS[name], uploads, partitioned=partitioned, spark=spark)
    books = tables.books
    for size, count in TURNS[partitioned]:
        tables.apply(count, settings=replace(books.settings, small_batch_bytes=size))
    tables.check()
    there, uri = books.table(), table_uri(books.settings.tables_bucket, books.contract.dataset)
    seen = spark.read.format("delta").load(spark_uri(uri)).toArrow()
    assert counted(seen.to_pylist(), there.column_names) == counted(there.to_pylist(), there.column_names)
