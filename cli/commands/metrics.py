"""`ledgerlake metrics`: what was measured lately, metric by metric, as CloudWatch has it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from cli.command import Command
from cli.shell import Reply, Shell, table
from ledgerlake.aws import transient
from ledgerlake.clock import utc_now
from monitoring.metrics import METRICS

PERIOD = 60
MOST = 1440
"""Periods that CloudWatch answers at once."""

Series = dict[str, Any]


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--hours", type=float, default=3.0, help="look back so far (default: %(default)s; at most 24)")


def _run(shell: Shell, arguments: Namespace) -> Reply:
    with shell.working("asking CloudWatch"):
        found = series(shell, min(timedelta(hours=arguments.hours), timedelta(seconds=PERIOD * MOST)))
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


def series(shell: Shell, back: timedelta) -> list[Series]:
    """Every series of the installation's namespace that is in the catalogue, in its order, summed up since then.

    Raises:
        TransientError: CloudWatch is out of reach; ask again.
    """
    namespace, found = shell.settings.metrics_namespace, []
    with transient("list metrics"):
        for page in shell.aws.cloudwatch.get_paginator("list_metrics").paginate(Namespace=namespace):
            found += [each for each in page["Metrics"] if each["MetricName"] in METRICS]
    order = list(METRICS)
    found.sort(key=lambda each: (order.index(each["MetricName"]), str(each["Dimensions"])))
    return [_summed(shell, each, back) for each in found]


def _summed(shell: Shell, each: Mapping[str, Any], back: timedelta) -> Series:
    now, metric = utc_now(), METRICS[each["MetricName"]]
    with transient("read metrics"):
        points = shell.aws.cloudwatch.get_metric_statistics(
            Namespace=shell.settings.metrics_namespace,
            MetricName=metric.name,
            Dimensions=each["Dimensions"],
            StartTime=now - back,
            EndTime=now + timedelta(seconds=PERIOD),
            Period=PERIOD,
            Statistics=["Sum", "SampleCount", "Maximum"],
        )["Datapoints"]
    samples, total = (sum(point[name] for point in points) for name in ("SampleCount", "Sum"))
    return {
        "metric": metric.name,
        "unit": metric.unit,
        "dimensions": {pair["Name"]: pair["Value"] for pair in sorted(each["Dimensions"], key=lambda one: one["Name"])},
        "samples": int(samples),
        "sum": total,
        "average": total / samples if samples else 0.0,
        "maximum": max((point["Maximum"] for point in points), default=0.0),
    }


COMMAND = Command("metrics", "what was measured lately, as CloudWatch has it", _run, _arguments)
