"""`docs/metrics.md`: the catalogue for people."""

from __future__ import annotations

from collections.abc import Iterator

from monitoring.alarms import AWS_METRICS, Alarm
from monitoring.metrics import METRICS

HEAD = """# Metrics

Everything that is measured, in the CloudWatch namespace of `LEDGERLAKE_METRICS_NAMESPACE`. Names, units and dimensions
do not change their meaning. Dashboards and alarms are made from the same catalogue, `monitoring/metrics.py`; this page
too: `make render`. What to do when an alarm calls stands in the [runbook](runbook.md).

| metric | unit | by | meaning | chart | alarm |
|---|---|---|---|---|---|
"""

AWS_HEAD = """
AWS measures these by itself; they have an alarm, where the installation has the resource:

| namespace | metric | meaning | alarm |
|---|---|---|---|
"""


def render() -> str:
    """The whole page."""
    return HEAD + "".join(_own()) + AWS_HEAD + "".join(_of_aws())


def _own() -> Iterator[str]:
    for each in METRICS.values():
        by = ", ".join(each.dimensions)
        yield f"| `{each.name}` | {each.unit} | {by} | {each.description} | {each.panel} | {_alarm(each.alarm)} |\n"


def _of_aws() -> Iterator[str]:
    for each in AWS_METRICS.values():
        yield f"| {each.namespace} | `{each.name}` | {each.description} | {_alarm(each.alarm)} |\n"


def _alarm(alarm: Alarm | None) -> str:
    if alarm is None:
        return ""
    row = f", {alarm.times} times in a row" if alarm.times > 1 else ""
    when = f"{alarm.statistic.lower()} above {alarm.above:g} in {alarm.minutes} min{row}"
    return f"[{alarm.name}](runbook.md#{alarm.name}): {when}"
