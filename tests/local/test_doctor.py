"""The doctor of a local lake: well where all is well, and each fault by its name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from cli import services
from cli.main import main
from cli.prepare import contracts, prepare
from cli.resources import dead_letter_url
from cli.shell import Exit
from cli.state import State
from tests.conftest import Cloud


@pytest.fixture
def env(fresh_cloud: Cloud, tmp_path: Path) -> Iterator[Mapping[str, str]]:
    state = State(tmp_path)
    try:
        yield {**fresh_cloud.env, services.API_URL: services.start_api(state, fresh_cloud.env)}
    finally:
        services.stop_service(state, "api")


def faults(env: Mapping[str, str], capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    capsys.readouterr()
    code = main(["doctor", "--json"], env)
    found = {each["check"]: each["fix"] for each in json.loads(capsys.readouterr().out) if not each["good"]}
    assert code == (Exit.FAILED if found else Exit.OK)
    return found


def test_a_lake_without_tables_is_told_how_to_make_them_and_is_well_then(
    fresh_cloud: Cloud,
    env: Mapping[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert faults(env, capsys) == dict.fromkeys(("tables", "catalog"), "ledgerlake tables apply")
    prepare(fresh_cloud.settings, fresh_cloud.aws, contracts(fresh_cloud.settings, fresh_cloud.aws))
    assert faults(env, capsys) == {}
    url = dead_letter_url(fresh_cloud.settings.landing_queue_url)
    fresh_cloud.aws.sqs.send_message(QueueUrl=url, MessageBody="?")
    assert "the sweeper then admits" in faults(env, capsys)["dead letters"]
    gone = {**env, services.API_URL: "http://127.0.0.1:9", "LEDGERLAKE_LEDGER_TABLE": "another"}
    assert faults(gone, capsys).keys() == {"dead letters", "ledger", "waiting", "upload API"}
