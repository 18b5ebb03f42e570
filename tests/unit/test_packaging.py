"""What leaves this repository is complete, pinned, and knows nothing of the machine it was made on."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ROOMS = ["cli", "ingestion", "ledgerlake", "monitoring", "streaming_jobs", "tables", "validation"]

HOME_PATH = re.compile(r"(?<![\w.\]}/-])/(?:home|root|Users|work)/\w")
PRIVATE_HOST = re.compile(
    r"https?://[^\s/\"']*(?:\.(?:internal|corp|lan|intra)\b|@)"  # an inner name, or a name with a password
    r"|\b(?:10\.\d+|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.\d+\.\d+:\d+",
)


def committed() -> list[Path]:
    """The files that git knows and that are here."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [path for name in names.split("\0") if name and (path := ROOT / name).is_file()]


def pins() -> dict[str, list[str]]:
    """The packages of requirements.txt with the lines that pin them; one with two markers stands twice."""
    lines = (ROOT / "requirements.txt").read_text().replace("\\\n", "").splitlines()
    found: dict[str, list[str]] = {}
    for line in lines:
        found.setdefault(line.partition("==")[0], []).append(line)
    return found


def test_the_wheel_holds_every_file_of_every_room(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.endswith("-py3-none-any.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    rooms = {path.relative_to(ROOT).as_posix() for path in committed() if path.relative_to(ROOT).parts[0] in ROOMS}
    assert rooms <= inside
    assert {name.split("/")[0] for name in inside if ".dist-info" not in name} == set(ROOMS)


def test_wheel_type_checker_and_fences_know_the_same_rooms() -> None:
    tools = PROJECT["tool"]
    assert tools["hatch"]["build"]["targets"]["wheel"]["packages"] == ROOMS
    assert tools["mypy"]["files"][: len(ROOMS)] == ROOMS
    assert tools["importlinter"]["root_packages"] == ROOMS
    assert tools["ruff"]["lint"]["isort"]["known-first-party"] == ROOMS


def test_every_requirement_is_pinned_by_hash_and_names_no_registry() -> None:
    assert len(pins()) > len(PROJECT["project"]["dependencies"])
    for lines in pins().values():
        for line in lines:
            assert re.match(r"[a-z0-9-]+==[\w.]+ (; .+ )?( *--hash=sha256:[0-9a-f]{64})+ *$", line), line
    assert "://" not in (ROOT / "requirements.txt").read_text()


def test_requirements_satisfy_the_project() -> None:
    groups = [PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"].values()]
    for declared in (Requirement(name) for group in groups for name in group):
        for line in pins()[re.sub(r"[._]", "-", declared.name)]:
            assert declared.specifier.contains(line.split()[0].partition("==")[2]), f"run `make lock`: {declared}"


def test_every_jar_is_pinned_by_hash() -> None:
    lines = (ROOT / "scripts" / "jars.sha256").read_text().splitlines()
    assert all(re.fullmatch(r"[0-9a-f]{64}  [\w.-]+\.jar", line) for line in lines)
    assert any(line.endswith("io.delta_delta-spark_4.1_2.13-4.2.0.jar") for line in lines)


@pytest.mark.parametrize("pattern", [HOME_PATH, PRIVATE_HOST], ids=["home directory", "private host"])
def test_no_file_knows_the_machine_it_was_written_on(pattern: re.Pattern[str]) -> None:
    told = [
        f"{path.relative_to(ROOT)}: {found.group()}"
        for path in committed()
        for found in pattern.finditer(path.read_text(errors="replace"))
    ]
    assert told == []
