"""Where lineage goes: in order, with its token and nobody else's eyes on it; what is away disturbs nobody."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from ledgerlake.aws import Aws
from ledgerlake.errors import ConfigurationError
from ledgerlake.settings import Settings
from streaming_jobs.lineage_sink import WAITING, Endpoint, Sink, nowhere, sink
from streaming_jobs.lineage_token import Bearer, bearer
from tests.endpoint import endpoint
from tests.unit.test_requests import SETTINGS

LOCAL = replace(SETTINGS, endpoint_url="http://127.0.0.1:9", lineage_token="env:TOKEN")


def test_an_endpoint_gets_every_event_in_order_also_after_it_was_busy() -> None:
    with endpoint(503, 200, 201) as (url, received):
        there = Endpoint(url, pause=0.01)
        there.take('{"n": 1}')
        there.take('{"n": 2}')
        there.waiting.join()
    assert [each.body for each in received] == [b'{"n": 1}', b'{"n": 1}', b'{"n": 2}']
    assert {each.authorization for each in received} == {None}


def test_an_endpoint_that_is_away_holds_nobody_up_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    there = Endpoint("http://127.0.0.1:9/api/v1/lineage", pause=0.01)
    began = time.monotonic()
    there.take("{}")
    assert time.monotonic() - began < 0.1
    there.waiting.join()
    assert "lineage was not delivered to http://127.0.0.1:9" in caplog.text


def test_a_queue_without_room_gives_up_the_event_and_does_not_wait(caplog: pytest.LogCaptureFixture) -> None:
    there = Endpoint("http://127.0.0.1:9/api/v1/lineage", pause=60)
    began = time.monotonic()
    for _ in range(WAITING + 3):
        there.take("{}")
    assert time.monotonic() - began < 2
    assert "does not keep up" in caplog.text


def test_a_file_gets_a_line_for_each_event_and_a_folder_that_is_missing_fails_nothing(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    take = _sink(replace(SETTINGS, lineage=str(tmp_path / "lineage.jsonl")))
    take('{"n": 1}')
    take('{"n": 2}')
    assert (tmp_path / "lineage.jsonl").read_text() == '{"n": 1}\n{"n": 2}\n'
    _sink(replace(SETTINGS, lineage=str(tmp_path / "missing" / "file")))("{}")
    assert "lineage was not written" in caplog.text


def test_without_a_setting_nothing_is_collected() -> None:
    assert _sink(SETTINGS) is nowhere


def _sink(settings: Settings, **environ: str) -> Sink:
    return sink(Aws(settings), environ)


def test_a_token_of_the_environment_goes_with_every_event_and_is_told_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    with endpoint(200, 500, 500, 500) as (url, received):
        settings = replace(LOCAL, lineage=url)
        there = Endpoint(url, bearer(Aws(settings), {"TOKEN": " s3cret\n"}), pause=0.01)
        there.take("{}")
        there.take("{}")
        there.waiting.join()
    assert [each.authorization for each in received] == ["Bearer s3cret"] * 4
    assert "500" in caplog.text
    assert "s3cret" not in caplog.text + repr(there) + repr(settings.to_mapping())


def test_a_token_that_is_refused_is_read_again() -> None:
    tokens = iter(["old", "new"])
    with endpoint(401, 200, 200) as (url, received):
        there = Endpoint(url, Bearer(lambda: next(tokens)), pause=0.01)
        there.take("{}")
        there.take("{}")
        there.waiting.join()
    assert [each.authorization for each in received] == ["Bearer old", "Bearer new", "Bearer new"]


def test_a_token_does_not_follow_a_redirection() -> None:
    with endpoint(200) as (elsewhere, there), endpoint(302, Location=elsewhere) as (url, here):
        sent = Endpoint(url, Bearer(lambda: "s3cret"), pause=0.01)
        sent.take("{}")
        sent.waiting.join()
    assert [each.authorization for each in here] == ["Bearer s3cret"]
    assert [each.authorization for each in there] == [None]


@pytest.mark.parametrize("token", ["", "two words", "a\r\nX-Injected: b", "mot-clé"])
def test_a_token_that_cannot_stand_in_a_header_is_logged_without_itself(
    token: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    there = Endpoint("http://127.0.0.1:9/api/v1/lineage", Bearer(lambda: token), pause=0.01)
    there.take("{}")
    there.waiting.join()
    assert "must be one word of printable ASCII" in caplog.text
    assert not token or token not in caplog.text


def test_a_token_that_is_missing_or_would_be_seen_by_everybody_stops_the_start() -> None:
    with pytest.raises(ConfigurationError, match="TOKEN is not set, and LEDGERLAKE_LINEAGE_TOKEN=env:TOKEN"):
        _sink(replace(LOCAL, lineage="http://127.0.0.1:9"))
    with pytest.raises(ConfigurationError, match="must begin with https://"):
        _sink(replace(LOCAL, endpoint_url=None, lineage="http://lineage.example"), TOKEN="s3cret")
