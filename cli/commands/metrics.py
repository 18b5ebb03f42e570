"""`ledgerlake metrics`: what was measured lately, metric by metric, as CloudWatch has it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

from cli.charts import Line, page
from cli.command import Command
from cli.shell import Reply, Shell, table
from ledgerlake.aws import transient
from ledgerlake.clock import utc_now
from monitoring.metrics import METRICS

PERIOD = 60
MOST = 1440
"""Periods that CloudWatch answers at once."""


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--hours", type=float, default=3.0, help="look back so far (default: %(default)s; at most 24)")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write charts into this HTML file")


def _run(shell: Shell, arguments: Namespace) -> Reply:
    with shell.working("asking CloudWatch"):
        measured = read(shell, min(timedelta(hours=arguments.hours), timedelta(seconds=PERIOD * MOST)))
    if arguments.page:
        title = f"What {shell.settings.metrics_namespace} measured"
        arguments.page.write_text(page([each.line() for each in measured], title), encoding="utf-8")
    return _reply([each.summary() for each in measured])


def _reply(found: list[dict[str, Any]]) -> Reply:
    silent = sorted(METRICS.keys() - {each["metric"] for each in found if each["samples"]})
    rows = [
        (
            each["metric"],
            " ".join(each["dimensions"].values()),
            each["unit"],
            each["samples"],
            *(f"{each[name]:,.3f}".rstrip("0").rstrip(".") for name in ("sum", "average", "maximum")),
        )
        for each in found
        if each["samples"]
    ]
    hints = (f"nothing was measured of {', '.join(silent)}",) if silent else ("docs/metrics.md says what each means",)
    return Reply(found, table("", ("metric", "of", "unit", "samples", "sum", "average", "highest"), rows), hints)


@dataclass(frozen=True, slots=True)
class Measured:
    """One series of CloudWatch: a metric in its dimensions, with its statistics for each period."""

    metric: str
    dimensions: Mapping[str, str]
    points: Sequence[Mapping[str, Any]]

    def summary(self) -> dict[str, Any]:
        """All periods together, as `--json` has it."""
        samples, total = (sum(point[name] for point in self.points) for name in ("SampleCount", "Sum"))
        return {
            "metric": self.metric,
            "unit": METRICS[self.metric].unit,
            "dimensions": dict(self.dimensions),
            "samples": int(samples),
            "sum": total,
            "average": total / samples if samples else 0.0,
            "maximum": max((point["Maximum"] for point in self.points), default=0.0),
        }

    def line(self) -> Line:
        """For a chart: what was counted, or the longest time."""
        statistic = "Maximum" if METRICS[self.metric].unit == "Seconds" else "Sum"
        points = {point["Timestamp"].astimezone(UTC): float(point[statistic]) for point in self.points}
        return Line(self.metric, " ".join(self.dimensions.values()), points)


def read(shell: Shell, back: timedelta) -> list[Measured]:
    """Every series of the installation's namespace that is in the catalogue, in its order, since then.

    Raises:
        TransientError: CloudWatch is out of reach; ask again.
    """
    namespace, found = shell.settings.metrics_namespace, set()
    with transient("list metrics"):
        for some in shell.aws.cloudwatch.get_paginator("list_metrics").paginate(Namespace=namespace):
            found |= {_named(each) for each in some["Metrics"]}  # the emulator lists some of them several times
    order = list(METRICS)
    known = sorted((order.index(name), dimensions) for name, dimensions in found if name in METRICS)
    return [_measured(shell, order[position], dict(dimensions), back) for position, dimensions in known]


def _named(each: Mapping[str, Any]) -> tuple[str, tuple[tuple[str, str], ...]]:
    return each["MetricName"], tuple(sorted((pair["Name"], pair["Value"]) for pair in each["Dimensions"]))


def _measured(shell: Shell, metric: str, dimensions: Mapping[str, str], back: timedelta) -> Measured:
    now = utc_now()
    with transient("read metrics"):
        points = shell.aws.cloudwatch.get_metric_statistics(
            Namespace=shell.settings.metrics_namespace,
            MetricName=metric,
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            StartTime=now - back,
            EndTime=now + timedelta(seconds=PERIOD),
            Period=PERIOD,
            Statistics=["Sum", "SampleCount", "Maximum"],
        )["Datapoints"]
    return Measured(metric, dimensions, points)


COMMAND = Command("metrics", "what was measured lately, as CloudWatch has it", _run, _arguments)
