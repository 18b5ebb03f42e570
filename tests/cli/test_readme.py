"""The README is true: its modules exist, its contract is good, its commands print what it says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.state import State
from tables.odcs import load
from tests.queries import Asked, queries_of_grafana, queries_of_stack

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_every_module_of_the_journey_exists() -> None:
    table = README.partition("## Follow one file")[2].partition("\n## ")[0]
    modules = re.findall(r"`([a-z_]+/[a-z_/.]+)`", table)
    assert len(modules) > 15
    assert [each for each in modules if not (ROOT / each).exists()] == []


def test_every_page_that_the_readme_names_exists() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert [each for each in links if not (ROOT / each).exists()] == []


def test_every_room_is_named() -> None:
    rooms = README.partition("## Rooms")[2]
    packages = {each.parent.name for each in ROOT.glob("*/__init__.py")}
    assert {each for each in packages if f"    {each} " not in rooms} == set()


def test_the_contract_shown_is_good() -> None:
    (text,) = _blocks("yaml")
    assert load(text, "invoices.yaml").money == ("net",)


def _matches(expected: str, printed: str) -> bool:
    """Whether the output is as written: `...` stands for anything on its line, alone on a line for any lines."""
    wanted = "".join(f"{re.escape(line.rstrip())}\n" for line in expected.strip().splitlines())
    wanted = re.sub(r"^\\\.\\\.\\\.\n", "(?:.*\\\\n)*", wanted, flags=re.MULTILINE).replace(r"\.\.\.", ".*")
    found = "".join(f"{line.rstrip()}\n" for line in printed.strip().splitlines())
    return re.fullmatch(wanted, found) is not None


@dataclass(frozen=True)
class Recorded:
    """The README's commands, what they should print and did; metrics, logs and lineage as they were before the end."""

    commands: list[tuple[str, str, subprocess.CompletedProcess[str]]]
    published: Asked
    logs: dict[str, list[str]]
    lineage: list[str]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    folder = tmp_path_factory.mktemp("readme")
    exported, commands, published, logs, lineage = "", [], set(), {}, []
    try:
        for command, expected in re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", "".join(_blocks("console")), re.MULTILINE):
            if command.startswith("export "):
                exported += command + "\n"
                continue
            if command.startswith("ledgerlake down"):
                found = json.loads(_run(f"{exported}ledgerlake metrics --json", folder).stdout)
                published = {(each["metric"], frozenset(each["dimensions"])) for each in found if each["samples"]}
                state = State(folder / ".ledgerlake" / "demo")
                logs = {name: state.log(name).read_text().splitlines() for name in ("api", "pump", "stream")}
                lineage = (state.root / "lineage.jsonl").read_text().splitlines()
            commands.append((command, expected, _run(exported + command, folder)))
    finally:
        _run(f"{exported}ledgerlake down", folder)
    return Recorded(commands, published, logs, lineage)


@pytest.mark.timeout(400)
def test_every_command_prints_what_the_readme_says(recorded: Recorded) -> None:
    for command, expected, done in recorded.commands:
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        assert _matches(expected, done.stdout), f"{command}\n{done.stdout}"


@pytest.mark.timeout(400)
def test_no_chart_is_empty_after_the_demo(recorded: Recorded) -> None:
    assert (queries_of_grafana() | queries_of_stack()) - recorded.published == set()


@pytest.mark.timeout(400)
def test_an_upload_of_the_demo_can_be_followed_through_the_logs_of_every_process(recorded: Recorded) -> None:
    said: dict[str, dict[str, str]] = {}
    for name, lines in recorded.logs.items():
        for line in (json.loads(line) for line in lines if line.startswith("{")):  # the JVM has a say as well
            if "upload_id" in line:
                said.setdefault(line["upload_id"], {})[name] = line["message"]
    ends = Counter("applied or held" if "stream" in stages else stages["pump"] for stages in said.values())
    # The files of the demo, and the row of the canary.
    assert ends == {"applied or held": 6, "rejected by the check duplicate": 1, "rejected by the check header": 1}
    for stages in said.values():
        assert stages["api"] == "granted"
        if "stream" in stages:
            assert stages["pump"].startswith("accepted as number ")
            assert re.match(r"(applied|held) in version \d+$", stages["stream"])


@pytest.mark.timeout(400)
def test_the_demo_leaves_the_lineage_of_every_commit(recorded: Recorded) -> None:
    events = [json.loads(line) for line in recorded.lineage]
    files = {each["name"] for event in events for each in event["inputs"]}
    assert {event["eventType"] for event in events} == {"START", "COMPLETE"}
    assert len(files) == 6  # as above


def _run(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs lines of shell in which `ledgerlake` is this checkout, as a user with a bare environment would."""
    here = f'ledgerlake() {{ "{sys.executable}" -m cli.main "$@"; }}\n'
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LEDGERLAKE_"))}
    env = {**bare, "PYTHONPATH": str(ROOT), "COLUMNS": "140"}
    return subprocess.run(
        ["bash", "-c", here + script],
        cwd=folder,
        env=env,
        text=True,
        capture_output=True,
        check=False,
    )
