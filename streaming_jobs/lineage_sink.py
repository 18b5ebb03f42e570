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
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from ledgerlake.aws import Aws
from ledgerlake.errors import LedgerlakeError
from streaming_jobs.lineage_token import Bearer, bearer

Sink = Callable[[str], None]
"""Takes one event, as JSON text, and returns at once."""

WAITING = 1000
ATTEMPTS = 3
TIMEOUT = 10.0

logger = logging.getLogger(__name__)


def nowhere(_: str) -> None:
    """For those who do not collect lineage."""


def sink(aws: Aws, environ: Mapping[str, str]) -> Sink:
    """The sink that the settings name; `environ` may hold the token of an endpoint.

    Raises:
        ConfigurationError: as `bearer`.
    """
    where = aws.settings.lineage
    if where is None:
        return nowhere
    if where.startswith(("http://", "https://")):
        return Endpoint(where, bearer(aws, environ)).take
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
    bearer: Bearer | None = None
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
        for attempt in range(ATTEMPTS):
            time.sleep(self.pause * attempt)
            try:
                with urlopen(self._request(event), timeout=TIMEOUT):  # noqa: S310  # http(s): see sink
                    return
            except (OSError, HTTPException, LedgerlakeError) as error:  # away, an HTTP status, not HTTP, no token
                reason = error
                if self.bearer and isinstance(error, HTTPError) and error.code == HTTPStatus.UNAUTHORIZED:
                    self.bearer.refused()
        logger.warning("lineage was not delivered to %s: %s", self.url, reason)

    def _request(self, event: str) -> Request:
        headers = {"Content-Type": "application/json"}
        request = Request(self.url, data=event.encode(), headers=headers, method="POST")  # noqa: S310  # as above
        if self.bearer:
            request.add_unredirected_header("Authorization", self.bearer.header())  # not for whoever it redirects to
        return request
