"""The upkeep of tables on a real S3 server: files come and go, and nothing that anybody can ask of a table changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cli.main import main
from ledgerlake.errors import LedgerlakeError, TransientError
from ledgerlake.layout import app_id, table_uri
from ledgerlake.settings import Settings
from streaming_jobs.lake import Lake
from streaming_jobs.lease import acquire
from streaming_jobs.microbatch import catch_up
from streaming_jobs.open_tables import newest
from streaming_jobs.upkeep import EVERY, look_after, maintain, needed
from tables import delta, swap
from tables.feed import changes, span
from tables.history import history
from tables.upkeep import SMALL_FILES, kept_tables, layout_steps
from tests.accounts import Accounts, a_contract, a_row
from tests.conftest import Cloud
from tests.local.failing_s3 import failing_after

SORTED = 3000
"""A target at which the files of these tests are not too small, so that they are sorted and not joined."""


def with_target(cloud: Cloud, target: int) -> Cloud:
    return replace(cloud, settings=replace(cloud.settings, target_file_bytes=target))


def aged(cloud: Cloud, mode: str, *, partitioned: bool = False) -> Accounts:
    """Many small uploads, each with a new key, one that comes again and again, and one that goes."""
    books = Accounts(cloud, a_contract(mode, partitioned=partitioned))
    for number in range(SMALL_FILES):
        day = f"2026-01-{number + 1:02d}"
        rows = [a_row(f"k{number:02d}", day, name="ab"[number % 2]), a_row("a", day, amount=f"{number}.00")]
        gone = [a_row(f"k{number - 3:02d}", day, op="D")] if mode in {"upsert", "scd2"} and number % 3 == 0 else []
        books.put([*rows, *gone])
    return books


def handle(books: Accounts, table: str = "accounts") -> delta.DeltaTable:
    found = delta.open_table(table_uri(books.settings.tables_bucket, table), books.settings)
    assert found is not None
    return found


def answers(books: Accounts, upto: int) -> Mapping[str, Any]:
    """All that can be asked of the past: rows of every version, commits, changes and progress."""
    commits = history(table_uri(books.settings.tables_bucket, "accounts"), books.settings)
    asked = span(books.contract, books.settings, datetime.now(UTC))
    return {
        "rows": books.rows(),
        "as of": [books.rows(version) for version in range(upto + 1)],
        "history": [commit for commit in commits if commit.version <= upto],
        "changes": sorted(
            ((each.version, each.change, str(each.before), str(each.after), each.cause and each.cause.seq))
            for each in changes(books.contract, books.settings, asked)
        ),
        "progress": [delta.applied(handle(books, name), app_id("accounts")) for name in ("accounts", "uploads")],
        "uploads": sorted(books.table("uploads")["seq"].to_pylist()),
    }


@pytest.mark.parametrize(
    ("mode", "partitioned", "target"),
    [("upsert", True, 1 << 20), ("upsert", False, SORTED), ("scd2", False, SORTED), ("append", False, 1 << 20)],
)
def test_upkeep_changes_nothing_that_can_be_asked(
    fresh_cloud: Cloud,
    mode: str,
    target: int,
    *,
    partitioned: bool,
) -> None:
    books = aged(with_target(fresh_cloud, target), mode, partitioned=partitioned)
    before, version, files = answers(books, books.version()), books.version(), delta.files(handle(books))
    done = list(maintain(books.lake(), books.contract))
    assert {each.step.table for each in done} >= {"uploads", *(["accounts__events"] if mode != "append" else [])}
    assert answers(books, version) == before
    assert delta.files(handle(books)) <= files
    assert list(maintain(books.lake(), books.contract)) == []
    books.put([a_row("a", "2026-02-01", amount="77.00")])
    assert len(books.rows()) >= len(before["rows"])
    assert delta.applied(handle(books), app_id("accounts")) == SMALL_FILES + 1


def test_a_partition_of_small_files_becomes_one_file(fresh_cloud: Cloud) -> None:
    books = aged(fresh_cloud, "append")
    assert delta.files(handle(books)) == SMALL_FILES
    (step, *_) = needed(books.lake(), books.contract)
    assert (step.table, step.action, step.files) == ("accounts", "compact", SMALL_FILES)
    done = {(each.step.table, each.removed, each.added) for each in maintain(books.lake(), books.contract)}
    assert done == {("accounts", SMALL_FILES, 1), ("uploads", SMALL_FILES, 1)}


def test_after_a_sort_a_key_is_found_in_one_file(fresh_cloud: Cloud) -> None:
    books = Accounts(with_target(fresh_cloud, SORTED), a_contract("upsert"))
    for number in range(8):
        books.put([a_row(f"{key:03d}") for key in range(number, 200, 8)])
    assert holders(books, "100") == 8
    assert {each.step.action for each in maintain(books.lake(), books.contract)} == {"sort"}
    assert holders(books, "100") == 1


def holders(books: Accounts, key: str) -> int:
    return sum(each["min"]["id"] <= key <= each["max"]["id"] for each in swap.files_in(handle(books)))


@pytest.mark.parametrize("writes", [0, 1, 2, 3])
@pytest.mark.parametrize("target", [SORTED, 1 << 20])
def test_a_power_failure_at_any_write_loses_nothing(fresh_cloud: Cloud, writes: int, target: int) -> None:
    books = Accounts(with_target(fresh_cloud, target), a_contract("append" if target > SORTED else "upsert"))
    for number in range(SMALL_FILES):
        books.put([a_row(f"{key}") for key in range(number, 40, SMALL_FILES)])
    before = books.rows()
    with failing_after(writes, str(books.settings.s3_endpoint_url)) as door:
        settings = replace(books.settings, s3_endpoint_url=door.endpoint)
        try:
            list(maintain(books.lake(settings=settings), books.contract))
        except (LedgerlakeError, OSError):
            assert door.shut
    assert books.rows() == before
    list(maintain(books.lake(), books.contract))
    assert books.rows() == before
    assert delta.files(handle(books)) < SMALL_FILES


@pytest.mark.parametrize("target", [SORTED, 1 << 20])
def test_where_another_commit_comes_first_it_is_left_for_later(fresh_cloud: Cloud, target: int) -> None:
    books = aged(with_target(fresh_cloud, target), "upsert")
    stale = handle(books)
    kept = kept_tables(books.contract, books.settings)[0]
    (step, *_) = layout_steps(stale, kept, books.settings)
    books.put([a_row("a", "2026-02-01", amount="77.00"), a_row("k05", "2026-02-01", amount="78.00")])
    before, version = books.rows(), books.version()
    with pytest.raises(TransientError, match="another commit"):
        step.run()
    assert (books.rows(), books.version()) == (before, version)


def test_the_stream_looks_after_a_table_every_so_many_commits(fresh_cloud: Cloud, tmp_path: Path) -> None:
    lake, books = a_driver(fresh_cloud, tmp_path)
    for number in range(EVERY):
        books.put([a_row(f"{number}")])
    catch_up(lake)
    assert look_after(lake, "accounts") == ()
    assert delta.files(handle(books)) == 1
    for number in range(EVERY - 3):
        books.put([a_row(f"x{number}")])
    catch_up(lake)
    assert delta.files(handle(books)) == EVERY - 2
    found = lake.aws.cloudwatch.list_metrics(Namespace=lake.settings.metrics_namespace)["Metrics"]
    assert {"table_files", "files_rewritten"} <= {metric["MetricName"] for metric in found}


def a_driver(cloud: Cloud, folder: Path) -> tuple[Lake, Accounts]:
    settings: Settings = replace(cloud.settings, contracts=str(folder))
    books = Accounts(replace(cloud, settings=settings), a_contract("append"))
    (folder / "accounts.yaml").write_text(books.contract.text, encoding="utf-8")
    return books.lake(), books


def test_tables_that_another_driver_writes_are_looked_after_later(fresh_cloud: Cloud, tmp_path: Path) -> None:
    lake, books = a_driver(fresh_cloud, tmp_path)
    for number in range(SMALL_FILES):
        books.put([a_row(f"{number}")])
    newest(lake, "accounts", "accounts")
    other = acquire(replace(lake, driver="another"), "accounts")
    assert look_after(lake, "accounts") == ()
    with pytest.raises(TransientError, match="another driver"):
        list(maintain(lake, books.contract))
    other.release()
    assert [each.step.table for each in look_after(lake, "accounts")] == ["accounts"]


def test_people_see_what_would_be_done_and_do_it(
    fresh_cloud: Cloud,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lake, books = a_driver(fresh_cloud, tmp_path)
    for number in range(SMALL_FILES):
        books.put([a_row(f"{number}")])
    env = {**fresh_cloud.env, "LEDGERLAKE_CONTRACTS": lake.settings.contracts}
    said = []
    for options in (["--dry-run"], [], []):
        assert main(["tables", "maintain", "accounts", "--json", *options], env) == 0
        said.append(json.loads(capsys.readouterr().out))
    compacted = [{"table": "accounts", "action": "compact", "partition": {}, "files": SMALL_FILES}]
    assert said[0][:1] == compacted
    assert said[1][:1] == [{**compacted[0], "files_after": 1}]
    assert said[2] == []
