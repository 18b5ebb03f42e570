"""Files that are made to use up memory or time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.hostile import HOSTILE

ROOT = Path(__file__).parents[2]


def test_what_is_made_to_exhaust_ends_as_it_should_in_bounded_time_and_memory() -> None:
    """In a process of its own, so that its memory is what these files took."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    for line in done.stdout.splitlines():
        name, ended, seconds, peak = line.split("\t")
        assert ended == HOSTILE[name][2], name
        assert float(seconds) < 30, name
        assert int(peak) < 600 * 1024**2, name
    assert len(done.stdout.splitlines()) == len(HOSTILE)
