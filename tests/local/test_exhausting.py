"""Files that are made to use up memory or time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.hostile import HOSTILE

ROOT = Path(__file__).parents[2]


def test_what_is_made_to_exhaust_ends_in_bounded_memory() -> None:
    """In a process of its own, so that its memory is what these files took."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    for line in done.stdout.splitlines():
        name, _, peak = line.split("\t")
        assert int(peak) < 600 * 1024**2, name
    assert len(done.stdout.splitlines()) == len(HOSTILE)
