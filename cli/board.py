"""Live progress of uploads: a table that changes where somebody watches, else a line for each change of state."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live

from cli.uploads import listing, seconds, state
from ingestion.client import Json


class Board:
    """Shows uploads while they travel; use as a context."""

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._title = title
        self._uploads: dict[str, Json] = {}
        self._live = Live(console=console, transient=True, refresh_per_second=8)

    def __enter__(self) -> Self:
        self._console.print(self._title)
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def saw(self, upload: Json) -> None:
        """Takes the upload as it was just seen."""
        before = self._uploads.get(upload["upload_id"])
        self._uploads[upload["upload_id"]] = upload
        if self._console.is_terminal:
            self._live.update(listing("", self._uploads.values()))
        elif before is None or before["state"] != upload["state"]:
            took = seconds(upload)
            after = f" {took:.1f} s after it landed" if took is not None else ""
            self._console.print(f"  {upload['file_name']}: {state(upload)}{after}", highlight=False)
