"""Starts servers that outlive a command, and stops them by the id they were started with, never by name.

A recorded id may have been given to a stranger since, so a `Process` also remembers its birth; what has another
birth is not ours and is left alone.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ledgerlake.errors import ConfigurationError

GRPC_OFFSET = 10_000
"""SeaweedFS opens each of its ports again at this distance, for gRPC."""

_FIRST_PORT, _LAST_PORT = 10_000, 22_000  # with the offset still below the system's own choices (32768 ..)


@dataclass(frozen=True, slots=True)
class Process:
    """A server we started; `birth` tells it from a later process with the same id."""

    name: str
    pid: int
    birth: str


def start(name: str, argv: Sequence[str], env: Mapping[str, str], log: Path) -> Process:
    """Starts `argv` in a session of its own, so that an interrupt at the terminal does not reach it.

    `env` is the whole environment; both outputs are appended to `log`.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    outputs = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), append, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    pid = os.posix_spawnp(argv[0], list(argv), dict(env), file_actions=outputs, setsid=True)
    return Process(name, pid, _birth(pid) or "")


def alive(process: Process) -> bool:
    """Whether it still runs; a child that has ended is reaped on the way."""
    with suppress(ChildProcessError):
        os.waitpid(process.pid, os.WNOHANG)
    return _birth(process.pid) == process.birth


def stop(process: Process, patience: float = 10.0) -> None:
    """Asks it to end, waits `patience` seconds, then kills it and whatever it left in its process group."""
    if alive(process):
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)
        wait_until(lambda: not alive(process), patience)
        kill(process)


def kill(process: Process) -> None:
    """SIGKILL to it and its children, at once; returns when it is gone."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # it leads its group: see `start`
    wait_until(lambda: not alive(process), 5.0)


def wait_until(condition: Callable[[], bool], seconds: float, every: float = 0.05) -> bool:
    """Whether `condition` came true within so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True


def free_ports(count: int) -> tuple[int, ...]:
    """Ports of 127.0.0.1 that nobody uses now, each with its gRPC twin free as well."""
    found: list[int] = []
    for port in random.sample(range(_FIRST_PORT, _LAST_PORT), 200 * count):
        if all(_is_free(each) for each in (port, port + GRPC_OFFSET)):
            found.append(port)
            if len(found) == count:
                return tuple(found)
    msg = f"no {count} free ports on 127.0.0.1 between {_FIRST_PORT} and {_LAST_PORT}; stop some servers"
    raise ConfigurationError(msg)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def answers(port: int) -> bool:
    """Whether something listens on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _birth(pid: int) -> str | None:
    """When the process began, in the system's own words; None if there is none, or only its remains."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            state, *rest = stat.read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if state == "Z" else rest[18]
    shown = subprocess.run(  # noqa: S603  # where there is no /proc
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split(maxsplit=1)
    return None if not shown or shown[0].startswith("Z") else shown[1].strip()
