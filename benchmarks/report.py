"""How a benchmark speaks: measured rows, each with its ratio to the first that it is compared with."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of one way to do the work, once for each repetition."""

    name: str
    seconds: tuple[float, ...]

    @property
    def p50(self) -> float:
        """The median."""
        return statistics.median(self.seconds)

    @property
    def p95(self) -> float:
        """The 95th percentile, by the nearest rank."""
        return sorted(self.seconds)[max(0, -(-len(self.seconds) * 95 // 100) - 1)]


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds by the clock, and of this process's CPU, which other processes of the machine disturb less."""

    wall: float
    cpu: float


def took(step: Callable[[], object]) -> Took:
    """What a step takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    step()
    return Took(time.perf_counter() - wall, time.process_time() - cpu)


def say(text: str) -> None:
    """Progress, at once."""
    print(f"  {text}", file=sys.stderr, flush=True)


def show(title: str, measured: Sequence[Measured], *, against: str) -> None:
    """A table of medians, 95th percentiles and ratios of medians: how many times `against` each one takes."""
    base = next(each for each in measured if each.name == against)
    width = max(len(each.name) for each in measured)
    print(f"\n{title}\n{'':{width}}  {'p50 s':>8}  {'p95 s':>8}  {f'x of {against}':>{len(against) + 5}}")
    for each in measured:
        print(f"{each.name:{width}}  {each.p50:8.3f}  {each.p95:8.3f}  {each.p50 / base.p50:{len(against) + 5}.2f}")
    sys.stdout.flush()


def grid(title: str, corner: str, lines: Mapping[str, Sequence[Measured]]) -> None:
    """A line for each case with the medians of all ways, and how many times the first one each other takes."""
    names = [each.name for each in next(iter(lines.values()))]
    print(f"\n{title}\n{corner}  " + "  ".join(f"{name:>16}" for name in names))
    for case, measured in lines.items():
        first = measured[0].p50
        cells = [f"{each.p50:7.2f} ({each.p50 / first:5.1f}x)" for each in measured]
        print(f"{case}  " + "  ".join(f"{cell:>16}" for cell in cells))
    sys.stdout.flush()
