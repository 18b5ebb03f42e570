"""The CloudFormation stack of monitoring: every alarm, and one dashboard for those without Grafana.

It is nested in the stack of the installation, which passes the names of what it made.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from itertools import count

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString

from monitoring.alarm_resources import NAMESPACE, Json, alarms
from monitoring.alarms import AWS_METRICS
from monitoring.boards import BOARDS, Panel, panels, ratio_expression, search

HEAD = "# Made by `python -m monitoring.render` from the catalogue (monitoring/metrics.py, alarms.py, objectives.py).\n"
PERIOD = 300
WIDTH, HEIGHT, COLUMNS, ACROSS = 12, 6, 2, 24


def render() -> str:
    """The template as YAML, equal for equal catalogues."""
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "ledgerlake: alarms and the CloudWatch dashboard",
        "Parameters": _parameters(),
        "Conditions": {f"Has{name}": _given(name) for name in (*_resources(), "AlarmTopicArn", "Canary")},
        "Resources": {**dict(alarms()), "Dashboard": _dashboard()},
        "Outputs": {"DashboardName": {"Description": "Of the CloudWatch dashboard", "Value": {"Ref": "Dashboard"}}},
    }
    yaml, text = YAML(), io.StringIO()
    yaml.width = 4096
    yaml.representer.ignore_aliases = lambda *_: True  # CloudFormation refuses them
    yaml.dump(template, text)
    return HEAD + text.getvalue()


def _parameters() -> Json:
    own = {
        "Stage": _parameter("Stage of the installation, in the names of alarms and dashboard", "dev"),
        "Namespace": {
            **_parameter("CloudWatch namespace (LEDGERLAKE_METRICS_NAMESPACE)", "ledgerlake"),
            "AllowedPattern": "[A-Za-z0-9_./-]{1,255}",
        },
        "AlarmTopicArn": _parameter("SNS topic that alarms are sent to; empty: they only change colour", ""),
        "Canary": _parameter("Schedule of the canary, if it runs: then its silence is an alarm too", ""),
        "RunbookUrl": _parameter("Where docs/runbook.md can be read; alarms link to its sections", "docs/runbook.md"),
    }
    named = {name: _parameter(f"{what} (empty: there is none)", "") for name, what in _resources().items()}
    return own | named


def _resources() -> dict[str, str]:
    """Parameters that name a resource of AWS, and what its alarms watch."""
    found: dict[str, list[str]] = {}
    for metric in AWS_METRICS.values():
        found.setdefault(metric.parameter, []).append(f"{metric.dimension} watched for: {metric.description}")
    return {name: "; ".join(what) for name, what in found.items()}


def _parameter(description: str, default: str) -> Json:
    return {"Type": "String", "Description": description, "Default": default}


def _given(name: str) -> Json:
    return {"Fn::Not": [{"Fn::Equals": [{"Ref": name}, ""]}]}


def _dashboard() -> Json:
    """All boards but that of one dataset, one under the other, as CloudWatch has no choice of a dataset."""
    widgets: list[Json] = []
    top = 0
    for board in BOARDS.values():
        if board.dataset:
            continue
        text = {"markdown": f"## {board.title}\n{board.description}"}
        widgets.append({"type": "text", "x": 0, "y": top, "width": ACROSS, "height": 2, "properties": text})
        charts = panels(board)
        widgets += [_widget(panel, number, top + 2) for number, panel in enumerate(charts)]
        top += 2 + HEIGHT * -(-len(charts) // COLUMNS)
    body = json.dumps({"start": "-PT3H", "widgets": widgets}, indent=1) + "\n"
    return {
        "Type": "AWS::CloudWatch::Dashboard",
        "Properties": {
            "DashboardName": {"Fn::Sub": "ledgerlake-${Stage}"},
            "DashboardBody": {"Fn::Sub": LiteralScalarString(body)},
        },
    }


def _widget(panel: Panel, number: int, top: int) -> Json:
    row, column = divmod(number, COLUMNS)
    properties = {
        "title": panel.title,
        "view": "timeSeries",
        "stacked": False,
        "region": "${AWS::Region}",
        "period": PERIOD,
        "yAxis": {"left": {"min": 0}},
        "metrics": [[expression] for expression in _expressions(panel)],
    }
    place = {"x": column * WIDTH, "y": top + row * HEIGHT, "width": WIDTH, "height": HEIGHT}
    return {"type": "metric", **place, "properties": properties}


def _expressions(panel: Panel) -> Iterator[Json]:
    numbers = count(1)
    if panel.ratio:
        expression = ratio_expression(NAMESPACE, panel.ratio, PERIOD)
        yield {"id": f"e{next(numbers)}", "expression": expression, "label": panel.title}
    for metric in panel.metrics:
        for statistic in metric.statistics:
            expression = search(NAMESPACE, metric, statistic, PERIOD)
            label = metric.name if metric.statistics == ("Sum",) else f"{metric.name} {statistic}"
            yield {"id": f"e{next(numbers)}", "expression": expression, "label": label}
