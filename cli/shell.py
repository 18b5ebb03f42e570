"""What every command is handed (`Shell`), and what it answers (`Reply`)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from functools import cached_property
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from cli.services import API_URL
from cli.state import State
from ledgerlake.aws import Aws
from ledgerlake.errors import ConfigurationError
from ledgerlake.settings import Settings

INSTALLATION = "LEDGERLAKE_RAW_BUCKET"
"""The setting that every installation has and no other shares."""


class Exit(IntEnum):
    """What a script learns from a command; part of the interface."""

    OK = 0
    FAILED = 1  # the answer is no: a file was rejected, a contract is wrong, a check failed
    USAGE = 2  # the command line is wrong
    CONFIGURATION = 3  # a setting is missing, or the cloud does not run
    TRY_AGAIN = 4  # a system was unreachable, slow or busy


@dataclass(frozen=True, slots=True)
class Lines:
    """An answer too long to be kept: `--json` prints each value on a line of its own, as it comes."""

    values: Iterable[Any]


@dataclass(frozen=True, slots=True)
class Verbatim:
    """A text that is printed as it is, for another program or a file."""

    text: str


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer of a command: `data` for `--json`, `shown` for people, and what they may want to do next."""

    data: Any
    shown: RenderableType | Verbatim = ""
    hints: Sequence[str] = ()
    exit: Exit = Exit.OK


@dataclass(frozen=True)
class Shell:
    """Where a command runs: its state folder, its environment, and a console for progress (never for answers)."""

    root: Path
    environ: Mapping[str, str]
    progress: Console = field(default_factory=lambda: Console(stderr=True))

    @cached_property
    def state(self) -> State:
        """The embedded cloud of this folder."""
        return State(self.root)

    @cached_property
    def env(self) -> dict[str, str]:
        """What `up` wrote, overruled by the environment, but for AWS: keys of an account do not open the local cloud.

        An environment that names an installation of its own is used alone.
        """
        local = self.state.env()
        if INSTALLATION in self.environ or not local:
            return dict(self.environ)
        return {**local, **{name: value for name, value in self.environ.items() if not name.startswith("AWS_")}}

    @cached_property
    def settings(self) -> Settings:
        """The settings; a cloud that was never started is named as the reason where they are missing."""
        try:
            settings = Settings.from_mapping(self.env)
        except ConfigurationError as error:
            if self.state.env():
                raise
            raise ConfigurationError(f"{error}\nSet them, or start a cloud on this machine: ledgerlake up") from error
        keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "JAVA_HOME")
        os.environ.update({name: self.env[name] for name in keys if name in self.env})
        return settings

    @cached_property
    def aws(self) -> Aws:
        """Clients with these settings."""
        return Aws(self.settings)

    @property
    def api_url(self) -> str:
        """Where the upload API answers."""
        if API_URL not in self.env:
            raise ConfigurationError(f"{API_URL} is not set; start the local API with `ledgerlake up`, or name another")
        return self.env[API_URL]

    @contextmanager
    def working(self, what: str) -> Iterator[None]:
        """Shows that something longer goes on, and for how long; a line where nobody watches."""
        if not self.progress.is_terminal:
            self.progress.print(what, highlight=False)
            yield
            return
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=self.progress, transient=True) as progress:
            progress.add_task(what, total=None)
            yield


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """A readable table; numbers stand to the right, nothing is shown as a blank."""
    shown = [[cell_text(cell) for cell in row] for row in rows]
    made = Table(title=title or None, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for position, column in enumerate(columns):
        cells = [row[position] for row in shown if row[position]]
        numeric = bool(cells) and all(_is_number(cell) for cell in cells)
        made.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in shown:
        made.add_row(*row)
    return made


def cell_text(cell: object) -> str:
    """A value as tables show it: times in UTC to the second, nothing as a blank."""
    if isinstance(cell, datetime):
        return f"{cell.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
    return "" if cell is None else str(cell)


def _is_number(text: str) -> bool:
    return text.replace(",", "").replace(".", "", 1).lstrip("+-").isdigit()
