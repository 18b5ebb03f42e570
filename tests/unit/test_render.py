"""Dashboards and alarms are exactly what the catalogue says, and what Grafana and CloudFormation accept."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from ruamel.yaml import YAML

from monitoring.alarms import AWS_METRICS
from monitoring.boards import BOARDS, panels
from monitoring.metrics import METRICS
from monitoring.render import DASHBOARDS, ROOT, rendered
from tests.queries import queries_of_grafana, queries_of_stack

BOARD_FILES = sorted(DASHBOARDS.glob("*.json"))
STACK: dict[str, Any] = YAML(typ="safe").load((ROOT / "infra" / "monitoring.yaml").read_text())


def test_rendering_again_changes_nothing() -> None:
    for path, text in rendered().items():
        assert path.read_text(encoding="utf-8") == text, "run: make render"


def test_there_is_one_dashboard_file_for_each_board() -> None:
    assert [path.stem for path in BOARD_FILES] == sorted(BOARDS)


@pytest.mark.parametrize("path", BOARD_FILES, ids=lambda path: path.stem)
def test_a_dashboard_loads_into_grafana_s_own_model_and_nothing_is_lost(path: Any) -> None:
    register_default_plugins()
    written = json.loads(path.read_text())
    assert json.loads(json.dumps(Dashboard.from_json(written), cls=JSONEncoder)) == written


@pytest.mark.parametrize("path", BOARD_FILES, ids=lambda path: path.stem)
def test_every_query_has_what_grafana_wants_and_panels_do_not_overlap(path: Any) -> None:
    shown = json.loads(path.read_text())["panels"]
    for query in (query for panel in shown for query in panel["targets"]):
        assert {"id", "expression", "region", "refId", "namespace", "period"} <= set(query)
        assert query["region"] == "default"
    places = sorted((panel["gridPos"]["y"], panel["gridPos"]["x"]) for panel in shown)
    assert all(first != second for first, second in pairwise(places))


def test_every_metric_is_on_a_board_that_exists_and_charts_have_one_unit() -> None:
    for metric in METRICS.values():
        assert metric.boards
        assert set(metric.boards) <= set(BOARDS)
    charts = [panel for board in BOARDS.values() for panel in panels(board)]
    assert all(len({metric.unit for metric in panel.metrics}) <= 1 for panel in charts)


def test_grafana_and_cloudwatch_show_every_metric() -> None:
    for found in (queries_of_grafana(), queries_of_stack()):
        assert {name for name, _ in found} == set(METRICS)
        assert all(set(METRICS[name].dimensions) == dimensions for name, dimensions in found)


def test_every_alarm_is_in_the_stack_and_links_to_its_section() -> None:
    wanted = [*AWS_METRICS, *(metric.alarm.name for metric in METRICS.values() if metric.alarm)]
    alarms = [each["Properties"] for each in STACK["Resources"].values() if each["Type"] == "AWS::CloudWatch::Alarm"]
    assert sorted(each["AlarmName"]["Fn::Sub"] for each in alarms) == sorted(
        f"ledgerlake-${{Stage}}-{name}" for name in wanted
    )
    for each in alarms:
        name = each["AlarmName"]["Fn::Sub"].removeprefix("ledgerlake-${Stage}-")
        assert each["AlarmDescription"]["Fn::Sub"].endswith(f"${{RunbookUrl}}#{name}")


def test_an_alarm_of_ours_sees_every_dataset() -> None:
    found = STACK["Resources"]["UploadsHeldAlarm"]["Properties"]
    assert found["Metrics"][0]["Expression"]["Fn::Sub"] == (
        'SELECT SUM(uploads_held) FROM SCHEMA("${Namespace}", dataset) GROUP BY dataset'
    )
    assert (found["Threshold"], found["ComparisonOperator"]) == (0, "GreaterThanThreshold")


def test_an_alarm_of_a_resource_that_may_be_missing_is_conditional() -> None:
    found = STACK["Resources"]["EventsDeadLettersAlarm"]
    assert found["Condition"] == "HasEventsDeadLetterQueueName"
    assert found["Properties"]["Dimensions"] == [
        {"Name": "QueueName", "Value": {"Ref": "EventsDeadLetterQueueName"}},
    ]


def test_the_template_has_no_aliases_which_cloudformation_refuses() -> None:
    assert "&id" not in (ROOT / "infra" / "monitoring.yaml").read_text()
