"""The whole local cloud is killed in the middle of its work; what raw keeps is enough to go on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cli.demo_files import expected, first_wave, second_wave
from cli.processes import alive, wait_until
from cli.state import State

ROOT = Path(__file__).resolve().parents[2]


def _run(folder: Path, *words: str) -> Any:
    """The answer of a command, run like a user runs it."""
    argv = [sys.executable, "-m", "cli.main", *words, "--json", "--state", str(folder / "state")]
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LEDGERLAKE_"))}
    done = subprocess.run(argv, cwd=ROOT, env=env, text=True, capture_output=True, check=False)
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout)


def _kill_everything(folder: Path) -> None:
    processes = State(folder / "state").processes()
    assert {each.name for each in processes} == {"seaweedfs", "emulator", "api", "pump", "stream"}
    for each in processes:
        with suppress(ProcessLookupError):
            os.killpg(each.pid, signal.SIGKILL)
    assert wait_until(lambda: not any(alive(each) for each in processes), 10)


@pytest.mark.timeout(400)
def test_after_sigkill_of_everything_nothing_is_lost_and_nothing_is_applied_twice(tmp_path: Path) -> None:
    first, second, third = first_wave()[0], first_wave()[1], second_wave()[0]
    for file in (first, second, third):
        (tmp_path / file.name).write_bytes(file.content)
    try:
        _run(tmp_path, "up")
        _run(tmp_path, "upload", str(tmp_path / first.name), "--dataset", "payments", "--wait")
        unfinished = _run(tmp_path, "upload", str(tmp_path / second.name), "--dataset", "payments")
        _kill_everything(tmp_path)

        assert _run(tmp_path, "up")["ledger_rebuilt"]
        _run(tmp_path, "upload", str(tmp_path / third.name), "--dataset", "payments", "--wait")

        rows = _run(tmp_path, "query", "SELECT payment_id, amount FROM payments")
        _, table = expected((first, second, third))
        assert {row["payment_id"]: row["amount"] for row in rows} == {
            key: str(row.amount) for key, row in table.items()
        }
        assert _run(tmp_path, "status", unfinished["upload_id"])["state"] == "applied"
        told = _run(tmp_path, "query", "SELECT seq, file_name, state, merged FROM uploads ORDER BY seq")
        assert [each["seq"] for each in told] == [1, 2, 3]
        assert {each["file_name"] for each in told} == {first.name, second.name, third.name}
        commits = _run(tmp_path, "history", "payments")
        assert sorted(outcome["seq"] for each in commits for outcome in each["outcomes"]) == [1, 2, 3]
        states = [each["state"] for each in _run(tmp_path, "status", "--dataset", "payments")["payments"]]
        assert states == ["applied"] * 3
    finally:
        _run(tmp_path, "down")
