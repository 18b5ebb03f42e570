"""A table's past, asked on a real S3 server."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from ledgerlake.errors import HistoryError, LedgerlakeError
from ledgerlake.layout import app_id, table_uri
from tables import define, delta
from tables.difference import Difference, diff
from tables.history import history, version_as_of
from tables.key import identity_of, key_of
from tables.trace import Step, trace
from tests.accounts import Accounts, a_contract, a_row
from tests.conftest import Cloud

BEFORE, AFTER = "2026-01-01", "2026-01-02"


@pytest.fixture
def books(fresh_cloud: Cloud) -> Accounts:
    return Accounts(fresh_cloud, a_contract("upsert"))


def uri(books: Accounts, table: str = "accounts") -> str:
    return table_uri(books.settings.tables_bucket, table)


def handle(books: Accounts) -> delta.DeltaTable:
    found = delta.open_table(uri(books), books.settings)
    assert found is not None
    return found


def between(books: Accounts, before: int, after: int) -> Difference:
    return diff(uri(books), books.settings, before, after, identity_of(books.contract))


def traced(books: Accounts, now: datetime | None = None, **key: str) -> tuple[Step, ...]:
    return trace(books.contract, books.settings, key_of(books.contract, key), now or datetime.now(UTC))


def test_history_tells_what_each_commit_applied(books: Accounts) -> None:
    books.put([a_row("a")])
    books.put([], [])
    found = history(uri(books), books.settings)
    assert [commit.version for commit in found] == [2, 1, 0]
    assert [[outcome.seq for outcome in commit.outcomes] for commit in found] == [[2, 3], [1], []]
    assert [outcome.version for commit in found for outcome in commit.outcomes] == [2, 2, 1]


def test_a_merge_that_changes_nothing_still_moves_the_progress(books: Accounts) -> None:
    books.put([])
    assert delta.applied(handle(books), app_id("accounts")) == 1


def test_the_version_as_of_a_time_is_the_last_one_until_then(books: Accounts) -> None:
    books.put([a_row("a")])
    commits = history(uri(books), books.settings)
    for commit in commits:
        assert version_as_of(uri(books), books.settings, commit.committed_at) == commit.version
    later = commits[0].committed_at + timedelta(days=1)
    assert version_as_of(uri(books), books.settings, later) == 1
    with pytest.raises(HistoryError, match="it has version 0 since"):
        version_as_of(uri(books), books.settings, commits[-1].committed_at - timedelta(seconds=1))


def test_a_version_that_never_was_is_refused_with_those_that_were(books: Accounts) -> None:
    with pytest.raises(HistoryError, match=r"no version 7; its versions are 0\.\.0"):
        delta.query("SELECT * FROM accounts", {"accounts": uri(books)}, books.settings, {"accounts": 7})


def test_a_difference_is_by_key_and_lineage_alone_is_none(books: Accounts) -> None:
    books.put([a_row("1"), a_row("2"), a_row("3")])
    books.put([a_row("1"), a_row("2", note="done"), a_row("4")])
    found = between(books, 1, 2)
    assert found.inserted["id"].to_pylist() == ["4"]
    assert found.deleted.num_rows == 0
    assert (found.before["id"].to_pylist(), found.before["note"].to_pylist()) == (["2"], [None])
    assert (found.after["id"].to_pylist(), found.after["note"].to_pylist()) == (["2"], ["done"])
    back = between(books, 2, 1)
    assert back.deleted["id"].to_pylist() == ["4"]
    assert between(books, 2, 2).after.num_rows == 0


def test_a_difference_spans_a_new_column(books: Accounts) -> None:
    books.put([a_row("1")])
    define.add_columns(handle(books), [pa.field("extra", pa.string())])
    found = between(books, 1, 2)
    assert found.after.num_rows == found.inserted.num_rows == found.deleted.num_rows == 0


def test_in_a_difference_a_window_that_ended_has_changed(fresh_cloud: Cloud) -> None:
    books = Accounts(fresh_cloud, a_contract("scd2"))
    books.put([a_row("a", BEFORE)])
    books.put([a_row("a", AFTER, name="y")])
    found = between(books, 1, 2)
    assert found.after["_valid_to"].to_pylist() == [date(2026, 1, 2)]
    assert found.inserted["name"].to_pylist() == ["y"]


def test_rows_without_a_key_are_told_apart_by_all_they_say(fresh_cloud: Cloud) -> None:
    books = Accounts(fresh_cloud, a_contract("replace"))
    books.put([a_row("a"), a_row("a"), a_row("b")])
    books.put([a_row("c"), a_row("b"), a_row("a")])
    found = diff(uri(books), books.settings, 1, 2, ())
    assert found.deleted["id"].to_pylist() == ["a"]
    assert found.inserted["id"].to_pylist() == ["c"]
    assert found.after.num_rows == 0


def test_a_row_is_traced_to_its_file_line_person_and_commit(books: Accounts) -> None:
    books.put([a_row("8", BEFORE), a_row("9", BEFORE)])
    books.put([a_row("7")])
    books.put([a_row("7"), a_row("9", AFTER, amount="2.00")])
    steps = traced(books, id="9")
    uploads = [upload.upload_id for upload in books.uploads]
    assert [(step.version, step.change, step.line, step.seq, step.upload_id) for step in steps] == [
        (1, "insert", 3, 1, uploads[0]),
        (3, "update", 3, 3, uploads[2]),
    ]
    assert [(step.file_name, step.principal) for step in steps] == [("1.csv", "ann"), ("3.csv", "ann")]
    assert [step.row["amount"] for step in steps] == [Decimal("1.00"), Decimal("2.00")]
    with pytest.raises(HistoryError, match="ever had a row with id=99"):
        traced(books, id="99")


def test_a_deleted_row_is_traced_to_the_line_that_deleted_it(books: Accounts) -> None:
    books.put([a_row("a", BEFORE)])
    books.put([a_row("b")], [a_row("c"), a_row("a", AFTER, op="D")])
    *_, last = traced(books, id="a")
    assert (last.change, last.seq, last.line, last.file_name) == ("delete", 3, 3, "3.csv")
    assert last.row["amount"] == Decimal("1.00")


def test_all_windows_of_a_key_are_traced(fresh_cloud: Cloud) -> None:
    books = Accounts(fresh_cloud, a_contract("scd2"))
    books.put([a_row("a", BEFORE)])
    books.put([a_row("a", AFTER, name="y")])
    steps = traced(books, id="a")
    assert [(step.change, step.seq, step.row["_valid_from"], step.row["_valid_to"]) for step in steps] == [
        ("insert", 1, date(2026, 1, 1), None),
        ("update", 2, date(2026, 1, 1), date(2026, 1, 2)),
        ("insert", 2, date(2026, 1, 2), None),
    ]


def test_a_row_that_a_full_state_lacks_is_traced_to_that_file(fresh_cloud: Cloud) -> None:
    books = Accounts(fresh_cloud, a_contract("snapshot"))
    books.put([a_row("a"), a_row("b")])
    books.put([a_row("a")])
    *_, last = traced(books, id="b")
    assert (last.change, last.seq, last.line, last.file_name) == ("delete", 2, None, "2.csv")


def test_a_row_without_a_key_is_traced_by_its_line(fresh_cloud: Cloud) -> None:
    books = Accounts(fresh_cloud, a_contract("replace"))
    books.put([a_row("a")])
    books.put([a_row("b")])
    steps = traced(books, _seq="1", _row="2")
    assert [(step.change, step.seq) for step in steps] == [("insert", 1), ("delete", 2)]


def test_a_row_that_is_older_than_the_retention_is_traced_to_the_file_that_it_came_from(fresh_cloud: Cloud) -> None:
    books = Accounts(fresh_cloud, a_contract("upsert", days=30))
    books.put([a_row("a")])
    (step,) = traced(books, datetime.now(UTC) + timedelta(days=31), id="a")
    assert (step.change, step.version, step.seq, step.file_name) == ("there", 1, 1, "1.csv")


@pytest.mark.parametrize("texts", [{}, {"day": "2026-01-01"}, {"idd": "1"}, {"id": "1", "day": "2026-01-01"}])
def test_a_key_that_is_none_is_refused(texts: dict[str, str]) -> None:
    with pytest.raises(HistoryError, match="has the key id"):
        key_of(a_contract("upsert"), texts)


def test_a_value_that_is_none_of_its_type_is_refused() -> None:
    with pytest.raises(HistoryError, match="_seq='x' is no int64"):
        key_of(a_contract("append"), {"_seq": "x", "_row": str(2**63)})
    with pytest.raises(HistoryError, match="is no int64"):
        key_of(a_contract("append"), {"_seq": "1", "_row": str(2**63)})


@pytest.mark.parametrize(
    "statement",
    [
        "COPY (SELECT 1) TO '/tmp/x.parquet'",
        "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/hosts'",
        "EXPLAIN ANALYZE SELECT 1",
        "/* SELECT */ INSERT INTO accounts SELECT * FROM accounts",
        "SELECT 1; DROP TABLE accounts",
        "-- SELECT\nDELETE FROM accounts",
        "SET x = 1",
    ],
)
def test_nothing_but_a_select_is_answered(books: Accounts, statement: str) -> None:
    with pytest.raises(LedgerlakeError):
        delta.query(statement, {"accounts": uri(books)}, books.settings)


def test_a_query_joins_tables_each_at_its_version(books: Accounts) -> None:
    books.put([a_row("a", BEFORE)])
    books.put([a_row("a", AFTER, amount="2.00")])
    text = "WITH x AS (SELECT * FROM accounts) SELECT x.amount, u.file_name FROM x JOIN uploads u ON u.seq = x._seq"
    uris = {name: uri(books, name) for name in ("accounts", "uploads")}
    assert delta.query(text, uris, books.settings).to_pylist() == [{"amount": Decimal("2.00"), "file_name": "2.csv"}]
    assert delta.query(text, uris, books.settings, {"accounts": 1}).to_pylist() == [
        {"amount": Decimal("1.00"), "file_name": "1.csv"},
    ]
