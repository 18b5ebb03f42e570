"""The Spark session, and the proof that two engines may write one table from it.

Some Spark defaults corrupt or lose data when deltalake writes the same table (`docs/facts.md`, "Two commit engines").
`SAFE` sets all that must hold, everywhere; `assert_safe` stops the job where the platform overruled one of them.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from ledgerlake.errors import ConfigurationError
from ledgerlake.settings import Settings

LOG_STORE = "io.ledgerlake.ConditionalLogStore"

CREDENTIALS = "software.amazon.awssdk.auth.credentials.EnvironmentVariableCredentialsProvider"
"""Where S3A looks for keys on a laptop: where boto3 looks as well."""

SAFE = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",  # INT96 is read wrapped outside 1677-2262
    "spark.sql.session.timeZone": "UTC",
    "spark.delta.logStore.s3a.impl": LOG_STORE,  # the stock store overwrites a commit that came first
    "spark.delta.logStore.s3.impl": LOG_STORE,
    "spark.databricks.delta.write.txnVersion.autoReset.enabled": "true",  # or the next MERGE is silently skipped
}
"""Confs without which data can be lost or changed."""

NEVER = {
    "spark.delta.logStore.class": "it overrules the log store of every scheme and breaks file:",
    "spark.databricks.delta.properties.defaults.enableDeletionVectors": "pyarrow and pandas refuse such tables",
    "spark.databricks.delta.properties.defaults.columnMapping.mode": "pyarrow and pandas refuse such tables",
    "spark.databricks.delta.properties.defaults.enableRowTracking": "deltalake cannot write such tables",
}
"""Confs that must stay unset, and why."""


def start_session(settings: Settings, extra_conf: Mapping[str, str] | None = None) -> SparkSession:
    """The process's session: ours, in a small JVM, where `settings.jars` names the jars; else the platform's own.

    Raises:
        ConfigurationError: the session would not be safe, or the folder of jars is missing.
    """
    conf = {**SAFE, **_storage(settings), **(_own_jvm(settings) if settings.jars else {}), **(extra_conf or {})}
    builder = SparkSession.builder.appName("ledgerlake")
    for name, value in conf.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    assert_safe(spark)
    return spark


def assert_safe(spark: SparkSession) -> None:
    """Raises `ConfigurationError` that names each unsafe conf, its value and its fix."""
    problems = [
        f"{name} is {spark.conf.get(name, None)!r}: start the job with --conf {name}={wanted}"
        for name, wanted in SAFE.items()
        if wanted not in str(spark.conf.get(name, None)).split(",")
    ]
    problems += [
        f"{name} is set, but {why}: remove it"
        for name, why in NEVER.items()
        if spark.conf.get(name, None) not in (None, "false", "none")
    ]
    hadoop = spark.sparkContext._jsc.hadoopConfiguration()  # noqa: SLF001  # PySpark offers no other way
    if {"create", "*"} & {flag.strip() for flag in (hadoop.get("fs.s3a.performance.flags") or "").split(",")}:
        problems.append("fs.s3a.performance.flags contains create, which overwrites without looking: remove it")
    if hadoop.get("fs.s3a.create.performance") == "true":
        problems.append("fs.s3a.create.performance is true, which overwrites without looking: remove it")
    if problems:
        raise ConfigurationError("Spark is not safe beside deltalake:\n" + "\n".join(problems))


def large_path_problem(spark: SparkSession | None) -> str | None:
    """Why Spark may not commit to a Delta table on S3 here; None if it may.

    Without the conditional log store each of two writers can overwrite a commit of the other and both are told that
    theirs succeeded.
    """
    if spark is None:
        return "no Spark session was started"
    loader = spark._jvm.java.lang.Thread.currentThread().getContextClassLoader()  # type: ignore[union-attr]  # noqa: SLF001
    try:
        loader.loadClass(LOG_STORE)
    except Py4JJavaError:
        return f"{LOG_STORE} is not on Spark's class path: run `make setup`, or pass the jar with --extra-jars"
    return None


def _storage(settings: Settings) -> dict[str, str]:
    """S3A towards an endpoint that is not AWS; `s3://` and `s3a://` name the same objects."""
    endpoint = settings.s3_endpoint_url or settings.endpoint_url
    if endpoint is None:
        return {}
    return {
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "spark.hadoop.fs.s3a.endpoint": endpoint,
        "spark.hadoop.fs.s3a.endpoint.region": settings.region,
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.hadoop.fs.s3a.connection.ssl.enabled": str(urlsplit(endpoint).scheme == "https").lower(),
        "spark.hadoop.fs.s3a.aws.credentials.provider": CREDENTIALS,
    }


def _own_jvm(settings: Settings) -> dict[str, str]:
    """A JVM for one small machine: up in 10 s, small batches need a third of the CPU that Spark's defaults take."""
    jars = Path(settings.jars).resolve()
    if not any(jars.glob("*.jar")):
        msg = f"LEDGERLAKE_JARS={settings.jars!r} holds no jars: run `make setup`, or unset it where Spark has them"
        raise ConfigurationError(msg)
    os.environ["PYSPARK_PYTHON"] = sys.executable  # else workers start another Python and never connect back
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    log4j = Path(__file__).with_name("log4j2.properties").as_uri()
    return {
        "spark.master": "local[*]",
        "spark.driver.extraClassPath": f"{jars}/*",
        "spark.driver.extraJavaOptions": f"-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dlog4j2.configurationFile={log4j}",
        "spark.driver.memory": "2g",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.executorEnv.PYTHONWARNINGS": "ignore::DeprecationWarning",  # Spark's own daemon forks with threads
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.warehouse.dir": Path(tempfile.gettempdir(), "ledgerlake-warehouse").as_uri(),
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.codegen.wholeStage": "false",
        "spark.databricks.delta.snapshotPartitions": "1",
    }
