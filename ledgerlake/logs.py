"""Structured logs: one JSON object a line, alike in every process, so that one search for an `upload_id` finds all."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from ledgerlake.clock import to_text

FIELDS = ("upload_id", "dataset", "seq")
"""What a line says of the upload that it concerns, beside its words."""

TALKATIVE = ("botocore", "py4j", "urllib3")


def about(value: object) -> dict[str, object]:
    """The `extra` of a line that concerns this value: a grant, manifest, rejection, event or outcome."""
    return {name: getattr(value, name) for name in FIELDS if hasattr(value, name)}


class JsonLine(logging.Formatter):
    """A record as one line of JSON: `at`, `level`, `logger`, `message`; `FIELDS` and `error` where there are any."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, in ASCII, so that it can be written anywhere."""
        members: dict[str, object] = {
            "at": to_text(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **about(record),
        }
        if record.exc_info:
            members["error"] = self.formatException(record.exc_info)
        return json.dumps(members)


def structured() -> None:
    """Makes every line of this process one of JSON; for entry points, before they do anything else.

    In Lambda the runtime's own handler stays, which knows where lines go.
    """
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.StreamHandler(sys.stderr))
    for handler in root.handlers:
        handler.setFormatter(JsonLine())
    root.setLevel(logging.INFO)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
