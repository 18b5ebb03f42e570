"""What the embedded cloud remembers between commands, under `.ledgerlake/`.

env            settings and keys of the running cloud, NAME=value on each line
processes.json what was started, to be stopped by its id; and the ports
s3/            SeaweedFS' data: the only thing that must survive
logs/          output of every server
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from cli.processes import Process


@dataclass(frozen=True, slots=True)
class State:
    """A state folder; made on first use, readable by its owner only."""

    root: Path

    @property
    def s3(self) -> Path:
        """SeaweedFS' data."""
        return self.root / "s3"

    def log(self, name: str) -> Path:
        """Where a server writes its output."""
        return self.root / "logs" / f"{name}.log"

    def env(self) -> dict[str, str]:
        """The environment of the cloud that was started last; empty if none ever was."""
        path = self.root / "env"
        lines = path.read_text().splitlines() if path.exists() else []
        return {name: value for name, found, value in (line.partition("=") for line in lines) if found}

    def save_env(self, env: Mapping[str, str]) -> None:
        """Replaces the environment."""
        self._write("env", "".join(f"{name}={env[name]}\n" for name in sorted(env)))

    def processes(self) -> tuple[Process, ...]:
        """What was started and not yet stopped; it may have died since."""
        path = self.root / "processes.json"
        return tuple(Process(**each) for each in json.loads(path.read_text())) if path.exists() else ()

    def process(self, name: str) -> Process | None:
        """The server of that name, if one was started."""
        return next((each for each in self.processes() if each.name == name), None)

    def save_processes(self, processes: Iterable[Process]) -> None:
        """Replaces the list of what was started."""
        self._write("processes.json", json.dumps([asdict(each) for each in processes], indent=1))

    def record(self, process: Process) -> Process:
        """Adds one server, in the place of an earlier one of its name."""
        others = (each for each in self.processes() if each.name != process.name)
        self.save_processes((*others, process))
        return process

    def forget(self, name: str) -> None:
        """Takes one server off the list, once it has ended."""
        self.save_processes(each for each in self.processes() if each.name != name)

    def _write(self, name: str, text: str) -> None:
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = self.root / f"{name}.{os.getpid()}"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        fresh.replace(self.root / name)
