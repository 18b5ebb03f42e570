"""Plays Glue for the streaming job: starts it again when it fails, as the job's `MaxRetries` does in AWS.

python -m cli.glue        with the settings in the environment, until SIGTERM
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

MAX_RETRIES = 1
"""Failures in a row after which the job is given up: a wrong setting fails again at once."""

A_GOOD_RUN = 60.0
"""A job that ran for so many seconds before it failed begins a new row."""

JOB = (sys.executable, "-m", "streaming_jobs.glue_entry")


def run(job: tuple[str, ...], stop: threading.Event, pause: float = 2.0) -> int:
    """Runs the job until it ends by itself, fails too often, or `stop` is set; returns its last exit code."""
    failures = 0
    while True:
        began = time.monotonic()
        code = _once(job, stop)
        failures = 1 if time.monotonic() - began > A_GOOD_RUN else failures + 1
        if code == 0 or failures > MAX_RETRIES or stop.wait(pause):
            return code


def _once(job: tuple[str, ...], stop: threading.Event) -> int:
    with subprocess.Popen(job) as child:  # noqa: S603  # our own job
        while child.poll() is None:
            if stop.wait(0.2):
                child.terminate()
                child.wait()
    return child.returncode


def main() -> int:
    """Runs the streaming job; SIGTERM and Ctrl-C end it gracefully."""
    stop = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: stop.set())
    return run(JOB, stop)


if __name__ == "__main__":
    sys.exit(main())
