"""Rules that look into other tables: by versions that are said, and that a crash does not change."""

from __future__ import annotations

from dataclasses import replace

import pytest

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
