"""A streaming job that fails is started again, once in a row; one that is told to end, ends."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

from cli.glue import run

COUNT = "import pathlib, sys; f = pathlib.Path(sys.argv[1]); n = len(f.read_text()) + 1; f.write_text('x' * n)"


def _job(counter: Path, code: str) -> tuple[str, ...]:
    counter.write_text("")
    return (sys.executable, "-c", f"{COUNT}; {code}", str(counter))


def test_a_job_that_fails_once_is_started_again(tmp_path: Path) -> None:
    assert run(_job(tmp_path / "n", "sys.exit(n == 1)"), threading.Event(), 0) == 0
    assert (tmp_path / "n").read_text() == "xx"


def test_a_job_that_fails_twice_in_a_row_is_given_up(tmp_path: Path) -> None:
    assert run(_job(tmp_path / "n", "sys.exit(7)"), threading.Event(), 0) == 7
    assert (tmp_path / "n").read_text() == "xx"


def test_a_job_that_is_told_to_end_is_not_started_again(tmp_path: Path) -> None:
    stop = threading.Event()
    threading.Timer(1.0, stop.set).start()
    began = time.monotonic()
    assert run(_job(tmp_path / "n", "import time; time.sleep(60)"), stop, 0) != 0
    assert time.monotonic() - began < 20
    assert (tmp_path / "n").read_text() == "x"
