"""What a check finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cli.shell import Shell


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what it found, and what to do if that is not good."""

    check: str
    good: bool
    found: str
    fix: str = ""


Check = Callable[[Shell], Finding]
