"""The stream as a whole, in this process: from an event to a commit, and to a graceful end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from ledgerlake.errors import ConfigurationError
from ledgerlake.events import Manifest
from streaming_jobs import stream
from streaming_jobs.lake import Lake
from tests.books import Books, a_contract, a_row
from tests.conftest import Cloud


@pytest.fixture
def books(spark: SparkSession, fresh_cloud: Cloud, tmp_path: Path) -> Books:
    settings = replace(fresh_cloud.settings, contracts=str(tmp_path), poll_millis=100)
    contract = a_contract()
    (tmp_path / "books.yaml").write_text(contract.text, encoding="utf-8")
    return Books(settings, fresh_cloud.aws, contract, spark)


@contextmanager
def running(lake: Lake) -> Iterator[None]:
    stop, failures = threading.Event(), []

    def run() -> None:
        try:
            stream.run(lake, stop)
        except Exception as error:  # noqa: BLE001  # shown below, in the test's own thread
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(60)
    assert not thread.is_alive()
    assert failures == []


def announce(books: Books, body: str) -> None:
    name = books.settings.stream_name
    books.aws.kinesis.put_record(StreamName=name, PartitionKey=body, Data=body.encode())


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "waited in vain"
        time.sleep(0.02)


def is_applied(books: Books, upload: Manifest) -> bool:
    return books.ledger_state(upload) == "applied"


def test_an_announced_upload_is_in_the_table_within_two_seconds(books: Books) -> None:
    waits = []
    with running(books.lake()):
        for number in range(8):
            upload = books.accept([a_row(str(number))])
            began = time.monotonic()
            announce(books, upload.event.to_json())
            wait_for(lambda: is_applied(books, upload))  # noqa: B023  # called at once
            waits.append(time.monotonic() - began)
    assert sorted(waits)[len(waits) // 2] < 2
    assert len(books.rows()) == 8


def test_what_was_accepted_before_the_start_and_what_nobody_announces_is_applied(books: Books) -> None:
    before = books.accept([a_row("before")])
    with running(books.lake()):
        wait_for(lambda: is_applied(books, before))
        silent = books.accept([a_row("silent")])
        wait_for(lambda: is_applied(books, silent), seconds=4 * stream.SWEEP_SECONDS)


def test_what_is_no_event_is_passed_over(books: Books) -> None:
    with running(books.lake()):
        announce(books, "not an event")
        announce(books, '{"schema": "ledgerlake.upload/2"}')
        upload = books.accept([a_row()])
        announce(books, upload.event.to_json())
        wait_for(lambda: is_applied(books, upload))


def test_a_stream_without_spark_is_a_configuration_error(books: Books) -> None:
    with pytest.raises(ConfigurationError, match="start_session"):
        stream.run(replace(books.lake(), spark=None), threading.Event())
