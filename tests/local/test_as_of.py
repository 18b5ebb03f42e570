"""What was believed at one time about another, asked of tables on a real S3 server."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from cli.main import main
from ledgerlake.errors import HistoryError
from tables.bitemporal import Belief, as_of
from tables.key import key_of
from tests.accounts import Accounts, a_contract, a_row
from tests.books import NOON
from tests.conftest import Cloud

JANUARY, FEBRUARY, MARCH = "2026-01-01", "2026-02-01", "2026-03-01"


def names(found: Belief) -> dict[str, str]:
    return {row["id"]: row["name"] for row in found.rows.to_pylist()}


def asked(books: Accounts, *question: Any) -> dict[str, str]:
    return names(as_of(books.contract, books.settings, *question))


@pytest.fixture
def corrected(fresh_cloud: Cloud) -> Accounts:
    """Three files, applied in one commit: a from January, from March; then what it really was in February."""
    books = Accounts(fresh_cloud, a_contract("scd2"))
    files = [[a_row("a", JANUARY, name="first"), a_row("b", JANUARY)], [a_row("a", MARCH, name="third")]]
    late = [a_row("a", FEBRUARY, name="second"), a_row("b", FEBRUARY, op="D")]
    books.put(*files, late)
    return books


def test_a_late_correction_changes_what_we_know_of_the_past_and_not_what_we_knew(corrected: Accounts) -> None:
    assert asked(corrected, 2, FEBRUARY) == {"a": "first", "b": "x"}
    assert asked(corrected, 3, FEBRUARY) == {"a": "second"}
    assert asked(corrected, 1, MARCH) == {"a": "first", "b": "x"}
    assert asked(corrected, None, MARCH) == {"a": "third"}
    assert asked(corrected, None, "2025-12-31") == {}


def test_known_time_is_when_a_file_was_accepted_however_it_was_batched(corrected: Accounts) -> None:
    assert corrected.version() == 1
    for seq in (1, 2, 3):
        accepted = NOON + timedelta(seconds=seq)
        assert as_of(corrected.contract, corrected.settings, accepted).seq == seq
        assert asked(corrected, accepted, FEBRUARY) == asked(corrected, seq, FEBRUARY)
    with pytest.raises(
        HistoryError, match=r"nothing of accounts was known at 2026-03-31T12:00:00.*it has the uploads 1\.\.3"
    ):
        as_of(corrected.contract, corrected.settings, NOON)


def test_what_is_known_now_are_the_rows_of_the_table(corrected: Accounts) -> None:
    believed = as_of(corrected.contract, corrected.settings).rows
    order = [(name, "ascending") for name in ("id", "_valid_from")]
    assert believed.to_pylist() == corrected.table().select(believed.column_names).sort_by(order).to_pylist()


def test_one_key_is_asked_for_by_its_columns(corrected: Accounts) -> None:
    key = key_of(corrected.contract, {"id": "a"})
    assert as_of(corrected.contract, corrected.settings, None, None, key).rows["name"].to_pylist() == [
        "first",
        "second",
        "third",
    ]


def test_an_upload_that_is_not_applied_is_refused_with_those_that_are(corrected: Accounts) -> None:
    for seq in (0, 4):
        with pytest.raises(HistoryError, match=rf"known at upload {seq}: it has the uploads 1\.\.3"):
            as_of(corrected.contract, corrected.settings, seq)
    with pytest.raises(HistoryError, match="--effective='soon' is no date32"):
        as_of(corrected.contract, corrected.settings, None, "soon")


def test_full_states_with_history_are_effective_from_their_acceptance(fresh_cloud: Cloud) -> None:
    books = Accounts(fresh_cloud, a_contract("snapshot", keepHistory="true"))
    for name in ("first", "second"):
        books.put([a_row("a", name=name)])
    first, second = ((NOON + timedelta(seconds=seq)).isoformat() for seq in (1, 2))
    assert asked(books, 1, second) == {"a": "first"}
    assert asked(books, 2, first) == {"a": "first"}
    assert asked(books, 2, second) == {"a": "second"}


def test_a_table_without_effective_time_is_read_as_it_was(fresh_cloud: Cloud) -> None:
    books = Accounts(fresh_cloud, a_contract("upsert"))
    books.put([a_row("a", JANUARY, name="first")])
    books.put([a_row("a", FEBRUARY, name="second")], [a_row("a", MARCH, name="third")])
    assert asked(books, 1) == {"a": "first"}
    assert asked(books) == asked(books, 3) == {"a": "third"}
    with pytest.raises(HistoryError, match=r"no state after upload 2: version 2 applied 2\.\.3 at once"):
        as_of(books.contract, books.settings, 2)
    with pytest.raises(HistoryError, match="the mode scd2 keeps it"):
        as_of(books.contract, books.settings, None, MARCH)


def test_nothing_is_known_before_the_first_upload(fresh_cloud: Cloud) -> None:
    books = Accounts(fresh_cloud, a_contract("scd2"))
    with pytest.raises(HistoryError, match="known at now: it has no upload yet"):
        as_of(books.contract, books.settings)


def test_the_command_answers_in_one_line_and_names_the_belief_before(
    corrected: Accounts, fresh_cloud: Cloud, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "accounts.yaml").write_text(corrected.contract.text, encoding="utf-8")
    env = {**fresh_cloud.env, "LEDGERLAKE_CONTRACTS": str(tmp_path)}
    question = ["as-of", "accounts", "id=a", "--known", "3", "--effective", FEBRUARY, "--state", str(tmp_path)]
    assert main([*question, "--json"], env) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["known_upload"], [row["name"] for row in answer["rows"]]) == (3, ["second"])
    assert main(question, env) == 0
    printed = capsys.readouterr()
    assert "accounts: effective 2026-02-01, known after upload 3" in printed.out
    assert "ledgerlake as-of accounts id=a --known 2 --effective 2026-02-01" in printed.err
    assert main(["as-of", "accounts", "--known", "march", "--state", str(tmp_path)], env) == 3
