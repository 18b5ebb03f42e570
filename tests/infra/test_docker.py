"""The images hold what the functions import; the local stack is wired to what the image starts."""

from __future__ import annotations

import re

import artifacts
from ruamel.yaml import YAML

from cli.commands import COMMANDS
from tests.templates import ROOT, properties, resources
from tests.templates import handler as handler_of

DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = YAML(typ="safe").load((ROOT / "compose.yaml").read_text())


def test_the_image_of_the_functions_has_the_packages_and_rooms_of_the_zip() -> None:
    packages = re.findall(r"constraints requirements\.txt (.+?)\n[A-Z]", DOCKERFILE.replace("\\\n", ""), re.DOTALL)[
        0
    ].split()
    assert packages == [*artifacts.FUNCTIONS.packages, "deltalake", packages[-1]]
    assert re.fullmatch(r"awslambdaric==[\d.]+", packages[-1])
    assert tuple(re.findall(r"^COPY (\w+) /task/\1$", DOCKERFILE, re.MULTILINE)) == artifacts.FUNCTION_ROOMS


def test_the_image_of_the_functions_starts_the_runtime_interface_client_with_a_handler_of_the_template() -> None:
    assert 'ENTRYPOINT ["python", "-m", "awslambdaric"]' in DOCKERFILE
    (handler,) = re.findall(r'^CMD \["(ingestion\.[\w.]+)"\]$', DOCKERFILE, re.MULTILINE)
    assert handler in {handler_of(properties(name)) for name in resources("AWS::Serverless::Function")}


def test_no_image_runs_as_root_and_each_has_the_projects_python() -> None:
    stages = DOCKERFILE.split("\nFROM ")[1:]
    version = (ROOT / ".python-version").read_text().strip()
    assert all(stage.startswith(f"python:{version}-slim") for stage in stages)
    last = [stage for stage in stages if " AS build" not in stage.splitlines()[0]]
    assert [re.findall(r"^USER (\d+)$", stage, re.MULTILINE) for stage in last] == [["1000"], ["1000"]]


def test_the_local_image_runs_commands_that_there_are() -> None:
    known = {command.name for command in COMMANDS}
    said = re.findall(r"ledgerlake (\w+) &&", DOCKERFILE) + re.findall(r'"ledgerlake", "(\w+)"', DOCKERFILE)
    assert said
    assert set(said) <= known


def test_grafana_sees_the_emulated_cloudwatch_and_our_dashboards() -> None:
    lake, grafana = COMPOSE["services"]["lake"], COMPOSE["services"]["grafana"]
    assert lake["build"]["target"] in re.findall(r" AS (\w+)$", DOCKERFILE, re.MULTILINE)
    assert grafana["network_mode"] == "service:lake"
    assert ". /state/env" in grafana["entrypoint"][-1]
    assert [each for each in grafana["volumes"] if each.startswith("./monitoring/grafana/") and each.endswith(":ro")]
    assert all(port.startswith("127.0.0.1:") for port in lake["ports"])
