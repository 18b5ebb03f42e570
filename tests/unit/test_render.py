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
from monitoring.objectives import OBJECTIVE
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


def test_every_alarm_is_in_the_stack_and_whoever_is_called_gets_a_link_to_its_section() -> None:
    burns = {burn.name: burn for burn in OBJECTIVE.burns}
    windows = {burn.window(minutes): burn.name for burn in burns.values() for minutes in burn.minutes}
    wanted = [*AWS_METRICS, *(metric.alarm.name for metric in METRICS.values() if metric.alarm), *burns]
    alarms = [each["Properties"] for each in STACK["Resources"].values() if each["Type"].endswith("Alarm")]
    named = {each["AlarmName"]["Fn::Sub"].removeprefix("ledgerlake-${Stage}-"): each for each in alarms}
    assert sorted(named) == sorted([*wanted, *windows])
    for name, each in named.items():
        assert each["AlarmDescription"]["Fn::Sub"].endswith(f"${{RunbookUrl}}#{windows.get(name, name)}")
        assert ("AlarmActions" in each, "OKActions" in each) == (name in wanted, name in wanted)


def test_an_alarm_of_ours_sees_every_dataset_the_worst_first() -> None:
    found = STACK["Resources"]["UploadsHeldAlarm"]["Properties"]
    assert found["Metrics"][0]["Expression"]["Fn::Sub"] == (
        'SELECT SUM(uploads_held) FROM SCHEMA("${Namespace}", dataset) GROUP BY dataset ORDER BY SUM() DESC'
    )
    assert (found["Threshold"], found["ComparisonOperator"]) == (0, "GreaterThanThreshold")


def test_queries_that_alarms_ask_reach_back_no_further_than_they_may() -> None:
    alarms = [each["Properties"] for each in STACK["Resources"].values() if each["Type"] == "AWS::CloudWatch::Alarm"]
    asked = [(each, query) for each in alarms for query in each.get("Metrics", ()) if "SELECT" in str(query)]
    assert len(asked) == sum(metric.alarm is not None for metric in METRICS.values())
    assert all(query["Period"] * each["EvaluationPeriods"] <= 3 * 3600 for each, query in asked)


def test_the_budget_burns_where_both_windows_say_so() -> None:
    for burn in OBJECTIVE.burns:
        whole = "".join(word.capitalize() for word in burn.name.split("-"))
        composite = STACK["Resources"][f"{whole}Alarm"]
        rule = composite["Properties"]["AlarmRule"]["Fn::Sub"]
        names = [
            STACK["Resources"][logical]["Properties"]["AlarmName"]["Fn::Sub"] for logical in composite["DependsOn"]
        ]
        assert rule == " AND ".join(f'ALARM("{name}")' for name in names)
        for minutes in burn.minutes:
            window = STACK["Resources"][f"{whole}{minutes}mAlarm"]["Properties"]
            bad, every, shown = window["Metrics"]
            assert {each["MetricStat"]["Period"] for each in (bad, every)} == {60 * minutes}
            assert [each["MetricStat"]["Metric"]["MetricName"] for each in (bad, every)] == [
                "objective_late",
                "objective_uploads",
            ]
            assert (window["Threshold"], window["EvaluationPeriods"]) == (burn.rate, 1)
            least = 3 if minutes >= 60 else 1
            assert shown["Expression"] == f"IF(bad >= {least}, 100 * bad / whole, 0)"


def test_a_burn_rate_spends_the_share_of_the_month_that_its_alarm_names() -> None:
    month = 30 * 24 * 60
    spent = [round(burn.rate * burn.minutes[0] / month, 6) for burn in OBJECTIVE.burns]
    assert spent == [0.02, 0.05]
    assert ["2%" in OBJECTIVE.burns[0].description, "5%" in OBJECTIVE.burns[1].description] == [True, True]
    assert [burn.minutes[0] / burn.minutes[1] for burn in OBJECTIVE.burns] == [12, 12]


def test_what_the_objective_counts_has_no_dimensions_for_an_alarm_cannot_search() -> None:
    assert {METRICS[name].dimensions for name in (OBJECTIVE.whole, OBJECTIVE.bad)} == {()}


def test_an_alarm_of_a_resource_that_may_be_missing_is_conditional() -> None:
    found = STACK["Resources"]["EventsDeadLettersAlarm"]
    assert found["Condition"] == "HasEventsDeadLetterQueueName"
    assert found["Properties"]["Dimensions"] == [
        {"Name": "QueueName", "Value": {"Ref": "EventsDeadLetterQueueName"}},
    ]


def test_the_template_has_no_aliases_which_cloudformation_refuses() -> None:
    assert "&id" not in (ROOT / "infra" / "monitoring.yaml").read_text()
