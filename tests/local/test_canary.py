"""The canary sends a row as a client would, finds it again, and says so when it does not."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ingestion import token
from ingestion.canary import beat
from ingestion.handlers.canary import build
from ledgerlake.clock import utc_now
from ledgerlake.errors import ConfigurationError, LedgerlakeError, TransientError
from tests.conftest import Cloud
from tests.endpoint import Sent, endpoint
from tests.journey import Journey, journey
from tests.local.clients import CONTEXT


@pytest.fixture
def running(fresh_cloud: Cloud, tmp_path: Path) -> Iterator[Journey]:
    with journey(fresh_cloud.env, tmp_path) as made:
        yield made


def test_every_beat_is_found_and_the_table_keeps_the_last_of_each_canary(running: Journey) -> None:
    lines: list[str] = []
    settings = replace(running.lake.settings, api_url=running.client.url)
    with running.applying():
        first = build(settings, running.lake.aws, emit=lines.append)({}, CONTEXT)
        second = build(settings, running.lake.aws, emit=lines.append, source="other")({}, CONTEXT)
        third = build(settings, running.lake.aws, emit=lines.append)({}, CONTEXT)
    assert len({first["upload_id"], second["upload_id"], third["upload_id"]}) == 3
    rows = running.rows("SELECT source, beat FROM canary ORDER BY source")
    assert rows == [{"source": "other", "beat": second["beat"]}, {"source": "schedule", "beat": third["beat"]}]
    measured = [json.loads(line) for line in lines]
    assert [each["canary_failures"] for each in measured] == [0, 0, 0]
    assert [each["canary_seconds"] for each in measured] == [each["seconds"] for each in (first, second, third)]


def test_a_row_that_no_stream_applies_is_a_failure(running: Journey) -> None:
    with pytest.raises(TransientError, match=r"is still (accepted|granted) after"):
        beat(running.lake.settings, running.client, utc_now, "schedule", patience=0.5)


def test_a_canary_without_an_api_counts_a_failure_and_says_what_to_set(fresh_cloud: Cloud) -> None:
    lines: list[str] = []
    for url, reason in ((None, "LEDGERLAKE_API_URL is not set"), ("http://127.0.0.1:9", "nothing answers at")):
        settings = replace(fresh_cloud.settings, api_url=url)
        with pytest.raises(ConfigurationError, match=reason):
            build(settings, fresh_cloud.aws, emit=lines.append)({}, CONTEXT)
    assert [json.loads(line)["canary_failures"] for line in lines] == [1, 1]


def _secret(cloud: Cloud, text: str) -> str:
    return str(cloud.aws.secretsmanager.create_secret(Name=cloud.settings.ledger_table, SecretString=text)["ARN"])


def test_where_the_api_wants_a_token_the_canary_fetches_one(fresh_cloud: Cloud) -> None:
    with endpoint(200, body=b'{"access_token": "T"}') as (issuer, asked), endpoint(401) as (api, called):
        members = {"token_url": f"{issuer}/oauth2/token", "client_id": "canary:1", "client_secret": "s", "scope": "up"}
        secret = _secret(fresh_cloud, json.dumps(members))
        settings = replace(fresh_cloud.settings, api_url=api, canary_secret=secret)
        with pytest.raises(LedgerlakeError, match="401"):
            build(settings, fresh_cloud.aws, emit=lambda _: None)({}, CONTEXT)
    basic = base64.b64encode(b"canary%3A1:s").decode()
    assert asked == [Sent("/oauth2/token", f"Basic {basic}", b"grant_type=client_credentials&scope=up")]
    assert [(each.path, each.authorization) for each in called] == [("/v1/uploads", "Bearer T")]


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (401, b"", "the issuer refuses the client of the secret .*: 401"),
        (200, b"{}", "has no access_token"),
        (200, b"<html>", "has no access_token"),
    ],
)
def test_an_issuer_that_gives_no_token_is_named(fresh_cloud: Cloud, status: int, body: bytes, reason: str) -> None:
    with endpoint(status, body=body) as (issuer, _):
        members = {"token_url": issuer, "client_id": "c", "client_secret": "s"}
        secret = _secret(fresh_cloud, json.dumps(members))
        with pytest.raises(ConfigurationError, match=reason):
            token.fetch(fresh_cloud.aws, secret)


@pytest.mark.parametrize("text", ["{}", "not JSON", "[]", '{"token_url": 1}'])
def test_a_secret_that_is_incomplete_says_what_it_needs(fresh_cloud: Cloud, text: str) -> None:
    with pytest.raises(ConfigurationError, match="missing: token_url, client_id, client_secret"):
        token.fetch(fresh_cloud.aws, _secret(fresh_cloud, text))


def test_a_secret_of_bytes_is_refused(fresh_cloud: Cloud) -> None:
    name = f"{fresh_cloud.settings.ledger_table}-bytes"
    fresh_cloud.aws.secretsmanager.create_secret(Name=name, SecretBinary=b"{}")
    with pytest.raises(ConfigurationError, match="holds bytes; store it as text"):
        token.fetch(fresh_cloud.aws, name)


def test_a_secret_that_is_missing_is_named(fresh_cloud: Cloud) -> None:
    with pytest.raises(ConfigurationError, match="the secret nobody-made-this cannot be read"):
        token.fetch(fresh_cloud.aws, "nobody-made-this")
