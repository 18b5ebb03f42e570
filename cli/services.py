"""The product's own processes on the laptop: upload API, pump and stream, each with the settings of the cloud."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from cli import processes
from cli.processes import Process, alive, answers, free_ports, wait_until
from cli.state import State
from ledgerlake.errors import ConfigurationError

API_URL = "LEDGERLAKE_API_URL"
"""Where clients ask for uploads; read by the CLI only."""

STREAM_READY = "the stream is ready"
"""What the stream logs once it reads events."""

READY_SECONDS = 120.0


def start_api(state: State, env: Mapping[str, str]) -> str:
    """Starts the upload API if it does not run; returns its URL once it answers."""
    known, running = state.env().get(API_URL), state.process("api")
    if known and running and alive(running):
        return known
    stop_service(state, "api")  # one whose URL nobody wrote down: the command that started it was interrupted
    (port,) = free_ports(1)
    process = _start(state, "api", ["cli.api", str(port)], env)
    if not wait_until(lambda: answers(port) or not alive(process), READY_SECONDS) or not answers(port):
        raise ConfigurationError(_no_start(state, "api"))
    return f"http://127.0.0.1:{port}"


def start_pump(state: State, env: Mapping[str, str]) -> Process:
    """Starts the pump if it does not run."""
    return _running(state, "pump") or _start(state, "pump", ["cli.pump"], env)


def start_stream(state: State, env: Mapping[str, str]) -> Process:
    """Starts the stream if it does not run; `wait_for_stream` tells when it reads."""
    running = _running(state, "stream")
    if running:
        return running
    state.log("stream").unlink(missing_ok=True)
    return _start(state, "stream", ["cli.glue"], env)


def stream_is_ready(state: State) -> bool:
    """Whether the stream that runs now has said that it reads events."""
    log = state.log("stream")
    return log.exists() and STREAM_READY in log.read_text(errors="replace")


def wait_for_stream(state: State) -> None:
    """Returns once the stream reads events.

    Raises:
        ConfigurationError: it ended, or needed too long.
    """
    process = state.process("stream")
    done = wait_until(lambda: stream_is_ready(state) or process is None or not alive(process), READY_SECONDS, 0.1)
    if not done or not stream_is_ready(state):
        raise ConfigurationError(_no_start(state, "stream"))


def stop_service(state: State, name: str, *, at_once: bool = False) -> None:
    """Stops one service; `at_once` is SIGKILL, as a crash would."""
    process = state.process(name)
    if process:
        (processes.kill if at_once else processes.stop)(process)
        state.forget(name)


def _running(state: State, name: str) -> Process | None:
    process = state.process(name)
    return process if process and alive(process) else None


def _start(state: State, name: str, module: list[str], env: Mapping[str, str]) -> Process:
    whole = {**os.environ, **env, "PYTHONUNBUFFERED": "1", "POWERTOOLS_SERVICE_NAME": name}
    return state.record(processes.start(name, [sys.executable, "-m", *module], whole, state.log(name)))


def _no_start(state: State, name: str) -> str:
    log: Path = state.log(name)
    last = log.read_text(errors="replace").splitlines()[-3:] if log.exists() else []
    return f"the {name} did not start; its log {log} ends with:\n" + "\n".join(last)
