"""A Spark driver that appends when told to: `python -m tests.spark.appender NAME`.

Reads one line per append from stdin ("TABLE NUMBER"); its answer is that line and "acknowledged" or the error's name.
"""

from __future__ import annotations

import os
import sys

from pyspark.errors import PySparkException

from ledgerlake.settings import Settings
from streaming_jobs.session import start_session

STOCK = {
    "spark.hadoop.fs.stock.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
    "spark.delta.logStore.stock.impl": "io.delta.storage.S3SingleDriverLogStore",
}
"""The same S3 under the scheme stock://, with the log store that Delta brings."""


def main(name: str) -> None:
    """Starts the product's own session, then serves stdin."""
    spark = start_session(Settings.from_mapping(os.environ), STOCK)
    spark.createDataFrame([(name, 0)], "driver string, number int").count()
    say("ready")
    for line in sys.stdin:
        table, number = line.split()
        row = spark.createDataFrame([(name, int(number))], "driver string, number int").coalesce(1)
        try:
            row.write.format("delta").mode("append").save(table)
            say(f"{table} {number} acknowledged")
        except PySparkException as error:
            say(f"{table} {number} {type(error).__name__}")
    spark.stop()


def say(answer: str) -> None:
    """One line for the test."""
    sys.stdout.write(f"{answer}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
