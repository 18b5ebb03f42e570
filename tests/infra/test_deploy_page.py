"""docs/deploy.md is true: its parameters, commands and files exist, its costs are those that the model computes."""

from __future__ import annotations

import json
import re
import shlex
import tomllib

import pytest

from cli.commands import COMMANDS
from cli.main import main
from tests.templates import INFRA, ROOT, resources, template

PAGE = (ROOT / "docs" / "deploy.md").read_text()
ROOT_PARAMETERS = template("template")["Parameters"]


def test_every_parameter_role_and_file_that_is_named_exists() -> None:
    named = set(re.findall(r"`([A-Z][A-Za-z]+)`", PAGE))
    logical = {name.partition(".")[2] for name in resources()}
    assert named - {"PATH", "Metadata"} <= ROOT_PARAMETERS.keys() | logical
    files = re.findall(r"`((?:infra|tests|scripts|monitoring)/[\w./]+)`", PAGE)
    assert len(files) > 8
    assert [each for each in files if not (ROOT / each).exists()] == []


def test_every_command_that_is_named_exists() -> None:
    known = {command.name.split()[0] for command in COMMANDS}
    assert set(re.findall(r"ledgerlake ([a-z]+)", PAGE)) <= known
    targets = (ROOT / "Makefile").read_text()
    assert all(f"\n{name}:" in targets for name in set(re.findall(r"\bmake ([a-z]+(?:-[a-z]+)*) ?[`S)]", PAGE)))


@pytest.mark.parametrize(("command", "usd"), re.findall(r"`ledgerlake (cost[^`]*)` \| ([\d.]+) \|", PAGE))
def test_the_costs_are_those_of_the_model(command: str, usd: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*shlex.split(command), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["usd"] == usd


def test_the_table_of_parameters_says_what_samconfig_and_the_template_say() -> None:
    config = tomllib.loads((INFRA / "samconfig.toml").read_text())
    rows = re.findall(r"^\| `(\w+)` \| (\S+) \| (\S+) \|", PAGE, re.MULTILINE)
    assert len(rows) > 3
    for name, *said in rows:
        for stage, value in zip(("dev", "prod"), said, strict=True):
            given = dict(
                each.split("=") for each in config[stage]["deploy"]["parameters"]["parameter_overrides"].split()
            )
            assert str(given.get(name, ROOT_PARAMETERS[name].get("Default"))) == value, (name, stage)
