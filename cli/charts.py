"""A page of charts, complete in one file: what CloudWatch has of every metric of the catalogue, panel by panel."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

from monitoring.metrics import METRICS

Points = Mapping[datetime, float]

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 460, 170, 52, 24, 8
COLOURS = ("#1f6fb4", "#e07b1a", "#2a9d5c", "#cc3344", "#8a63b8", "#7a5a4d", "#d264a8", "#1a9aa8")
STEPS = (1, 2, 5, 10)
SMALLEST = 1e-9
"""Below this, an axis shows nothing that anybody measures."""

HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Ledgerlake: metrics</title><style>
body { font: 14px system-ui, sans-serif; margin: 20px; color: #222; background: #f6f7f9; }
main { display: grid; grid-template-columns: repeat(auto-fill, 488px); gap: 14px; }
figure { margin: 0; padding: 12px 14px; background: #fff; border: 1px solid #e2e5ea; border-radius: 6px; }
h1 { font-size: 20px; margin: 0 0 2px; } p { margin: 0 0 14px; color: #556; } main + p { margin: 14px 0 0; }
h2 { font-size: 14px; margin: 0 0 6px; } small { font-weight: normal; color: #667; }
figcaption { font-size: 11px; display: flex; flex-wrap: wrap; gap: 2px 12px; max-width: 460px; color: #334; }
text { font: 10px system-ui, sans-serif; fill: #667; }
</style></head><body>
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One series: a metric of the catalogue, of whom (values of its dimensions), and a value for each period."""

    metric: str
    of: str
    points: Points


def page(lines: Sequence[Line], title: str) -> str:
    """The page; metrics that share a panel of the catalogue share a chart.

    Those without a point are left out, and panels in which nothing but 0 was measured are only named.
    """
    shown = [line for line in lines if line.points]
    moments = sorted({moment for line in shown for moment in line.points})
    if not moments:
        return f"{HEAD}<h1>{escape(title)}</h1><p>Nothing was measured.</p></body></html>\n"
    panels: dict[str, list[Line]] = {}
    for line in sorted(shown, key=lambda each: list(METRICS).index(each.metric)):
        panels.setdefault(METRICS[line.metric].panel, []).append(line)
    quiet = [name for name, members in panels.items() if not any(any(line.points.values()) for line in members)]
    figures = "".join(_figure(name, members, moments) for name, members in panels.items() if name not in quiet)
    span = f"{moments[0]:%Y-%m-%d %H:%M} to {moments[-1]:%H:%M} UTC, by the minute; behind each name its latest value"
    still = f"<p>Measured, and always 0: {escape(', '.join(quiet))}.</p>" if quiet else ""
    return f"{HEAD}<h1>{escape(title)}</h1><p>{span}</p><main>{figures}</main>{still}</body></html>\n"


def _figure(name: str, lines: Sequence[Line], moments: Sequence[datetime]) -> str:
    unit = METRICS[lines[0].metric].unit
    what = "highest, seconds" if unit == "Seconds" else unit.lower()
    top = _ceiling(max(value for line in lines for value in line.points.values()))
    drawn = "".join(_drawn(line, moments, top, colour) for line, colour in _coloured(lines))
    legend = "".join(
        f'<span><b style="color:{colour}">■</b> {escape(f"{line.metric} {line.of}".strip())} '
        f"<b>{_number(line.points[max(line.points)])}</b></span>"
        for line, colour in _coloured(lines)
    )
    return (
        f"<figure><h2>{escape(name)} <small>({what})</small></h2>"
        f'<svg width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{escape(name)}">'
        f"{''.join(_grid(moments, top))}{drawn}</svg><figcaption>{legend}</figcaption></figure>"
    )


def _coloured(lines: Sequence[Line]) -> Iterator[tuple[Line, str]]:
    return ((line, COLOURS[number % len(COLOURS)]) for number, line in enumerate(lines))


def _ceiling(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, ... at or above the value; 1 for nothing."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(max(value, SMALLEST)))
    return next(step * power for step in STEPS if step * power >= value)


def _x(moment: datetime, moments: Sequence[datetime]) -> float:
    span = (moments[-1] - moments[0]).total_seconds() or 1.0
    return LEFT + 8 + (WIDTH - LEFT - 20) * (moment - moments[0]).total_seconds() / span


def _y(value: float, top: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top)


def _number(value: float) -> str:
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"  # noqa: PLR2004  # four digits are enough for an eye


def _grid(moments: Sequence[datetime], top: float) -> Iterator[str]:
    for part in (0.0, 0.5, 1.0):
        height = _y(part * top, top)
        yield f'<line x1="{LEFT}" x2="{WIDTH}" y1="{height:.1f}" y2="{height:.1f}" stroke="#e2e5ea"/>'
        yield f'<text x="{LEFT - 6}" y="{height + 3:.1f}" text-anchor="end">{part * top:,.6g}</text>'
    middle = moments[0] + (moments[-1] - moments[0]) / 2
    for moment, anchor in ((moments[0], "start"), (middle, "middle"), (moments[-1], "end")):
        yield f'<text x="{_x(moment, moments):.1f}" y="{HEIGHT - 6}" text-anchor="{anchor}">{moment:%H:%M}</text>'


def _drawn(line: Line, moments: Sequence[datetime], top: float, colour: str) -> str:
    places = [(_x(moment, moments), _y(value, top)) for moment, value in sorted(line.points.items())]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>' for x, y in places)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>{dots}'
