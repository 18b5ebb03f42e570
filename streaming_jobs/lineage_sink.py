"""Where lineage goes: a file, an HTTP endpoint, or nowhere. None of them can hold up or fail a commit.

A file gets a line for each event. To an endpoint a thread of its own sends them, in order, from a bounded queue: what
cannot be delivered in a few attempts, or finds the queue full, is logged and given up. The commits have it all, so
lineage can be told again.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from urllib.request import Request, urlopen

from ledgerlake.settings import Settings

Sink = Callable[[str], None]
"""Takes one event, as JSON text, and returns at once."""

WAITING = 1000
ATTEMPTS = 3
TIMEOUT = 10.0

logger = logging.getLogger(__name__)


def nowhere(_: str) -> None:
    """For those who do not collect lineage."""


def sink(settings: Settings) -> Sink:
    """The sink that the settings name."""
    where = settings.lineage
    if where is None:
        return nowhere
    if where.startswith(("http://", "https://")):
        return Endpoint(where).take
    return _file(Path(where))


def _file(path: Path) -> Sink:
    def take(event: str) -> None:
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(event + "\n")
        except OSError as error:
            logger.warning("lineage was not written: %s", error)

    return take


@dataclass(frozen=True)
class Endpoint:
    """An OpenLineage endpoint, for example `https://host/api/v1/lineage`; attempts wait `pause` seconds longer each."""

    url: str
    pause: float = 1.0
    waiting: queue.Queue[str] = field(default_factory=lambda: queue.Queue(WAITING))

    def __post_init__(self) -> None:
        threading.Thread(target=self._send_all, name="lineage", daemon=True).start()

    def take(self, event: str) -> None:
        """Puts the event into the queue, if it has room."""
        try:
            self.waiting.put_nowait(event)
        except queue.Full:
            logger.warning("lineage is given up: %s does not keep up", self.url)

    def _send_all(self) -> None:
        while True:
            self._send(self.waiting.get())
            self.waiting.task_done()

    def _send(self, event: str) -> None:
        headers = {"Content-Type": "application/json"}
        request = Request(self.url, data=event.encode(), headers=headers, method="POST")  # noqa: S310  # http(s): see sink
        for attempt in range(ATTEMPTS):
            time.sleep(self.pause * attempt)
            try:
                with urlopen(request, timeout=TIMEOUT):  # noqa: S310  # as above
                    return
            except (OSError, HTTPException) as error:  # refused, timed out, an HTTP status, or not HTTP
                reason = error
        logger.warning("lineage was not delivered to %s: %s", self.url, reason)
