"""`ledgerlake up` beside others: what runs keeps running, and clients find it all the while."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import services
from cli.cloud import stop_all
from cli.processes import alive, answers
from cli.state import State

CHOSEN = {"LEDGERLAKE_POLL_MILLIS": "7"}


def up(state: State, **environ: str) -> subprocess.Popen[str]:
    """The command as a shell would start it, without the stream, which needs a JVM."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LEDGERLAKE_"))}
    program = str(Path(sys.executable).with_name("ledgerlake"))
    return subprocess.Popen(
        [program, "up", "--no-stream", "--json", "--state", str(state.root)],
        env=mine | environ,
        stdout=subprocess.PIPE,
        text=True,
    )


def api(command: subprocess.Popen[str]) -> str:
    """Where the command says that the API answers, once it is done."""
    said, _ = command.communicate(timeout=60)
    assert command.returncode == 0
    return str(json.loads(said)["api"])


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[State]:
    state = State(tmp_path_factory.mktemp("up"))
    try:
        api(up(state, **CHOSEN))
        yield state
    finally:
        stop_all(state)


def test_what_runs_keeps_running_with_its_settings_while_what_was_killed_is_started_again(lake: State) -> None:
    before, running = lake.env(), {each.name: each for each in lake.processes()}
    assert before.items() >= CHOSEN.items()
    services.stop_service(lake, "pump", at_once=True)
    again, seen = up(lake), []
    while again.poll() is None:
        seen.append(lake.env())
        time.sleep(0.01)
    assert api(again) == before[services.API_URL]
    assert [each for each in seen if each != before] == []
    now = {each.name: each for each in lake.processes()}
    assert now.keys() == running.keys()
    assert {name for name, each in now.items() if each != running[name]} == {"pump"}


def test_an_api_whose_url_was_never_written_down_is_stopped_before_another_is_started(lake: State) -> None:
    lost = lake.process("api")
    assert lost is not None
    lake.save_env({name: value for name, value in lake.env().items() if name != services.API_URL})
    url = services.start_api(lake, lake.env())
    assert not alive(lost)
    made = lake.process("api")
    assert made is not None
    assert alive(made)
    assert answers(int(url.rpartition(":")[2]))
