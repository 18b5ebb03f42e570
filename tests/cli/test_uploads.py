"""What the API says of an upload, and how it looks on the command line."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from cli.uploads import whole
from ingestion.bodies import UploadBody
from ingestion.row import Row
from ingestion.values import Grant
from ledgerlake.events import Outcome

NOTE = "line 3 is read as cp1252: byte 0xe9 cannot be read as utf-8"


def _body(grant: Grant, outcome: Outcome) -> dict[str, Any]:
    row = Row("u", {"grant": grant.to_json(), "outcome": outcome.to_json()})
    body = UploadBody.of(row)
    assert body is not None
    return body.model_dump()


def _shown(body: dict[str, Any]) -> str:
    text = io.StringIO()
    Console(file=text, width=200).print(whole(body))
    return text.getvalue()


def test_what_had_to_be_decided_to_read_a_file_is_shown_to_who_asks_for_its_status() -> None:
    now = datetime(2026, 3, 31, tzinfo=UTC)
    grant = Grant("books", "u", "1.csv", 1, "0" * 64, "text/csv", "acme", "ann", "127.0.0.1", None, {}, now, None)
    outcome = Outcome("books", 1, "u", "applied", 1, 1, 0, 0, 0, {}, [], "0" * 64, "1.0.0", now, 1)
    assert _body(grant, outcome)["outcome"]["notes"] == {}
    plain = _shown(_body(grant, outcome))
    assert "applied" in plain
    assert "note" not in plain
    told = _body(grant, replace(outcome, notes={"cp1252": NOTE}))
    assert told["outcome"]["notes"] == {"cp1252": NOTE}
    assert NOTE in _shown(told)
