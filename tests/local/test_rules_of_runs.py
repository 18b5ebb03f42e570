"""Rules that look into other tables: by versions that are said, and that a crash does not change."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli.main import main
from cli.shell import Exit
from ledgerlake.errors import ConfigurationError
from streaming_jobs.rejudge import judge_again
from tests.books import Books
from tests.conftest import Cloud
from tests.shapes import reasons
from tests.trades import accept_accounts, accounts, to_file, trades
from validation.rules import rules_sha256


class TakenOver:
    """A lease that another driver has taken: the run stops before its commit."""

    def check(self) -> None:
        raise InterruptedError


def test_a_run_cut_short_is_judged_again_by_the_same_versions(fresh_cloud: Cloud) -> None:
    known = Books(fresh_cloud.settings, fresh_cloud.aws, accounts())
    books = Books(fresh_cloud.settings, fresh_cloud.aws, trades())
    accept_accounts(known, "A")
    books.accept(to_file([("T1", "A", "J1", "", 1, 1), ("T2", "B", "J2", "", 1, 1)]))
    before = known.version()
    with pytest.raises(InterruptedError):
        books.apply(1, 1, TakenOver())
    accept_accounts(known, "B")
    (outcome,) = books.apply(1, 1)
    assert (outcome.merged, outcome.quarantined) == (1, 1)
    assert outcome.reference_versions == {"accounts": before, "trades": 0}
    assert [row["trade"] for row in books.rows()] == ["T1"]
    books.accept(to_file([("T3", "B", "J3", "", 1, 1)]))
    (later,) = books.apply(2, 2)
    assert (later.merged, later.reference_versions["accounts"]) == (1, known.version())


def test_a_table_that_a_rule_names_must_exist(fresh_cloud: Cloud) -> None:
    books = Books(fresh_cloud.settings, fresh_cloud.aws, trades())
    books.accept(to_file([("T1", "A", "J1", "", 1, 1)]))
    with pytest.raises(ConfigurationError, match=r"there is no table .*/accounts"):
        books.apply(1, 1)


def test_an_upload_is_judged_again_as_it_was_then_or_by_another_contract(fresh_cloud: Cloud) -> None:
    known = Books(fresh_cloud.settings, fresh_cloud.aws, accounts())
    books = Books(fresh_cloud.settings, fresh_cloud.aws, trades())
    accept_accounts(known, "A")
    manifest = books.accept(
        to_file([("T1", "A", "J1", "", 1, 1), ("T2", "B", "J2", "", 1, 1), ("T3", "A", "J3", "", 1, 2)])
    )
    (outcome,) = books.apply(1, 1)
    accept_accounts(known, "B")  # later, and therefore too late for the first
    again = judge_again(books.lake(), manifest, outcome, books.contract)
    assert outcome.rules_sha256 == rules_sha256(books.contract)
    assert reasons(again) == [(3, "foreign_key", "account"), (4, "balanced", None)]
    assert (again.accepted.num_rows, again.quarantined.num_rows) == (outcome.merged, outcome.quarantined)
    lenient = trades(severity="warning")
    assert reasons(judge_again(books.lake(), manifest, outcome, lenient)) == [(3, "foreign_key", "account")]
    now = judge_again(books.lake(), manifest, replace(outcome, reference_versions={}), books.contract)
    assert reasons(now) == [(2, "new_to_table", None), (4, "balanced", None)]


def test_somebody_may_ask_what_todays_rules_say_of_an_upload(
    fresh_cloud: Cloud, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = Books(fresh_cloud.settings, fresh_cloud.aws, accounts())
    books = Books(fresh_cloud.settings, fresh_cloud.aws, trades())
    accept_accounts(known, "A")
    manifest = books.accept(to_file([("T1", "A", "J1", "", 1, 1), ("T2", "A", "J2", "", 1, 2)]))
    (outcome,) = books.apply(1, 1)
    before = books.version(), books.version("quarantine"), books.version("uploads")
    lenient = trades(severity="warning")
    (tmp_path / "other").mkdir()
    for name, contract in (("trades", books.contract), ("other/lenient", lenient)):
        (tmp_path / f"{name}.yaml").write_text(contract.text)
    environ = {**fresh_cloud.env, "LEDGERLAKE_CONTRACTS": str(tmp_path)}

    def asked(*more: str) -> tuple[int, dict[str, Any]]:
        ended = main(["rejudge", manifest.upload_id, *more, "--json", "--state", str(tmp_path)], environ)
        return ended, json.loads(capsys.readouterr().out)

    ended, said = asked()
    assert (ended, said["then"]["quarantined"], said["now"]["quarantined"]) == (Exit.OK, 1, 1)
    assert said["now"]["refused"] == {"balanced": 1}
    assert {each["rules_sha256"] for each in said.values()} == {outcome.rules_sha256}
    ended, said = asked("--contract", str(tmp_path / "other" / "lenient.yaml"))
    assert (ended, said["now"]["quarantined"]) == (Exit.FAILED, 0)
    assert said["now"]["warnings"]["balanced"] == 1
    assert said["now"]["contract_sha256"] == lenient.sha256
    broken = books.contract.text.replace("encodings: [utf-8]", "encodings: [utf-16]")
    (tmp_path / "other" / "broken.yaml").write_text(broken)
    ended, said = asked("--contract", str(tmp_path / "other" / "broken.yaml"))
    assert (ended, said["now"]["state"], said["now"]["held"][0].partition(":")[0]) == (Exit.FAILED, "held", "encoding")
    assert before == (books.version(), books.version("quarantine"), books.version("uploads"))


@pytest.mark.parametrize("upload_id", ["march", "019a0000-0000-7000-8000-000000000000"])
def test_what_was_never_judged_cannot_be_judged_again(fresh_cloud: Cloud, tmp_path: Path, upload_id: str) -> None:
    ended = main(["rejudge", upload_id, "--json", "--state", str(tmp_path)], fresh_cloud.env)
    assert ended == Exit.CONFIGURATION
