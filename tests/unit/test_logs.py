"""A log line is one JSON object that names the upload it concerns."""

from __future__ import annotations

import json
import logging
import sys

from hypothesis import given
from hypothesis import strategies as st

from ledgerlake.events import UploadEvent
from ledgerlake.logs import JsonLine, about
from tests.unit.test_metrics import MOMENT

EVENT = UploadEvent("payments", 7, "01990000-0000-7000-8000-000000000000", 12, MOMENT)


def _record(message: str, **members: object) -> logging.LogRecord:
    return logging.makeLogRecord({"name": "ingestion.app", "levelname": "INFO", "msg": message, **members})


def test_a_line_names_the_upload_that_it_concerns() -> None:
    line = json.loads(JsonLine().format(_record("granted", created=MOMENT.timestamp(), **about(EVENT))))
    assert line == {
        "at": "2026-03-31T12:00:00.250000Z",
        "level": "INFO",
        "logger": "ingestion.app",
        "message": "granted",
        "upload_id": EVENT.upload_id,
        "dataset": "payments",
        "seq": 7,
    }


def test_a_failure_has_its_traceback_in_the_same_line() -> None:
    try:
        json.loads("{")
    except ValueError:
        text = JsonLine().format(_record("failed", exc_info=sys.exc_info()))
    assert "\n" not in text
    assert "JSONDecodeError: " in json.loads(text)["error"]


@given(st.text())
def test_whatever_a_message_holds_it_stays_one_line_of_ascii(message: str) -> None:
    text = JsonLine().format(_record("%s", args=(message,)))
    assert text.isascii()
    assert len(text.splitlines()) == 1
    assert json.loads(text)["message"] == message
