"""The job as a process of its own, as Glue and `ledgerlake up` start it: killed, started again, told to end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ledgerlake.errors import ConfigurationError
from streaming_jobs.glue_entry import job_arguments, main
from tests.books import Books, a_contract, a_row
from tests.conftest import Cloud

ROOT = Path(__file__).parents[2]


@pytest.fixture
def books(fresh_cloud: Cloud, tmp_path: Path) -> Books:
    settings = replace(
        fresh_cloud.settings,
        contracts=str(tmp_path),
        jars=str(ROOT / "build" / "jars"),
        checkpoint=(tmp_path / "checkpoint").as_uri(),
        lease_seconds=2,
    )
    contract = a_contract()
    (tmp_path / "books.yaml").write_text(contract.text, encoding="utf-8")
    return Books(settings, fresh_cloud.aws, contract)


@contextmanager
def a_job(books: Books, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The job with all settings as arguments; whatever is left of it in the end is killed."""
    arguments = [part for name, value in books.settings.to_mapping().items() for part in (f"--{name}", value)]
    command = [sys.executable, "-m", "streaming_jobs.glue_entry", "--JOB_NAME", "stream", *arguments]
    with log.open("ab") as output:
        job = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output, start_new_session=True)
    try:
        yield job
    finally:
        if job.poll() is None:
            os.killpg(job.pid, signal.SIGKILL)
        job.wait()


def feed(books: Books, uploads: int) -> threading.Thread:
    """Accepts and announces uploads of ten rows each, half of them corrections, while the test does something else."""

    def accept() -> None:
        for _ in range(uploads):
            number = len(books.uploads)
            amount = Decimal(number)
            event = books.accept([a_row(str(5 * number + row), amount=amount) for row in range(10)]).event
            name = books.settings.stream_name
            books.aws.kinesis.put_record(StreamName=name, PartitionKey=event.upload_id, Data=event.to_json().encode())

    thread = threading.Thread(target=accept)
    thread.start()
    return thread


def wait_for(job: subprocess.Popen[bytes], log: Path, condition: Callable[[], Any]) -> None:
    began = time.monotonic()
    while not condition():
        assert job.poll() is None, log.read_text()[-4000:]
        assert time.monotonic() - began < 90, log.read_text()[-4000:]
        time.sleep(0.05)


@pytest.mark.timeout(300)
def test_a_job_killed_in_the_middle_goes_on_with_and_without_its_checkpoint(books: Books, tmp_path: Path) -> None:
    for log, keep_checkpoint in ((tmp_path / "first", True), (tmp_path / "second", False)):
        with a_job(books, log) as job:
            wait_for(job, log, lambda: "the stream is ready" in log.read_text())  # noqa: B023  # called at once
            feeding = feed(books, 40)
            enough = len(books.rows()) + 20
            wait_for(job, log, lambda: len(books.rows()) > enough)  # noqa: B023  # called at once
            os.killpg(job.pid, signal.SIGKILL)
            feeding.join()
        if not keep_checkpoint:
            shutil.rmtree(tmp_path / "checkpoint")
    log = tmp_path / "third"
    with a_job(books, log) as job:
        wait_for(job, log, lambda: books.ledger_state(books.uploads[-1]) == "applied")
        os.kill(job.pid, signal.SIGTERM)
        assert job.wait(60) == 0, log.read_text()[-4000:]
    assert "the stream stops" in log.read_text()
    # Row n came with upload n // 5 + 1, and before that, unless it is the last, with upload n // 5.
    last = len(books.uploads)
    assert {row["id"]: row["_seq"] for row in books.rows()} == {
        str(number): min(number // 5 + 1, last) for number in range(5 * last + 5)
    }
    assert sorted(row["seq"] for row in books.table("uploads").to_pylist()) == [*range(1, last + 1)]


def test_settings_among_the_arguments_of_glue_are_found() -> None:
    argv = [
        "job.py",
        "--JOB_NAME",
        "x",
        "--LEDGERLAKE_RAW_BUCKET",
        "raw",
        "--LEDGERLAKE_DATABASE=d=e",
        "--conf",
        "AWS_REGION",
    ]
    assert job_arguments(argv) == {"LEDGERLAKE_RAW_BUCKET": "raw", "LEDGERLAKE_DATABASE": "d=e"}


def test_missing_settings_are_named_all_at_once() -> None:
    named = "LEDGERLAKE_RAW_BUCKET is not set(.|\n)*LEDGERLAKE_DATABASE is not set"
    with pytest.raises(ConfigurationError, match=named):
        main([], {})
