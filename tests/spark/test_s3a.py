"""What Spark itself asks S3 for, beside the job's Python: allowed to the job, needed by it, counted for the bill."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from cli.costs import PER_MICRO_BATCH
from streaming_jobs.checkpoints import EVERY, shorten
from tests.books import Books, a_contract, a_row
from tests.conftest import Cloud
from tests.local.billing import billed
from tests.local.calls import Recorder, missing, unused
from tests.local.proxy import proxied
from tests.local.roles import SPARK, UNUSED, statements
from tests.spark.test_stream import announce, is_applied, running, wait_for

JOB = "streaming.JobRole"


@pytest.fixture
def books(spark: SparkSession, fresh_cloud: Cloud, tmp_path: Path) -> Books:
    settings = replace(fresh_cloud.settings, contracts=str(tmp_path), poll_millis=100, small_batch_bytes=500)
    contract = a_contract()
    (tmp_path / "books.yaml").write_text(contract.text, encoding="utf-8")
    return Books(settings, fresh_cloud.aws, contract, spark)


@contextmanager
def s3a_of(books: Books) -> Iterator[Recorder]:
    """What S3A asks for meanwhile: the bucket is new, so its file system is opened here, with an endpoint of its own.

    Python's own requests are recorded elsewhere: through a door in this process, deltalake would wait for itself, as it
    keeps the interpreter's lock while it reads a table's history.
    """
    assert books.spark is not None
    recorder, endpoint = Recorder(), books.settings.s3_endpoint_url
    hadoop = books.spark.sparkContext._jsc.hadoopConfiguration()  # noqa: SLF001  # PySpark offers no other way
    with proxied(str(endpoint), recorder.s3) as door:
        hadoop.set(f"fs.s3a.bucket.{books.settings.tables_bucket}.endpoint", door)
        yield recorder


def upload(books: Books, rows: int) -> None:
    """One file, announced, and waited for until it is applied."""
    number = len(books.uploads)
    sent = books.accept([a_row(f"{number} {row}") for row in range(rows)])
    announce(books, sent.event.to_json())
    wait_for(lambda: is_applied(books, sent), seconds=120)


@pytest.mark.timeout(300)
def test_the_job_may_do_what_spark_asks_for_and_needs_what_only_spark_asks_for(books: Books) -> None:
    lake = books.lake()
    with s3a_of(books) as recorder:
        with running(lake):
            upload(books, 1)
            upload(books, 100)
        for name, opened in list(lake.handles.items()):
            lake.handles[name] = replace(opened, at=opened.handle.version() - EVERY)
        assert "books" in shorten(lake, "books")
    allowed = statements(JOB, books.settings)
    assert missing(allowed, recorder.calls) == []
    only_spark = {asked for asked, why in UNUSED[JOB].items() if why == SPARK}
    assert only_spark
    assert unused(allowed, recorder.calls) & only_spark == set()


def test_the_model_counts_what_a_micro_batch_costs_beside_its_uploads(books: Books) -> None:
    with s3a_of(books) as recorder, running(books.lake()):
        bills = []
        for number in range(5):
            upload(books, 1)
            commit = f"/commits/{number}"
            wait_for(lambda: any(r.path.endswith(commit) and r.method == "PUT" for r in recorder.to_s3))  # noqa: B023  # called at once
            wait_for(lambda: recorder.to_s3[-1].method == "DELETE")  # the last that Spark does
            bills.append({price: units for price, units in billed(recorder.taken(), []).items() if units})
    assert bills[-2:] == [PER_MICRO_BATCH, PER_MICRO_BATCH]  # the first ones make folders and look for what was before
