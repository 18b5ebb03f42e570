"""Dashboards as values: which charts each has. Grafana's and CloudWatch's are both rendered from here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monitoring.metrics import METRICS, Metric
from monitoring.objectives import OBJECTIVE


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard; `dataset` says that it shows one dataset, which its reader chooses."""

    name: str
    title: str
    description: str
    dataset: bool = False


BOARDS: Mapping[str, Board] = {
    board.name: board
    for board in (
        Board("overview", "Overview", "From upload to queryable, error budget, and what waits for somebody"),
        Board("dataset", "One dataset", "All that is measured of one dataset", dataset=True),
        Board("ingestion", "Ingestion", "From a grant to an accepted upload"),
        Board("stream", "Stream", "From an accepted upload to its commit"),
        Board("quality", "Quality and holds", "What became of the rows, and which files were refused or set aside"),
        Board("usage", "Usage", "What drives the bill: uploads, bytes, rows, and how long the stream works"),
    )
}


@dataclass(frozen=True, slots=True)
class Ratio:
    """A chart of `part` / `whole` (names of `METRICS`, their sums over all datasets shown) times `factor`."""

    panel: str
    boards: tuple[str, ...]
    part: str
    whole: str
    factor: float
    description: str


RATIOS = (
    Ratio(
        "Error budget burn",
        ("overview", "dataset"),
        "uploads_late",
        "uploads_applied",
        round(1 / (1 - OBJECTIVE.target), 6),
        f"1 uses up exactly what an objective of {OBJECTIVE.target:.0%} in time allows; above 14 the budget of a month "
        "is gone in two days",
    ),
)


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart: metrics of one unit, each by its statistics, or one ratio."""

    title: str
    description: str
    metrics: tuple[Metric, ...] = ()
    ratio: Ratio | None = None

    @property
    def unit(self) -> str:
        """CloudWatch's unit of all its series."""
        return self.metrics[0].unit if self.metrics else "None"


def panels(board: Board) -> tuple[Panel, ...]:
    """The charts of a dashboard: ratios first, then metrics in the order of the catalogue."""
    chosen: dict[str, list[Metric]] = {}
    for metric in METRICS.values():
        if board.name in metric.boards or (board.dataset and "dataset" in metric.dimensions):
            chosen.setdefault(metric.panel, []).append(metric)
    ratios = [Panel(each.panel, each.description, ratio=each) for each in RATIOS if board.name in each.boards]
    charts = [
        Panel(title, "\n".join(f"{each.name}: {each.description}" for each in metrics), tuple(metrics))
        for title, metrics in chosen.items()
    ]
    return (*ratios, *charts)


def search(namespace: str, metric: Metric, statistic: str, seconds: int, dataset: str | None = None) -> str:
    """CloudWatch's search for one metric of ours in all its dimensions, or of one dataset.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html
    """
    schema = ",".join((f'"{namespace}"', *metric.dimensions))
    chosen = f' dataset="{dataset}"' if dataset else ""
    return f"SEARCH('{{{schema}}} MetricName=\"{metric.name}\"{chosen}', '{statistic}', {seconds})"


def ratio_expression(namespace: str, ratio: Ratio, seconds: int, dataset: str | None = None) -> str:
    """The ratio as metric math: sums first, because two lists of series cannot be divided."""
    part, whole = (
        f"SUM({search(namespace, METRICS[name], 'Sum', seconds, dataset)})" for name in (ratio.part, ratio.whole)
    )
    return f"{ratio.factor:g} * {part} / {whole}"
