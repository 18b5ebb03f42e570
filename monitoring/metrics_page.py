"""`docs/metrics.md`: the catalogue for people."""

from __future__ import annotations

from collections.abc import Iterator

from monitoring.alarms import AWS_METRICS, Alarm
from monitoring.metrics import METRICS
from monitoring.objectives import OBJECTIVE, Burn

HEAD = """# Metrics

Everything that is measured, in the CloudWatch namespace of `LEDGERLAKE_METRICS_NAMESPACE`. Names, units and dimensions
do not change their meaning. Dashboards and alarms are made from the same catalogue, `monitoring/metrics.py`; this page
too: `make render`. What to do when an alarm calls stands in the [runbook](runbook.md).

`ledgerlake metrics` shows what CloudWatch has of them, `ledgerlake metrics --page FILE` as charts. So a lake on one
machine looks after `ledgerlake demo --keep` and some minutes of uploads:

![Charts of uploads, rows, times by stage and the canary, by the minute](charts.png)

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
    return HEAD + "".join(_own()) + AWS_HEAD + "".join(_of_aws()) + "".join(_burns())


def _own() -> Iterator[str]:
    for each in METRICS.values():
        by = ", ".join(each.dimensions)
        yield f"| `{each.name}` | {each.unit} | {by} | {each.description} | {each.panel} | {_alarm(each.alarm)} |\n"


def _of_aws() -> Iterator[str]:
    for each in AWS_METRICS.values():
        yield f"| {each.namespace} | `{each.name}` | {each.description} | {_alarm(each.alarm)} |\n"


def _burns() -> Iterator[str]:
    objective = f"{OBJECTIVE.target:.0%} of all uploads can be queried within the latency that their contract promises"
    yield f"\nThe objective: {objective}, over 30 days. A burn rate of 1 spends exactly the rest, the error budget.\n\n"
    yield "| alarm | calls when |\n|---|---|\n"
    for burn in OBJECTIVE.burns:
        yield f"| [{burn.name}](runbook.md#{burn.name}) | {_calls(burn)} |\n"


def _calls(burn: Burn) -> str:
    long, short = burn.minutes
    return (
        f"the burn rate is above {burn.rate:g} in the last {long} min, with at least {burn.least} late uploads, and in "
        f"the last {short} min"
    )


def _alarm(alarm: Alarm | None) -> str:
    if alarm is None:
        return ""
    row = f", {alarm.times} times in a row" if alarm.times > 1 else ""
    when = f"{alarm.statistic.lower()} above {alarm.above:g} in {alarm.minutes} min{row}"
    return f"[{alarm.name}](runbook.md#{alarm.name}): {when}"
