"""Grafana dashboards, made with Grafana's own builders: `grafana_foundation_sdk` is needed here only, to render.

Quirks of Grafana 12's CloudWatch source: a query needs an `id` and an `expression`, also empty ones, or it is not run;
`default` is the region of the data source.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count

from grafana_foundation_sdk.builders import cloudwatch, common, dashboard, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.cloudwatch import MetricEditorMode, MetricQueryType, QueryMode
from grafana_foundation_sdk.models.common import DataSourceRef, LegendDisplayMode, LegendPlacement, VisibilityMode
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DashboardLinkType, GridPos, VariableRefresh

from monitoring.boards import Board, Panel, panels, ratio_expression
from monitoring.metrics import Metric

SOURCE = DataSourceRef(type_val="cloudwatch", uid="cloudwatch")
"""The data source that `monitoring/grafana/provisioning/` makes."""

UNITS = {"Count": "short", "Bytes": "bytes", "Seconds": "s", "None": "short"}
"""Grafana's names of CloudWatch's units."""

WIDTH, HEIGHT, COLUMNS = 12, 8, 2
SECONDS = 300
"""Period of a ratio."""


def render(board: Board) -> str:
    """The dashboard as JSON, equal for equal catalogues."""
    made = (
        dashboard.Dashboard(f"Ledgerlake: {board.title}")
        .uid(f"ledgerlake-{board.name}")
        .description(board.description)
        .tags(["ledgerlake"])
        .timezone("utc")
        .time("now-3h", "now")
        .refresh("30s")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .readonly()
        .link(
            dashboard.DashboardLink("ledgerlake")
            .type(DashboardLinkType.DASHBOARDS)
            .tags(["ledgerlake"])
            .keep_time(keep_time=True)
        )
        .with_variable(dashboard.TextBoxVariable("namespace").label("Namespace").default_value("ledgerlake"))
    )
    if board.dataset:
        made = made.with_variable(_dataset())
    for position, panel in enumerate(panels(board)):
        made = made.with_panel(_panel(board, panel, position))
    return json.dumps(made.build(), cls=JSONEncoder, indent=1, sort_keys=True) + "\n"


def _dataset() -> dashboard.QueryVariable:
    query: dict[str, object] = {
        "queryType": "dimensionValues",
        "region": "default",
        "namespace": "$namespace",
        "metricName": "uploads_applied",
        "dimensionKey": "dataset",
        "dimensionFilters": {},
        "refId": "dataset",
    }
    named = dashboard.QueryVariable("dataset").label("Dataset").datasource(SOURCE).query(query)
    return named.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)


def _panel(board: Board, panel: Panel, position: int) -> timeseries.Panel:
    row, column = divmod(position, COLUMNS)
    calcs = ["max" if panel.unit == "Seconds" else "sum", "lastNotNull"]
    legend = common.VizLegendOptions().display_mode(LegendDisplayMode.TABLE).placement(LegendPlacement.BOTTOM)
    made = (
        timeseries.Panel()
        .id(position + 1)
        .title(panel.title)
        .description(panel.description)
        .datasource(SOURCE)
        .unit(UNITS[panel.unit])
        .min(0)
        .show_points(VisibilityMode.AUTO)
        .legend(legend.show_legend(show_legend=True).calcs(calcs))
        .grid_pos(GridPos(x=column * WIDTH, y=row * HEIGHT, w=WIDTH, h=HEIGHT))
    )
    for query in _queries(board, panel):
        made = made.with_target(query)
    return made


def _queries(board: Board, panel: Panel) -> Iterator[cloudwatch.MetricsQuery]:
    names = (f"q{number}" for number in count(1))
    if panel.ratio:
        dataset = "$dataset" if board.dataset else None
        expression = ratio_expression("$namespace", panel.ratio, SECONDS, dataset)
        yield _query(next(names)).metric_editor_mode(MetricEditorMode.CODE).expression(expression).label(panel.title)
    for metric in panel.metrics:
        for statistic in metric.statistics:
            yield _metric(_query(next(names)), board, metric, statistic)


def _query(name: str) -> cloudwatch.MetricsQuery:
    made = cloudwatch.MetricsQuery().query_mode(QueryMode.METRICS).metric_query_type(MetricQueryType.SEARCH)
    made = made.metric_editor_mode(MetricEditorMode.BUILDER).id("").expression("").region("default")
    return made.ref_id(name).datasource(SOURCE).namespace("$namespace").match_exact(match_exact=True).period("auto")


def _metric(query: cloudwatch.MetricsQuery, board: Board, metric: Metric, statistic: str) -> cloudwatch.MetricsQuery:
    """Without a chosen dataset a dimension is searched: each dataset, also one of tomorrow, becomes a line."""
    chosen: dict[str, str | list[str]] = {name: ["*"] for name in metric.dimensions}
    if board.dataset:
        chosen["dataset"] = ["$dataset"]
    what = metric.name if metric.statistics == ("Sum",) else f"{metric.name} {statistic}"
    which = " ".join(f"${{PROP('Dim.{name}')}}" for name in metric.dimensions)
    return query.metric_name(metric.name).statistic(statistic).dimensions(chosen).label(f"{what} {which}".strip())
