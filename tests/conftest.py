"""Fixtures that need real servers: one embedded cloud for a test session, a fresh installation for each test."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from cli import cloud as embedded
from cli import resources
from cli.state import State
from ledgerlake.aws import Aws
from ledgerlake.settings import Settings

_FOLDER = "ledgerlake-tests-"


@dataclass(frozen=True)
class Cloud:
    """A real SeaweedFS and the emulator, with buckets, queues, stream, ledger and database of their own."""

    env: Mapping[str, str]
    settings: Settings
    aws: Aws


def _installed(env: Mapping[str, str]) -> Cloud:
    settings = Settings.from_mapping(env)
    return Cloud(env, settings, Aws(settings))


def _reap_the_dead() -> None:
    """Stops servers of earlier test sessions that were killed before they could."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*"):
        owner = folder.name.removeprefix(_FOLDER).partition("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            embedded.stop_all(State(folder))
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    """One cloud for the whole session; what tests put into it, later tests see. Keys are in `os.environ`."""
    os.environ["BOTO_EXPERIMENTAL__NO_EMPTY_CONTINUE"] = "true"  # else the PUT after an empty one waits for 30 s
    if Path("/proc").exists():
        _reap_the_dead()
    root = Path(tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-"))
    with embedded.running(root, "test") as env:
        yield _installed(env)
    shutil.rmtree(root, ignore_errors=True)


SPARK = "tests/spark/"


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Processes share the tests file by file: one has all of those with the Spark session, and begins with them."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return SPARK if path.startswith(SPARK) else path


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(SPARK))


_numbers = itertools.count(1)


@pytest.fixture
def fresh_cloud(cloud: Cloud) -> Cloud:
    """An empty installation on the servers of `cloud`, for one test alone (a few milliseconds)."""
    name = f"test-{next(_numbers)}"
    env = {**cloud.env, **embedded.installation(cloud.env["AWS_ENDPOINT_URL"], name)}
    installed = _installed(env)
    resources.create(installed.aws)
    return installed
