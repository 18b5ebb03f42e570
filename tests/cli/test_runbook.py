"""Whoever is called at night finds a section for the alarm, and every command in it exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from botocore import xform_name
from botocore.session import Session

from cli.main import parser
from monitoring.alarms import AWS_METRICS
from monitoring.metrics import METRICS
from monitoring.objectives import OBJECTIVE

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "runbook.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))
ALARMS = [
    *AWS_METRICS,
    *(metric.alarm.name for metric in METRICS.values() if metric.alarm),
    *(burn.name for burn in OBJECTIVE.burns),
]
COMMANDS = sorted({" ".join(found.split()) for found in re.findall(r"`((?:ledgerlake|aws)\s[^`]+)`", TEXT)})


def test_every_alarm_has_its_section_and_every_section_its_alarm() -> None:
    assert len(set(ALARMS)) == len(ALARMS)
    assert sorted(SECTIONS) == sorted(ALARMS)


@pytest.mark.parametrize("alarm", ALARMS)
def test_a_section_says_meaning_first_command_and_fix(alarm: str) -> None:
    parts = re.findall(r"^\*\*(Meaning|First command|Fix)\.\*\* *\S", SECTIONS[alarm], re.MULTILINE)
    assert parts == ["Meaning", "First command", "Fix"]
    assert re.search(r"\*\*First command\.\*\*\s+`(ledgerlake|aws) ", SECTIONS[alarm])


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_exists(command: str) -> None:
    program, *arguments = shlex.split(command)
    if program == "ledgerlake":
        assert parser().parse_args(arguments).command
        return
    service, operation, *options = arguments
    model = Session().get_service_model({"s3api": "s3"}.get(service, service))
    named = {xform_name(each, "-"): each for each in model.operation_names}
    members = model.operation_model(named[operation]).input_shape.members
    known = {f"--{xform_name(each, '-')}" for each in members} | {"--max-items"}
    assert {each for each in options if each.startswith("--")} <= known


def test_every_link_leads_to_a_section() -> None:
    assert set(re.findall(r"\]\(#([a-z-]+)\)", TEXT)) <= set(SECTIONS)
