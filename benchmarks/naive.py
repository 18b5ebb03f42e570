"""The pipeline one would write first: readStream of a folder, foreachBatch, a plain Spark MERGE; Spark's defaults.

It has no grants, inspection, raw layer, order, validation or quarantine: it does strictly less for each file. Run as a
program: `python -m benchmarks.naive BUCKET`; it prints `ready` once the stream runs, and goes on until it is
killed.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from delta.tables import DeltaTable
from pyspark.sql import DataFrame, SparkSession

from benchmarks.payments import DDL, KEY

PROVIDER = "software.amazon.awssdk.auth.credentials.EnvironmentVariableCredentialsProvider"
JARS = Path(__file__).parents[1] / "build" / "jars"


def session(jars: Path = JARS) -> SparkSession:
    """Spark as its documentation starts it with Delta on S3; only the endpoint differs from AWS."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    conf = {
        "spark.master": "local[*]",
        "spark.driver.extraClassPath": f"{jars}/*",
        "spark.driver.memory": "4g",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.hadoop.fs.s3a.endpoint": os.environ["AWS_ENDPOINT_URL_S3"],
        "spark.hadoop.fs.s3a.endpoint.region": os.environ["AWS_REGION"],
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.hadoop.fs.s3a.connection.ssl.enabled": "false",
        "spark.hadoop.fs.s3a.aws.credentials.provider": PROVIDER,
    }
    builder: Any = SparkSession.builder
    for name, value in conf.items():
        builder = builder.config(name, value)
    spark: SparkSession = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def merge(spark: SparkSession, uri: str, batch: DataFrame) -> None:
    """Upsert by key, as the samples do it."""
    (
        DeltaTable.forPath(spark, uri)
        .alias("t")
        .merge(batch.dropDuplicates([KEY]).alias("s"), f"t.{KEY} = s.{KEY}")
        .whenMatchedUpdateAll()
        .whenNotMatchedInsertAll()
        .execute()
    )


def main(bucket: str) -> None:
    """Streams `s3://BUCKET/in/` into `s3://BUCKET/payments`."""
    spark = session()
    uri = f"s3a://{bucket}/payments"
    spark.createDataFrame([], DDL).write.format("delta").save(uri)
    query = (
        spark.readStream.schema(DDL)
        .option("header", "true")
        .csv(f"s3a://{bucket}/in/")
        .writeStream.foreachBatch(lambda batch, _: merge(spark, uri, batch))
        .option("checkpointLocation", f"s3a://{bucket}/checkpoint")
        .start()
    )
    print("ready", flush=True)
    query.awaitTermination()


if __name__ == "__main__":
    main(sys.argv[1])
