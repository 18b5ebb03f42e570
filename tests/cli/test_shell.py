"""Which settings a command gets: of the local cloud, unless the environment names an installation."""

from __future__ import annotations

from pathlib import Path

from cli.main import main
from cli.shell import Exit, Shell
from cli.state import State

LOCAL = {"AWS_ACCESS_KEY_ID": "local", "LEDGERLAKE_RAW_BUCKET": "ours", "LEDGERLAKE_POLL_MILLIS": "100"}


def _shell(folder: Path, **environ: str) -> Shell:
    State(folder).save_env(LOCAL)
    return Shell(folder, environ)


def test_without_an_environment_the_local_cloud_is_meant(tmp_path: Path) -> None:
    assert _shell(tmp_path).env == LOCAL


def test_a_setting_of_the_environment_overrules_the_local_one(tmp_path: Path) -> None:
    assert _shell(tmp_path, LEDGERLAKE_POLL_MILLIS="7").env["LEDGERLAKE_POLL_MILLIS"] == "7"


def test_keys_of_an_account_do_not_reach_the_local_cloud(tmp_path: Path) -> None:
    assert _shell(tmp_path, AWS_ACCESS_KEY_ID="real").env["AWS_ACCESS_KEY_ID"] == "local"


def test_an_environment_that_names_an_installation_is_used_alone(tmp_path: Path) -> None:
    theirs = {"LEDGERLAKE_RAW_BUCKET": "theirs", "AWS_ACCESS_KEY_ID": "real"}
    assert _shell(tmp_path, **theirs).env == theirs


def test_what_is_missing_has_an_exit_code_of_its_own(tmp_path: Path) -> None:
    assert main(["query", "SELECT 1", "--state", str(tmp_path)], {}) == Exit.CONFIGURATION
    assert main(["history", "payments", "--json", "--state", str(tmp_path)], {}) == Exit.CONFIGURATION


def test_wrong_contracts_are_a_no(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("apiVersion: v3.2.0\n")
    assert main(["contracts", "lint", str(tmp_path), "--state", str(tmp_path)], {}) == Exit.FAILED


def test_good_contracts_are_a_yes(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    assert main(["contracts", "lint", str(root / "contracts"), "--state", str(tmp_path)], {}) == Exit.OK
