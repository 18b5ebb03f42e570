"""The error tree: each class changes what somebody does next.

A message says what was given, what is accepted and what to do. Whether to retry is decided by type:
only `TransientError` is retried.
"""

from __future__ import annotations

from dataclasses import dataclass


class LedgerlakeError(Exception):
    """Anything this product refuses or cannot do; catch this at an entry point."""


class ConfigurationError(LedgerlakeError):
    """The operator must change a setting or the installation; retrying cannot help."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a text a person wrote: where it is, what it is, how to mend it."""

    where: str
    message: str
    fix: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}. {self.fix}"


class ContractError(LedgerlakeError):
    """The owner of a contract must change it; holds every problem found, not only the first."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class RejectedError(LedgerlakeError):
    """The uploader must send another file; `check` names the file check that refused it."""

    def __init__(self, check: str, message: str) -> None:
        super().__init__(message)
        self.check = check
        self.message = message


class TransientError(LedgerlakeError):
    """A system was unreachable, slow or busy: the same step, run again, may succeed."""


class ConservationError(LedgerlakeError):
    """The parts of a file do not add up to it: an error of this program, for its maker; nothing was committed."""


class HistoryError(LedgerlakeError):
    """The version or time asked for is not (or no longer) in the table's history."""
