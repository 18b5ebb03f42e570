"""Starts the whole product on the laptop, or what of it does not run: the same steps at first and after a crash.

The emulator keeps nothing when it is killed. That costs nothing: the ledger is rebuilt from raw, the pump announces
landing again, and the stream sweeps raw before it reads events.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cli import cloud, services
from cli.prepare import contracts, prepare
from cli.processes import alive
from cli.shell import Shell
from cli.state import State
from ingestion.rebuild import rebuild
from ledgerlake.aws import Aws
from ledgerlake.settings import Settings

SERVICES = ("stream", "pump", "api")


@dataclass(frozen=True, slots=True)
class Launched:
    """A running product: its environment, and whether its ledger had to be rebuilt."""

    env: dict[str, str]
    rebuilt: bool


def launch(shell: Shell, *, stream: bool = True) -> Launched:
    """Starts cloud, tables, API, pump and (unless told not to) the stream, without waiting for the stream."""
    state, before = shell.state, shell.state.processes()
    with shell.working("starting S3 and the AWS emulator"):
        env = {**cloud.start(state), **_chosen(shell)}
    fresh = _started_since(state, before, "emulator")
    if fresh or _started_since(state, before, "seaweedfs"):
        for name in SERVICES:
            services.stop_service(state, name)  # they hold the old endpoints
    os.environ.update(env)
    settings = Settings.from_mapping(env)
    aws = Aws(settings)
    with shell.working("creating tables from contracts"):
        prepare(settings, aws, contracts(settings, aws))
    if fresh:
        with shell.working("rebuilding the ledger from raw"):
            rebuild(settings, aws)
    if stream:
        services.start_stream(state, env)
    with shell.working("starting the upload API and the pump"):
        env[services.API_URL] = services.start_api(state, env)
        services.start_pump(state, env)
    state.save_env(env)
    return Launched(env, fresh)


@contextmanager
def launched(shell: Shell, *, keep: bool) -> Iterator[Launched]:
    """The product for the length of a block; `keep` leaves it running. What ran before is left as it was."""
    ran = any(alive(each) for each in shell.state.processes())
    try:
        yield launch(shell)
    finally:
        if not keep and not ran:
            with shell.working("stopping what was started"):
                cloud.stop_all(shell.state)


def _chosen(shell: Shell) -> dict[str, str]:
    """The settings that the user's environment overrules: all but where things are, which the cloud decides."""
    return {
        name: value
        for name, value in shell.environ.items()
        if name.startswith("LEDGERLAKE_") and name not in (services.API_URL, "LEDGERLAKE_STATE")
    }


def _started_since(state: State, before: tuple[object, ...], name: str) -> bool:
    return state.process(name) not in before
