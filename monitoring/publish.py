"""The two ways a measurement leaves.

Lambdas print an EMF line, which CloudWatch reads from their log; the streaming job calls PutMetricData.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from ledgerlake.aws import Aws, ClientError, transient
from ledgerlake.errors import TransientError
from ledgerlake.settings import Settings
from monitoring.metrics import METRICS, Metric

Measured = tuple[Mapping[str, float], Mapping[str, str]]
"""Metric name to value, and exactly the dimensions that each of these metrics has."""

Emit = Callable[[str], None]
"""Takes an EMF line: `print` in a Lambda function."""

_log = logging.getLogger(__name__)


def emf(namespace: str, moment: datetime, values: Mapping[str, float], dimensions: Mapping[str, str]) -> str:
    """One line of the CloudWatch embedded metric format, for a Lambda's log.

    Args:
        namespace: `settings.metrics_namespace`.
        moment: when it was measured, with zone.
        values: metric name to value; all of them share the dimensions.
        dimensions: exactly the dimensions that each of the metrics has.

    Raises:
        ValueError: a metric is not in `METRICS`, or has other dimensions.
    """
    metrics = _known(values, dimensions)
    directive = {
        "Namespace": namespace,
        "Dimensions": [sorted(dimensions)],
        "Metrics": [{"Name": metric.name, "Unit": metric.unit} for metric in metrics],
    }
    return json.dumps(
        {"_aws": {"Timestamp": _millis(moment), "CloudWatchMetrics": [directive]}, **dimensions, **values},
        separators=(",", ":"),
    )


def put(aws: Aws, settings: Settings, moment: datetime, *measured: Measured) -> None:
    """Measurements through one PutMetricData, for a process without a Lambda log.

    What cannot be delivered is logged and given up: measuring must not stop what it measures.

    Raises:
        ValueError: a metric is not in `METRICS`, or has other dimensions.
    """
    data = [datum for values, dimensions in measured for datum in _data(moment, values, dimensions)]
    try:
        with transient("put metrics"):
            aws.cloudwatch.put_metric_data(Namespace=settings.metrics_namespace, MetricData=data)
    except (TransientError, ClientError) as error:
        _log.warning("metrics %s were not delivered: %s", [each["MetricName"] for each in data], error)


def _data(moment: datetime, values: Mapping[str, float], dimensions: Mapping[str, str]) -> list[dict[str, Any]]:
    named = [{"Name": name, "Value": value} for name, value in sorted(dimensions.items())]
    return [
        {
            "MetricName": metric.name,
            "Unit": metric.unit,
            "Timestamp": moment,
            "Value": values[metric.name],
            "Dimensions": named,
        }
        for metric in _known(values, dimensions)
    ]


def _known(values: Mapping[str, float], dimensions: Mapping[str, str]) -> list[Metric]:
    metrics = []
    for name in values:
        metric = METRICS.get(name)
        if metric is None:
            msg = f"no metric {name!r} in METRICS; add one line there, or use one of {', '.join(METRICS)}"
            raise ValueError(msg)
        if set(metric.dimensions) != set(dimensions):
            msg = f"metric {name} has the dimensions {metric.dimensions}, not {tuple(dimensions)}"
            raise ValueError(msg)
        metrics.append(metric)
    return metrics


def _millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
