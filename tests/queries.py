"""Which metrics, in which dimensions, the committed dashboards ask CloudWatch for."""

from __future__ import annotations

import json
import re

from ruamel.yaml import YAML

from monitoring.render import DASHBOARDS, ROOT

Asked = set[tuple[str, frozenset[str]]]
"""Names of metrics, with the names of their dimensions."""

SEARCH = re.compile(r"""SEARCH\('\{"[^"]+"((?:,\w+)*)\} MetricName="(\w+)\"""")


def queries_of_grafana() -> Asked:
    """What all Grafana dashboards ask for."""
    boards = [json.loads(path.read_text()) for path in DASHBOARDS.glob("*.json")]
    targets = [query for board in boards for panel in board["panels"] for query in panel["targets"]]
    searched = {each for query in targets for each in _searched(query["expression"])}
    return searched | {
        (query["metricName"], frozenset(query["dimensions"])) for query in targets if not query["expression"]
    }


def queries_of_stack() -> Asked:
    """What CloudWatch's own dashboard asks for."""
    template = YAML(typ="safe").load((ROOT / "infra" / "monitoring.yaml").read_text())
    body = json.loads(template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])
    charts = [widget["properties"]["metrics"] for widget in body["widgets"] if widget["type"] == "metric"]
    return {each for metrics in charts for (shown,) in metrics for each in _searched(shown["expression"])}


def _searched(expression: str) -> Asked:
    found = SEARCH.findall(expression)
    assert len(found) == expression.count("SEARCH("), expression
    return {(name, frozenset(filter(None, dimensions.split(",")))) for dimensions, name in found}
