"""When somebody is called: thresholds of our own metrics, and of those that AWS publishes by itself.

Every alarm has a section of its name in `docs/runbook.md`: what it means, the first command, the fix.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Alarm:
    """Calls when `statistic` over `minutes` is above `above`, `times` in a row; without data it stays quiet.

    `statistic` of a metric of ours is one that a Metrics Insights query has (`SUM`, `MAX`), since such an alarm sees
    every dataset, also one that is added later; of AWS's it is one of CloudWatch's. Where the installation has what the
    alarm `needs` (a parameter of the template that is not empty), silence is as bad.
    """

    name: str
    statistic: str
    above: float
    minutes: int = 5
    times: int = 1
    needs: str = ""


@dataclass(frozen=True, slots=True)
class AwsMetric:
    """A metric that AWS publishes of a resource; `parameter` of the template names it, and where empty, there is none.

    Source: the metric reference of each service in the CloudWatch documentation.
    """

    namespace: str
    name: str
    dimension: str
    parameter: str
    description: str
    alarm: Alarm


def _dead_letters(of: str, description: str) -> AwsMetric:
    return AwsMetric(
        "AWS/SQS",
        "ApproximateNumberOfMessagesVisible",
        "QueueName",
        f"{of}DeadLetterQueueName",
        description,
        Alarm(f"{of.lower()}-dead-letters", "Maximum", above=0),
    )


AWS_METRICS: Mapping[str, AwsMetric] = {
    metric.alarm.name: metric
    for metric in (
        _dead_letters("Landing", "Landing notifications that no attempt could handle"),
        _dead_letters("Events", "Upload events that no attempt could handle"),
        _dead_letters("Schedules", "Calls of the sweeper and the canary that their schedule could not deliver"),
        AwsMetric(
            "AWS/ApiGateway",
            "5xx",
            "ApiId",
            "ApiId",
            "Requests that the upload API could not answer",
            Alarm("api-failing", "Sum", above=5, times=2),
        ),
        AwsMetric(
            "AWS/ApiGateway",
            "Latency",
            "ApiId",
            "ApiId",
            "Milliseconds until the upload API answered",
            Alarm("api-slow", "p95", above=3000, times=3),
        ),
    )
}
