"""The change feed: every change of every mode, with the upload that caused it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from cli.main import main
from ledgerlake.errors import HistoryError
from tables import define, delta
from tables.feed import RowChange, changes, span
from tables.key import key_of
from tables.pieces import pieces
from tests.accounts import Accounts, a_contract, a_row
from tests.conftest import Cloud

NOW = datetime.now(UTC)


def told(books: Accounts, **asked: Any) -> list[RowChange]:
    key = key_of(books.contract, asked.pop("key"), whole=False) if "key" in asked else None
    return list(changes(books.contract, books.settings, span(books.contract, books.settings, NOW, **asked), key))


def short(found: list[RowChange], *columns: str) -> list[tuple[Any, ...]]:
    """(version, change, before, after, sequence of the cause)."""
    return [
        (
            each.version,
            each.change,
            each.before and tuple(each.before[name] for name in columns),
            each.after and tuple(each.after[name] for name in columns),
            each.cause and each.cause.seq,
        )
        for each in found
    ]


def test_an_upsert_tells_what_was_and_is_and_a_deletion_names_the_upload_that_deleted(fresh_cloud: Cloud) -> None:
    books = Accounts(fresh_cloud, a_contract("upsert"))
    books.put([a_row("a"), a_row("b"), a_row("c")])
    books.put(
        [a_row("a", "2026-01-02", amount="2.00")],
        [a_row("z", "2026-01-02"), a_row("b", "2026-01-02", op="D")],
        [a_row("a", "2026-01-03", amount="3.00")],
    )
    assert short(told(books), "id", "amount") == [
        (1, "insert", None, ("a", Decimal("1.00")), 1),
        (1, "insert", None, ("b", Decimal("1.00")), 1),
        (1, "insert", None, ("c", Decimal("1.00")), 1),
        (2, "update", ("a", Decimal("1.00")), ("a", Decimal("3.00")), 4),
        (2, "delete", ("b", Decimal("1.00")), None, 3),
        (2, "insert", None, ("z", Decimal("1.00")), 3),
    ]
    (gone,) = [each for each in told(books) if each.change == "delete"]
    upload = books.uploads[2]
    assert gone.cause is not None
    assert (gone.cause.upload_id, gone.cause.line, gone.cause.file_name) == (upload.upload_id, 3, "3.csv")


def test_a_window_that_ends_names_the_upload_that_ended_it(fresh_cloud: Cloud) -> None:
    books = Accounts(fresh_cloud, a_contract("scd2"))
    books.put([a_row("a"), a_row("b")])
    books.put([a_row("b", "2026-03-01", name="w")], [a_row("a", "2026-03-01", name="y")])
    books.put([a_row("c", "2026-02-01")], [a_row("a", "2026-02-01", name="late")], [a_row("b", "2026-04-01", op="D")])
    days = {month: date(2026, month, 1) for month in range(1, 5)}
    assert short(told(books, after=1), "id", "_valid_from", "_valid_to", "name") == [
        (2, "update", ("a", days[1], None, "x"), ("a", days[1], days[3], "x"), 3),
        (2, "insert", None, ("a", days[3], None, "y"), 3),
        (2, "update", ("b", days[1], None, "x"), ("b", days[1], days[3], "x"), 2),
        (2, "insert", None, ("b", days[3], None, "w"), 2),
        (3, "update", ("a", days[1], days[3], "x"), ("a", days[1], days[2], "x"), 5),
        (3, "insert", None, ("a", days[2], days[3], "late"), 5),
        (3, "update", ("b", days[3], None, "w"), ("b", days[3], days[4], "w"), 6),
        (3, "insert", None, ("c", days[2], None, "x"), 4),
    ]


def test_what_a_full_state_lacks_was_deleted_by_it(fresh_cloud: Cloud) -> None:
    books = Accounts(fresh_cloud, a_contract("snapshot"))
    books.put([a_row("a"), a_row("b")])
    books.put([a_row("b", amount="2.00")])
    assert short(told(books, after=1), "id") == [
        (2, "delete", ("a",), None, 2),
        (2, "update", ("b",), ("b",), 2),
    ]


def test_a_table_that_is_loaded_anew_loses_all_rows_and_gets_others(fresh_cloud: Cloud) -> None:
    books = Accounts(fresh_cloud, a_contract("replace"))
    books.put([a_row("a"), a_row("a")])
    books.put([a_row("b"), a_row("c")])
    assert sorted(short(told(books, after=1), "id")) == [
        (2, "delete", ("a",), None, 2),
        (2, "delete", ("a",), None, 2),
        (2, "insert", None, ("b",), 2),
        (2, "insert", None, ("c",), 2),
    ]


def test_a_consumer_pages_by_version_and_by_upload_and_misses_nothing(fresh_cloud: Cloud) -> None:
    books = Accounts(fresh_cloud, a_contract("append"))
    for number in range(3):
        books.put([a_row(f"{number}a")], [a_row(f"{number}b")])
    everything = told(books)
    assert [each.cause and each.cause.seq for each in everything] == [1, 2, 3, 4, 5, 6]
    assert [each for after in range(3) for each in told(books, after=after, last=after + 1)] == everything
    assert short(told(books, upload=3), "id") == short(everything[3:], "id")
    assert told(books, upload=6) == []
    assert short(told(books, key={"_seq": "2"}), "id") == short(everything[1:2], "id")
    for wrong in ({"upload": 8}, {"upload": -1}, {"after": 9}, {"last": 9}):
        with pytest.raises(HistoryError, match=r"0\.\.3|1\.\.6"):
            told(books, **wrong)


def test_what_is_older_than_the_retention_is_refused_with_what_is_kept(fresh_cloud: Cloud) -> None:
    books = Accounts(fresh_cloud, a_contract("append", days=30))
    books.put([a_row("a")])
    later = datetime.now(UTC) + timedelta(days=31)
    with pytest.raises(HistoryError, match=r"for 30 days: those after version 1 .* Load the table as it is"):
        span(books.contract, books.settings, later, after=0)
    assert span(books.contract, books.settings, later).after == 1


def test_partitions_of_any_name_and_columns_that_came_later_are_told(fresh_cloud: Cloud) -> None:
    contract = a_contract("append", partitioned=True)
    books = Accounts(fresh_cloud, contract)
    names = ["New York", "a=b", "süd/ost", "50%", "it's", "x"]
    books.put([a_row(str(number), name=name) for number, name in enumerate(names)])
    handle = delta.open_table(f"s3://{books.settings.tables_bucket}/tables/accounts", books.settings)
    assert handle is not None
    define.add_columns(handle, [pa.field("later", pa.string())])
    found = told(books)
    assert sorted(each.after["name"] for each in found if each.after) == sorted(names)
    assert {each.after["later"] for each in found if each.after} == {None}


def test_more_rows_than_fit_are_spilled_and_both_sides_of_an_update_stay_together() -> None:
    rows = pa.table({"id": [f"{number}" for number in range(1000)] * 2, "part": [None, 1] * 1000, "at": range(2000)})
    batches = [rows.slice(start, 100) for start in range(0, 2000, 100)]
    found = list(pieces(iter(batches), ("id", "part"), limit=500))
    assert len(found) > 8
    assert sorted(at for piece in found for at in piece["at"].to_pylist()) == list(range(2000))
    homes = [(key, number) for number, piece in enumerate(found) for key in set(piece["id"].to_pylist())]
    assert len(homes) == len({key for key, _ in homes})


def test_the_command_prints_a_line_for_each_change_and_how_to_go_on(
    fresh_cloud: Cloud, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    contract = a_contract("upsert")
    (tmp_path / "accounts.yaml").write_text(contract.text, encoding="utf-8")
    env = {**fresh_cloud.env, "LEDGERLAKE_CONTRACTS": str(tmp_path)}
    books = Accounts(fresh_cloud, contract)
    books.put([a_row("a"), a_row("b")])
    books.put([a_row("a", "2026-01-02", op="D")])
    assert main(["changes", "accounts", "--json", "--state", str(tmp_path)], env) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["change"], line["cause"]["seq"], line["cause"]["file_name"]) for line in lines] == [
        ("insert", 1, "1.csv"),
        ("insert", 1, "1.csv"),
        ("delete", 2, "2.csv"),
    ]
    assert lines[0]["after"]["amount"] == "1.00"
    assert main(["changes", "accounts", "--from", "1", "--key", "id=a", "--state", str(tmp_path)], env) == 0
    printed = capsys.readouterr()
    assert "delete" in printed.out
    assert "ledgerlake changes accounts --from 2" in printed.err
    assert main(["changes", "accounts", "--key", "name=x", "--state", str(tmp_path)], env) == 1
