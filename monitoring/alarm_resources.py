"""Every alarm of the catalogue as a resource of CloudFormation.

The template has parameters `Namespace`, `AlarmTopicArn`, `RunbookUrl`, and one for each resource of AWS that an alarm
watches; and a condition `Has...` for each of them that may be empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from monitoring.alarms import AWS_METRICS, Alarm, AwsMetric
from monitoring.metrics import METRICS, Metric
from monitoring.objectives import OBJECTIVE, Burn

NAMESPACE = "${Namespace}"
PREFIX = "ledgerlake-${Stage}-"

Json = dict[str, Any]


def alarms() -> Iterator[tuple[str, Json]]:
    """Logical id and resource of every alarm."""
    for metric in METRICS.values():
        if metric.alarm:
            yield _resource(metric.alarm, metric.description, _own(metric, metric.alarm))
    for each in AWS_METRICS.values():
        logical, made = _resource(each.alarm, each.description, _of_aws(each))
        yield logical, {"Condition": f"Has{each.parameter}", **made}
    for burn in OBJECTIVE.burns:
        yield from _burn(burn)


def _burn(burn: Burn) -> Iterator[tuple[str, Json]]:
    """An alarm of each window, and the one that calls when both are bad."""
    windows = [burn.window(minutes) for minutes in burn.minutes]
    for name, minutes in zip(windows, burn.minutes, strict=True):
        yield _logical(name), _window(burn, minutes)
    bad = [f'ALARM("{PREFIX}{name}")' for name in windows]
    properties = {
        **_named(burn.name, burn.description, burn.name),
        **_calls(),
        "AlarmRule": {"Fn::Sub": " AND ".join(bad)},
    }
    made = {"Type": "AWS::CloudWatch::CompositeAlarm", "DependsOn": [_logical(name) for name in windows]}
    yield _logical(burn.name), {**made, "Properties": properties}


def _window(burn: Burn, minutes: int) -> Json:
    counts = [
        {
            "Id": name,
            "MetricStat": {
                "Metric": {"Namespace": {"Ref": "Namespace"}, "MetricName": metric},
                "Period": minutes * 60,
                "Stat": "Sum",
            },
            "ReturnData": False,
        }
        for name, metric in (("bad", OBJECTIVE.bad), ("whole", OBJECTIVE.whole))
    ]
    description = f"{burn.description}: its window of {minutes} minutes, which alone calls nobody"
    properties = {
        **_named(burn.window(minutes), description, burn.name),
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": burn.rate,
        "EvaluationPeriods": 1,
        "TreatMissingData": "notBreaching",
        "Metrics": [*counts, {"Id": "burn", "Expression": OBJECTIVE.expression(burn, minutes), "ReturnData": True}],
    }
    return {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}


def _named(name: str, description: str, section: str) -> Json:
    return {
        "AlarmName": {"Fn::Sub": f"{PREFIX}{name}"},
        "AlarmDescription": {"Fn::Sub": f"{description}. What to do: ${{RunbookUrl}}#{section}"},
    }


def _calls() -> Json:
    actions = {"Fn::If": ["HasAlarmTopicArn", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}
    return {"AlarmActions": actions, "OKActions": actions}


def _logical(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("-")) + "Alarm"


def _resource(alarm: Alarm, description: str, watched: Mapping[str, Any]) -> tuple[str, Json]:
    properties = {
        **_named(alarm.name, description, alarm.name),
        **_calls(),
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": alarm.above,
        "EvaluationPeriods": alarm.times,
        "DatapointsToAlarm": alarm.times,
        "TreatMissingData": _silence(alarm),
        **watched,
    }
    return _logical(alarm.name), {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}


def _silence(alarm: Alarm) -> str | Json:
    return {"Fn::If": [f"Has{alarm.needs}", "breaching", "notBreaching"]} if alarm.needs else "notBreaching"


def _own(metric: Metric, alarm: Alarm) -> Json:
    """A Metrics Insights query: it sees every dataset, and the alarm names those that are bad as its contributors.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Create_Metrics_Insights_Alarm.html
    """
    schema = ", ".join((f'"{NAMESPACE}"', *metric.dimensions))
    by = ", ".join(metric.dimensions)
    grouped = f" GROUP BY {by} ORDER BY {alarm.statistic}() DESC" if by else ""  # an alarm wants both or neither
    sql = f"SELECT {alarm.statistic}({metric.name}) FROM SCHEMA({schema}){grouped}"  # noqa: S608  # names of the catalogue
    query = {"Id": "watched", "Expression": {"Fn::Sub": sql}, "Period": alarm.minutes * 60, "ReturnData": True}
    return {"Metrics": [query]}


def _of_aws(metric: AwsMetric) -> Json:
    statistic = "ExtendedStatistic" if metric.alarm.statistic.startswith("p") else "Statistic"
    return {
        "Namespace": metric.namespace,
        "MetricName": metric.name,
        "Dimensions": [{"Name": metric.dimension, "Value": {"Ref": metric.parameter}}],
        "Period": metric.alarm.minutes * 60,
        statistic: metric.alarm.statistic,
    }
