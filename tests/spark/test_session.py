"""The session refuses to start unsafe, and says what to change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from ledgerlake.errors import ConfigurationError
from streaming_jobs.session import NEVER, SAFE, assert_safe, large_path_problem, start_session


@contextmanager
def changed(spark: SparkSession, name: str, value: str) -> Iterator[None]:
    before = spark.conf.get(name, None)
    spark.conf.set(name, value)
    try:
        yield
    finally:
        spark.conf.unset(name)
        if before is not None:
            spark.conf.set(name, before)


UNSAFE = {
    "spark.sql.catalog.spark_catalog": "org.example.Catalog",
    "spark.sql.parquet.outputTimestampType": "INT96",
    "spark.sql.session.timeZone": "Europe/Berlin",
    "spark.delta.logStore.s3a.impl": "io.delta.storage.S3SingleDriverLogStore",
    "spark.delta.logStore.s3.impl": "io.delta.storage.S3SingleDriverLogStore",
    "spark.databricks.delta.write.txnVersion.autoReset.enabled": "false",
}


def test_every_conf_that_keeps_data_safe_is_tested_here() -> None:
    assert set(UNSAFE) == set(SAFE) - {"spark.sql.extensions"}  # which cannot be changed once a session runs


@pytest.mark.parametrize("name", sorted(UNSAFE))
def test_an_unsafe_conf_is_named_with_its_fix(spark: SparkSession, name: str) -> None:
    with changed(spark, name, UNSAFE[name]), pytest.raises(ConfigurationError, match="not safe") as refused:
        assert_safe(spark)
    assert f"--conf {name}={SAFE[name]}" in str(refused.value)
    assert_safe(spark)


@pytest.mark.parametrize("name", sorted(NEVER))
def test_a_conf_that_makes_tables_unreadable_for_others_is_refused(spark: SparkSession, name: str) -> None:
    with changed(spark, name, "true"), pytest.raises(ConfigurationError, match=name):
        assert_safe(spark)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fs.s3a.performance.flags", "mkdir, create"),
        ("fs.s3a.performance.flags", "*"),
        ("fs.s3a.create.performance", "true"),
    ],
)
def test_creating_files_without_looking_is_refused(spark: SparkSession, name: str, value: str) -> None:
    hadoop = spark.sparkContext._jsc.hadoopConfiguration()  # noqa: SLF001  # PySpark offers no other way
    hadoop.set(name, value)
    try:
        with pytest.raises(ConfigurationError, match="overwrites without looking"):
            assert_safe(spark)
    finally:
        hadoop.unset(name)
    assert_safe(spark)


def test_the_conditional_log_store_is_on_the_class_path(spark: SparkSession) -> None:
    assert large_path_problem(spark) is None
    assert "no Spark session" in str(large_path_problem(None))


@pytest.mark.parametrize("scheme", ["s3", "s3a"])
def test_spark_writes_delta_tables_on_s3_under_both_schemes(spark: SparkSession, fresh_cloud: Any, scheme: str) -> None:
    uri = f"{scheme}://{fresh_cloud.settings.tables_bucket}/tables/numbers"
    spark.range(3).coalesce(1).write.format("delta").save(uri)
    assert spark.read.format("delta").load(uri).count() == 3


def test_a_folder_without_jars_is_a_configuration_error(cloud: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="make setup"):
        start_session(replace(cloud.settings, jars=str(tmp_path)))
