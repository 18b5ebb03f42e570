"""One subcommand of `ledgerlake`: its words, its arguments, and the function that answers."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import dataclass

from cli.shell import Reply, Shell


def _nothing(_: ArgumentParser) -> None:
    """A command without arguments of its own."""


@dataclass(frozen=True, slots=True)
class Command:
    """`name` may be two words (`tables plan`); `run` returns what `--json` prints and what people see."""

    name: str
    help: str
    run: Callable[[Shell, Namespace], Reply]
    arguments: Callable[[ArgumentParser], None] = _nothing
