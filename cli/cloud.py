"""The embedded cloud: SeaweedFS as S3 and the emulator as everything else, on free ports of 127.0.0.1.

`start` may be called at any time, also after everything was killed: S3's data stays, the emulator begins empty and
gets its resources again (what was in it is rebuilt from raw by `cli/revive.py`).
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cli import resources
from cli.emulator import ACCOUNT
from cli.processes import Process, alive, answers, free_ports, stop, wait_until
from cli.processes import start as start_process
from cli.state import State
from ledgerlake.aws import Aws, BotoCoreError, ClientError
from ledgerlake.errors import ConfigurationError
from ledgerlake.settings import Settings

READY_SECONDS = 60


def start(state: State, name: str = "ledgerlake") -> dict[str, str]:
    """Starts what does not run, creates what does not exist, and returns the environment of the cloud.

    A cloud that runs keeps its environment, with what was added to it since it was started.
    The caller's process gets its keys too: boto3, deltalake and Spark look for them in the environment.
    """
    known = state.env()
    keys = {
        "AWS_ACCESS_KEY_ID": "ledgerlake",
        "AWS_REGION": "eu-central-1",
        "AWS_SECRET_ACCESS_KEY": known.get("AWS_SECRET_ACCESS_KEY") or secrets.token_urlsafe(24),
    }
    found = (
        _running_port(state, "seaweedfs", "AWS_ENDPOINT_URL_S3"),
        _running_port(state, "emulator", "AWS_ENDPOINT_URL"),
    )
    s3_port, port = found[0] or _start_seaweedfs(state, keys), found[1] or _start_emulator(state, keys)
    os.environ.update(keys)
    endpoints = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{s3_port}"}
    env = {**keys, **endpoints, **this_checkout(), **installation(endpoints["AWS_ENDPOINT_URL"], name)}
    env["LEDGERLAKE_LINEAGE"] = str(state.root.resolve() / "lineage.jsonl")
    if all(found):
        env |= known  # what uses this cloud runs on, with these settings
    state.save_env(env)
    _create(state, env)
    return env


def installation(endpoint: str, name: str) -> dict[str, str]:
    """Settings of one installation: its own buckets, queues, stream, ledger and database."""
    queues = f"{endpoint}/{ACCOUNT}/{name}"
    return {
        "LEDGERLAKE_LANDING_BUCKET": f"{name}-landing",
        "LEDGERLAKE_RAW_BUCKET": f"{name}-raw",
        "LEDGERLAKE_TABLES_BUCKET": f"{name}-tables",
        "LEDGERLAKE_LEDGER_TABLE": f"{name}-ledger",
        "LEDGERLAKE_LANDING_QUEUE_URL": f"{queues}-landing",
        "LEDGERLAKE_EVENTS_QUEUE_URL": f"{queues}-events",
        "LEDGERLAKE_STREAM_NAME": f"{name}-uploads",
        "LEDGERLAKE_DATABASE": name.replace("-", "_"),
    }


def this_checkout() -> dict[str, str]:
    """Where the contracts, Spark's jars and Java lie, if the product runs from its source."""
    root = Path(__file__).resolve().parents[1]
    places = {"LEDGERLAKE_CONTRACTS": "contracts", "LEDGERLAKE_JARS": "build/jars", "JAVA_HOME": "build/java"}
    return {name: str(root / place) for name, place in places.items() if (root / place).exists()}


@contextmanager
def running(root: Path, name: str = "ledgerlake") -> Iterator[Mapping[str, str]]:
    """A cloud for the length of a block; its data stay in `root`."""
    state = State(root)
    try:
        yield start(state, name)
    finally:
        stop_all(state)


def stop_all(state: State) -> tuple[Process, ...]:
    """Stops everything that was started, last first; returns what was still running."""
    stopped = tuple(each for each in reversed(state.processes()) if alive(each))
    for each in stopped:
        stop(each)
    state.save_processes(())
    return stopped


def _running_port(state: State, name: str, setting: str) -> int | None:
    process, endpoint = state.process(name), state.env().get(setting)
    return int(endpoint.rpartition(":")[2]) if endpoint and process and alive(process) else None


def weed() -> str:
    """The SeaweedFS program: of this environment, else of the system."""
    beside = Path(sys.executable).with_name("weed")
    found = str(beside) if beside.exists() else shutil.which("weed")
    if not found:
        msg = "SeaweedFS (`weed`) is not installed; run `make setup`"
        raise ConfigurationError(msg)
    return found


def _start_seaweedfs(state: State, keys: Mapping[str, str]) -> int:
    state.s3.mkdir(parents=True, exist_ok=True)
    s3, master, volume, filer = free_ports(4)
    argv = [
        weed(),
        "mini",
        f"-dir={state.s3}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        f"-s3.port={s3}",
        f"-master.port={master}",
        f"-volume.port={volume}",
        f"-filer.port={filer}",
        "-admin.ui=false",
        "-webdav=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-master.telemetry=false",
        "-volume.max=4096",  # by default there are few, by free disk space, and each bucket takes one for itself
    ]
    _start(state, "seaweedfs", argv, {**os.environ, **keys}, s3)
    return s3


def _start_emulator(state: State, keys: Mapping[str, str]) -> int:
    (port,) = free_ports(1)
    _start(state, "emulator", [sys.executable, "-m", "cli.emulator", str(port)], {**os.environ, **keys}, port)
    return port


def _start(state: State, name: str, argv: list[str], env: Mapping[str, str], port: int) -> None:
    process = state.record(start_process(name, argv, env, state.log(name)))
    wait_until(lambda: answers(port) or not alive(process), READY_SECONDS)
    if not answers(port):
        msg = f"{name} did not start; its output is in {state.log(name)}"
        raise ConfigurationError(msg)


def _create(state: State, env: Mapping[str, str]) -> None:
    """Creates the resources as soon as S3 not only listens but serves."""
    aws = Aws(Settings.from_mapping(env))

    def serves() -> bool:
        try:
            aws.s3.list_buckets()
        except (BotoCoreError, ClientError):
            return False
        return True

    if not wait_until(serves, READY_SECONDS):
        msg = f"SeaweedFS does not serve; its output is in {state.log('seaweedfs')}"
        raise ConfigurationError(msg)
    resources.create(aws)
