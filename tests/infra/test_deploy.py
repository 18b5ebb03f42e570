"""What is deployed: complete, named by its content, with parameters and outputs that the templates have."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from dataclasses import replace
from functools import cache
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from types import ModuleType

import artifacts
import deploy
import pytest
from packaging.requirements import Requirement

from ledgerlake.settings import Settings
from tests.templates import ROOT, template

HANDLERS = "import ingestion.handlers.admit, ingestion.handlers.sweep, ingestion.handlers.upload_api"
JOB = "import streaming_jobs.glue_entry"
PLATFORM = {"pyspark", "py4j"}
"""Glue's own Spark."""

OPTIONAL = {"certifi", "idna", "jsonpointer", "pandas", "pytz", "rfc3339-validator"}
"""botocore, jsonschema and pyarrow use them where they happen to be there."""


@pytest.fixture(scope="module")
def scripts() -> tuple[ModuleType, ModuleType]:
    """`scripts/artifacts.py` and `scripts/deploy.py`, which are programs and no packages."""
    return artifacts, deploy


def normal(name: str) -> str:
    return re.sub(r"[._-]+", "-", name).lower()


@cache
def modules(statement: str) -> frozenset[str]:
    """The top modules that a statement imports, in a fresh Python."""
    code = f"{statement}; import sys; print(*{{m.split('.')[0] for m in sys.modules}})"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, check=True, capture_output=True)
    return frozenset(done.stdout.decode().split())


def imported(statement: str) -> set[str]:
    """The packages of others that a statement imports."""
    owners = packages_distributions()
    found = {normal(owner) for top in modules(statement) for owner in owners.get(top, ())}
    return found - OPTIONAL - {"ledgerlake"}


def closure(names: tuple[str, ...]) -> set[str]:
    """The packages and all that they need."""
    found: set[str] = set()
    waiting = [normal(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            needs = (Requirement(each) for each in requires(name) or ())
            waiting += [normal(each.name) for each in needs if not each.marker or each.marker.evaluate({"extra": ""})]
    return found


def test_the_functions_get_every_package_that_they_import(scripts: tuple[ModuleType, ModuleType]) -> None:
    assert imported(HANDLERS) <= closure(scripts[0].FUNCTIONS.packages)


def test_the_job_gets_every_package_that_it_imports_and_glue_lacks(scripts: tuple[ModuleType, ModuleType]) -> None:
    job = scripts[0].JOB
    assert imported(JOB) - PLATFORM <= closure(job.packages) | set(job.alone)


def test_the_functions_get_every_room_that_they_import(scripts: tuple[ModuleType, ModuleType]) -> None:
    rooms = {"cli", "ingestion", "ledgerlake", "monitoring", "streaming_jobs", "tables", "validation"}
    assert modules(HANDLERS) & rooms == set(scripts[0].FUNCTION_ROOMS)


def test_what_is_left_of_the_functions_packages_works_and_is_small_enough(
    scripts: tuple[ModuleType, ModuleType],
    tmp_path: Path,
) -> None:
    here = {"linux": f"{platform.machine()}-manylinux_2_28", "darwin": "macos"}
    artifacts, folder = scripts[0], tmp_path / "lambda"
    wheel = artifacts.build_wheel(tmp_path)
    try:
        artifacts.build_functions(wheel, replace(artifacts.FUNCTIONS, platform=here[sys.platform]), folder)
    except SystemExit as error:
        pytest.skip(f"the packages cannot be fetched: {error}")
    code = f"import sys; sys.path.append({str(folder)!r}); {HANDLERS}; import tables.odcs_schema, pyarrow.parquet; "
    code += "print(*(sys.modules[name].__file__ for name in ('pyarrow', 'boto3', 'ingestion', 'tables')))"
    alone = [sys.executable, "-I", "-S", "-c", code]  # neither this environment nor this checkout
    done = subprocess.run(alone, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(path.startswith(str(folder)) for path in done.stdout.split())


def test_a_version_is_named_by_its_content(scripts: tuple[ModuleType, ModuleType], tmp_path: Path) -> None:
    prefix, wheel = scripts[0].prefix, Path("ledgerlake-1.2.3-py3-none-any.whl")
    (tmp_path / "a").write_bytes(b"x")
    first = prefix(tmp_path, wheel)
    assert re.fullmatch(template("template")["Parameters"]["ArtifactPrefix"]["AllowedPattern"], first)
    assert first.startswith("1.2.3-")
    (tmp_path / "a").touch()
    assert prefix(tmp_path, wheel) == first
    (tmp_path / "a").write_bytes(b"y")
    assert prefix(tmp_path, wheel) != first


def test_the_commands_name_parameters_of_the_root_and_bring_artifacts_before_stacks(
    scripts: tuple[ModuleType, ModuleType],
) -> None:
    given = ["ArtifactBucket=b", "ArtifactPrefix=1", "Wheel=w", "JwtIssuer=i"]
    copy, stacks = scripts[1].before("dev", "b", "1", given)
    assert (copy[:3], copy[-1]) == (["aws", "s3", "cp"], "s3://b/1")
    assert stacks[:2] == ["sam", "deploy"]
    named = {each.partition("=")[0] for each in stacks[stacks.index("--parameter-overrides") + 1 :]}
    assert named <= template("template")["Parameters"].keys()
    required = {name for name, each in template("template")["Parameters"].items() if "Default" not in each}
    assert required - {"Stage", "JwtAudience"} == named  # Stage is in samconfig.toml


def test_what_operators_are_told_to_export_is_an_output_and_makes_settings(
    scripts: tuple[ModuleType, ModuleType],
) -> None:
    outputs = {
        name: "kinesis" if name == "EventSource" else f"{name}-value" for name in template("template")["Outputs"]
    }
    lines = scripts[1].environment(outputs, "eu-central-1")
    exported = dict(line.removeprefix("export ").split("=", 1) for line in lines if line.startswith("export "))
    settings = Settings.from_mapping(exported)
    assert (settings.raw_bucket, settings.ledger_table) == ("RawBucket-value", "LedgerTable-value")
    assert exported.keys() == {"AWS_REGION", *scripts[1].SETTINGS}


def test_production_is_protected_and_contracts_follow_the_stacks(scripts: tuple[ModuleType, ModuleType]) -> None:
    config = scripts[1].read_config("prod")
    sync, protect = scripts[1].after("prod", config, {"Contracts": "s3://t/contracts"})
    assert (sync[:3], sync[-1]) == (["aws", "s3", "sync"], "s3://t/contracts")
    assert "--enable-termination-protection" in protect
    assert len(scripts[1].after("dev", scripts[1].read_config("dev"), {})) == 1
