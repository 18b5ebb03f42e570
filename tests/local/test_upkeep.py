"""The upkeep of tables on a real S3 server: files come and go, and nothing that anybody can ask of a table changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from cli.main import main
from ledgerlake.errors import LedgerlakeError, TransientError
from ledgerlake.layout import app_id, table_uri
from streaming_jobs.lake import Lake
from streaming_jobs.lease import acquire
from streaming_jobs.microbatch import catch_up
from streaming_jobs.open_tables import newest
from streaming_jobs.upkeep import EVERY, look_after, maintain
from tables import delta, swap
from tables.feed import changes, span
from tables.history import history
from tables.upkeep import SMALL_FILES, Step, kept_tables, layout_steps
from tests.accounts import Accounts, a_contract, a_row
from tests.conftest import Cloud
from tests.local.failing_s3 import failing_after

JOINED, SORTED = 1 << 20, 3000
"""Targets at which the small files of these tests are joined, and at which they are sorted."""


def with_target(cloud: Cloud, target: int) -> Cloud:
    return replace(cloud, settings=replace(cloud.settings, target_file_bytes=target))


UPLOADS = SMALL_FILES + 8


def aged(cloud: Cloud, mode: str, *, partitioned: bool = False) -> Accounts:
    """Many small uploads, each with new keys, with one that comes again and again, and some that go."""
    books = Accounts(cloud, a_contract(mode, partitioned=partitioned))
    for number in range(UPLOADS):
        day = f"2026-01-{number + 1:02d}"
        rows = [a_row(f"{letter}{number:02d}", day, name="b" if number == 5 else "a") for letter in "kz"]
        again = [a_row("a", day, amount=f"{number}.00")] if number % 8 == 0 else []
        gone = [a_row(f"k{number - 3:02d}", day, op="D")] if mode in {"upsert", "scd2"} and number % 6 == 0 else []
        books.put([*rows, *again, *gone])
    return books


def small_files(cloud: Cloud, *, contracts: Path | None = None) -> Accounts:
    """As after many uploads of one row each, of which only the commits of the dataset's own table are made."""
    settings = replace(cloud.settings, contracts=str(contracts or ""))
    books = Accounts(replace(cloud, settings=settings), a_contract("append"))
    append(books, *map(str, range(SMALL_FILES)))
    return books


def append(books: Accounts, *keys: str) -> None:
    table = handle(books)
    for number, key in enumerate(keys, table.version() + 1):
        row = {"id": key, "day": date(2026, 1, 1), "_upload_id": key, "_seq": number, "_row": 2}
        rows = pa.Table.from_pylist([row], schema=books.contract.stored_schema)
        delta.append(table, rows, app_id="test", version=number, metadata=None)


def handle(books: Accounts, table: str = "accounts") -> delta.DeltaTable:
    found = delta.open_table(table_uri(books.settings.tables_bucket, table), books.settings)
    assert found is not None
    return found


def answers(books: Accounts, upto: int) -> Mapping[str, Any]:
    """All that can be asked of the past: rows as of versions, commits, changes and progress."""
    commits = history(table_uri(books.settings.tables_bucket, "accounts"), books.settings)
    asked = span(books.contract, books.settings, datetime.now(UTC))
    return {
        "rows": books.rows(),
        "as of": [books.rows(version) for version in range(0, upto + 1, 4)],
        "history": [commit for commit in commits if commit.version <= upto],
        "changes": sorted(
            ((each.version, each.change, str(each.before), str(each.after), each.cause and each.cause.seq))
            for each in changes(books.contract, books.settings, asked)
        ),
        "progress": [delta.applied(handle(books, name), app_id("accounts")) for name in ("accounts", "uploads")],
        "uploads": sorted(books.table("uploads")["seq"].to_pylist()),
    }


@pytest.mark.parametrize(
    ("mode", "partitioned", "target", "tables"),
    [
        ("upsert", True, JOINED, {"accounts", "uploads"}),
        ("upsert", False, SORTED, {"accounts"}),
        ("scd2", False, SORTED, {"accounts", "accounts__events"}),
        ("append", False, JOINED, {"accounts", "uploads"}),
    ],
)
def test_upkeep_changes_nothing_that_can_be_asked(
    fresh_cloud: Cloud,
    mode: str,
    target: int,
    tables: set[str],
    *,
    partitioned: bool,
) -> None:
    books = aged(with_target(fresh_cloud, target), mode, partitioned=partitioned)
    before, version = answers(books, books.version()), books.version()
    assert {each.step.table for each in maintain(books.lake(), books.contract)} == tables
    assert answers(books, version) == before
    assert list(maintain(books.lake(), books.contract)) == []
    books.put([a_row("a", "2026-02-01", amount="77.00")])
    assert max(row["amount"] for row in books.rows()) == 77
    assert delta.applied(handle(books), app_id("accounts")) == UPLOADS + 1


def test_after_a_sort_a_key_is_found_in_one_file(fresh_cloud: Cloud) -> None:
    books = Accounts(with_target(fresh_cloud, SORTED), a_contract("upsert"))
    for number in range(8):
        books.put([a_row(f"{key:03d}") for key in range(number, 200, 8)])
    assert holders(books, "100") == 8
    assert {each.step.action for each in maintain(books.lake(), books.contract)} == {"sort"}
    assert holders(books, "100") == 1


def holders(books: Accounts, key: str) -> int:
    return sum(each["min"]["id"] <= key <= each["max"]["id"] for each in swap.files_in(handle(books)))


def test_a_power_failure_at_any_write_loses_nothing(fresh_cloud: Cloud) -> None:
    books = small_files(fresh_cloud)
    before = books.rows()
    for writes in range(4):
        with failing_after(writes, str(books.settings.s3_endpoint_url)) as door:
            settings = replace(books.settings, s3_endpoint_url=door.endpoint)
            try:
                list(maintain(books.lake(settings=settings), books.contract))
            except (LedgerlakeError, OSError):
                assert door.shut
        assert books.rows() == before
    list(maintain(books.lake(), books.contract))
    assert books.rows() == before
    assert list(maintain(books.lake(), books.contract)) == []


def test_a_sort_that_another_commit_overtakes_is_left_for_later(fresh_cloud: Cloud) -> None:
    books = Accounts(with_target(fresh_cloud, SORTED), a_contract("upsert"))
    for number in range(8):
        books.put([a_row(f"{key:03d}") for key in range(number, 40, 8)])
    step = a_step(books, handle(books))
    books.put([a_row("005", "2026-02-01", amount="77.00"), a_row("new")])
    before, version = books.rows(), books.version()
    with pytest.raises(TransientError, match="another commit came first"):
        step.run()
    assert (books.rows(), books.version()) == (before, version)


def a_step(books: Accounts, seen: delta.DeltaTable) -> Step:
    """What a driver would do that saw the table as it was."""
    (step,) = layout_steps(seen, kept_tables(books.contract, books.settings)[0], books.settings)
    return step


def test_a_compaction_lets_appends_through_and_yields_to_what_takes_its_files(fresh_cloud: Cloud) -> None:
    books = small_files(fresh_cloud)
    step = a_step(books, handle(books))
    append(books, "new")
    before = books.rows()
    assert step.run() == (SMALL_FILES, 1)
    assert books.rows() == before
    append(books, *map(str, range(SMALL_FILES)))
    step, other = a_step(books, handle(books)), handle(books)
    delta.replace(other, books.table().slice(0, 1), app_id="another", version=1, metadata=None)
    with pytest.raises(TransientError, match="another commit came first"):
        step.run()
    assert len(books.rows()) == 1


def test_the_stream_looks_after_a_table_every_so_many_commits(fresh_cloud: Cloud, tmp_path: Path) -> None:
    lake, books = a_driver(fresh_cloud, tmp_path)
    catch_up(lake)
    assert delta.files(handle(books)) == 1
    append(books, *map(str, range(EVERY - 2)))
    newest(lake, "accounts", "accounts")
    assert look_after(lake, "accounts") == ()
    append(books, "x", "y")
    catch_up(lake)
    assert delta.files(handle(books)) == 1
    found = lake.aws.cloudwatch.list_metrics(Namespace=lake.settings.metrics_namespace)["Metrics"]
    assert {"table_files", "files_rewritten"} <= {metric["MetricName"] for metric in found}


def a_driver(cloud: Cloud, folder: Path) -> tuple[Lake, Accounts]:
    books = small_files(cloud, contracts=folder)
    (folder / "accounts.yaml").write_text(books.contract.text, encoding="utf-8")
    return books.lake(), books


def test_tables_that_another_driver_writes_are_looked_after_later(fresh_cloud: Cloud, tmp_path: Path) -> None:
    lake, books = a_driver(fresh_cloud, tmp_path)
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
    lake, _ = a_driver(fresh_cloud, tmp_path)
    env = {**fresh_cloud.env, "LEDGERLAKE_CONTRACTS": lake.settings.contracts}
    said = []
    for options in (["--dry-run"], [], []):
        assert main(["tables", "maintain", "accounts", "--json", *options], env) == 0
        said.append(json.loads(capsys.readouterr().out))
    compacted = {"table": "accounts", "action": "compact", "partition": {}, "files": SMALL_FILES}
    assert said == [[compacted], [{**compacted, "files_after": 1}], []]
