"""What is promised of the whole, and when too much of its error budget is being spent.

An alarm on a burn rate needs two windows: the long one says that it matters, the short one that it still goes on. A
composite alarm calls when both are too high; those of its windows call nobody. CloudWatch decides the shape: an alarm
takes neither a search nor two Metrics Insights queries, and a query of these does not reach six hours back, so what the
objective counts is published without dimensions, of all datasets at once.

Source: https://sre.google/workbook/alerting-on-slos/ (6: Multiwindow, Multi-Burn-Rate Alerts)
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Burn:
    """Calls while the budget is spent `rate` times as fast as the objective allows, in the long and the short window.

    A long window with fewer than `least` bad events is good: with little traffic, each of them is a large share.
    """

    name: str
    rate: float
    minutes: tuple[int, int]
    description: str
    least: int = 3

    def window(self, minutes: int) -> str:
        """The name of the alarm of one window."""
        return f"{self.name}-{minutes}m"


@dataclass(frozen=True, slots=True)
class Objective:
    """`target` of all `whole` are not `bad` (names of `METRICS` without dimensions), over 30 days."""

    target: float
    whole: str
    bad: str
    burns: tuple[Burn, ...]

    def expression(self, burn: Burn, minutes: int) -> str:
        """The burn rate of one window as metric math of `bad` and `whole`: 1 spends exactly the budget."""
        least = burn.least if minutes == max(burn.minutes) else 1
        return f"IF(bad >= {least}, {round(1 / (1 - self.target), 6):g} * bad / whole, 0)"


OBJECTIVE = Objective(
    0.99,
    "objective_uploads",
    "objective_late",
    (
        Burn("budget-burning-fast", 14.4, (60, 5), "Late uploads spend 2% of a month's error budget in an hour"),
        Burn("budget-burning-slowly", 6, (360, 30), "Late uploads spend 5% of a month's error budget in six hours"),
    ),
)
"""So large a share of uploads can be queried within the latency that their contract promises."""
