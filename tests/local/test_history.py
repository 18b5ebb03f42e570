"""A table's past, asked on a real S3 server."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from ledgerlake.errors import HistoryError, LedgerlakeError
from ledgerlake.events import Outcome
from ledgerlake.layout import app_id, table_uri
from tables import define, delta, history, sql
from tables.contract import Contract
from tables.modes import table_schema
from tables.plan import apply, plan
from tables.system_tables import UPLOADS
from tests.conftest import Cloud
from tests.local.test_tables import a_contract

NOW = datetime(2026, 3, 31, tzinfo=UTC)
DAY = date(2026, 3, 31)


class Clause:
    """A clause as the merge modes state it."""

    def __init__(self, action: str, values: list[tuple[str, str]]) -> None:
        self.matched, self.action, self.condition, self.values = action == "update", action, None, values


def an_outcome(seq: int) -> Outcome:
    return Outcome("trades", seq, f"u{seq}", "applied", 1, 1, 0, 0, 0, {}, [], "0" * 64, "1.0.0", NOW)


class Trades:
    """The trades table on S3; each `put` is an upload with rows (id, amount, status)."""

    def __init__(self, cloud: Cloud) -> None:
        self.settings, self.contract = cloud.settings, a_contract()
        apply(plan(self.contract, cloud.settings))
        self.uri = table_uri(cloud.settings.tables_bucket, "trades")
        self.uploads = table_uri(cloud.settings.tables_bucket, "uploads")

    def handle(self, uri: str) -> delta.DeltaTable:
        found = delta.open_table(uri, self.settings)
        assert found is not None
        return found

    def put(self, seq: int, *found: tuple[int, str, str | None]) -> int:
        names = table_schema(self.contract).names
        rows = pa.Table.from_pylist(
            [
                {
                    "id": key,
                    "day": DAY,
                    "amount": Decimal(amount),
                    "status": status,
                    "_upload_id": f"u{seq}",
                    "_seq": seq,
                    "_row": line,
                }
                for line, (key, amount, status) in enumerate(found, 2)
            ],
            schema=table_schema(self.contract),
        )
        values = [(name, f"s.{sql.identifier(name)}") for name in names]
        merge = delta.Merge('t."id" = s."id"', ("id",), (Clause("update", values), Clause("insert", values)))
        metadata = json.dumps({"outcomes": [json.loads(an_outcome(seq).to_json())]})
        version = delta.merge(
            self.handle(self.uri),
            rows,
            merge,
            app_id=app_id("trades"),
            version=seq,
            metadata=metadata,
        )
        self._tell(seq)
        return version

    def _tell(self, seq: int) -> None:
        known: dict[str, Any] = {
            **dict.fromkeys(UPLOADS.names, "x"),
            "file_name": f"file{seq}.csv",
            "principal": "ann",
            "dataset": "trades",
            "upload_id": f"u{seq}",
            "money": {},
            "held": [],
            "seq": seq,
            "accepted_at": NOW,
            "applied_at": NOW,
            "version": seq,
        }
        numbers = dict.fromkeys(("size", "rows", "merged", "superseded", "duplicate", "quarantined"), 1)
        delta.append(
            self.handle(self.uploads),
            pa.Table.from_pylist([{**known, **numbers}], schema=UPLOADS),
            app_id=app_id("trades"),
            version=seq,
            metadata=None,
        )


@pytest.fixture
def trades(fresh_cloud: Cloud) -> Trades:
    return Trades(fresh_cloud)


def test_history_tells_what_each_commit_applied(trades: Trades) -> None:
    trades.put(1, (1, "1.00", "NEW"))
    trades.put(2)
    found = history.history(trades.uri, trades.settings)
    assert [commit.version for commit in found] == [2, 1, 0]
    assert [[outcome.seq for outcome in commit.outcomes] for commit in found] == [[2], [1], []]
    assert [outcome.version for commit in found for outcome in commit.outcomes] == [2, 1]


def test_a_merge_that_changes_nothing_still_moves_the_progress(trades: Trades) -> None:
    trades.put(1)
    assert delta.applied(trades.handle(trades.uri), app_id("trades")) == 1


def test_an_applied_progress_is_not_written_again_and_never_goes_back(trades: Trades) -> None:
    version = trades.put(2, (1, "1.00", None))
    assert trades.put(2, (1, "2.00", None)) == version
    assert trades.put(1, (1, "3.00", None)) == version
    assert delta.select(trades.handle(trades.uri), "SELECT amount FROM t")["amount"].to_pylist() == [Decimal("1.00")]


def test_the_version_as_of_a_time_is_the_last_one_until_then(trades: Trades) -> None:
    trades.put(1, (1, "1.00", None))
    commits = history.history(trades.uri, trades.settings)
    for commit in commits:
        assert history.version_as_of(trades.uri, trades.settings, commit.committed_at) == commit.version
    later = commits[0].committed_at + timedelta(days=1)
    assert history.version_as_of(trades.uri, trades.settings, later) == 1
    with pytest.raises(HistoryError, match="it has version 0 since"):
        history.version_as_of(trades.uri, trades.settings, commits[-1].committed_at - timedelta(seconds=1))


def test_a_version_that_never_was_is_refused_with_those_that_were(trades: Trades) -> None:
    with pytest.raises(HistoryError, match=r"no version 7; its versions are 0\.\.0"):
        delta.query("SELECT * FROM trades", {"trades": trades.uri}, trades.settings, {"trades": 7})


def test_a_difference_is_by_key_and_lineage_alone_is_none(trades: Trades) -> None:
    trades.put(1, (1, "1.00", "NEW"), (2, "2.00", None), (3, "3.00", "NEW"))
    trades.put(2, (1, "1.00", "NEW"), (2, "2.00", "DONE"), (4, "4.00", None))
    found = history.diff(trades.uri, trades.settings, 1, 2, ("id",))
    assert found.inserted["id"].to_pylist() == [4]
    assert found.deleted.num_rows == 0
    assert (found.before["id"].to_pylist(), found.before["status"].to_pylist()) == ([2], [None])
    assert (found.after["id"].to_pylist(), found.after["status"].to_pylist()) == ([2], ["DONE"])
    back = history.diff(trades.uri, trades.settings, 2, 1, ("id",))
    assert back.deleted["id"].to_pylist() == [4]
    assert history.diff(trades.uri, trades.settings, 2, 2, ("id",)).after.num_rows == 0


def test_a_difference_spans_a_new_column(trades: Trades) -> None:
    trades.put(1, (1, "1.00", "NEW"))
    define.add_columns(trades.handle(trades.uri), [pa.field("note", pa.string())])
    found = history.diff(trades.uri, trades.settings, 1, 2, ("id",))
    assert found.after.num_rows == found.inserted.num_rows == 0


def test_a_row_is_traced_to_its_file_line_person_and_commit(trades: Trades) -> None:
    trades.put(1, (8, "1.00", None), (9, "1.00", "NEW"))
    trades.put(2, (7, "5.00", None))
    trades.put(3, (9, "2.00", "DONE"))
    key = history.key_of(trades.contract, {"id": "9"})
    steps = history.trace(trades.uri, trades.uploads, trades.settings, key)
    assert [(step.version, step.change, step.line, step.seq, step.upload_id) for step in steps] == [
        (1, "insert", 3, 1, "u1"),
        (3, "update", 2, 3, "u3"),
    ]
    assert [(step.file_name, step.principal) for step in steps] == [("file1.csv", "ann"), ("file3.csv", "ann")]
    assert [step.row["amount"] for step in steps] == [Decimal("1.00"), Decimal("2.00")]
    with pytest.raises(HistoryError, match="ever had a row with id=99"):
        history.trace(trades.uri, trades.uploads, trades.settings, history.key_of(trades.contract, {"id": "99"}))


@pytest.mark.parametrize("texts", [{}, {"id": "x"}, {"idd": "1"}, {"id": "1", "day": "2026-01-01"}, {"id": str(2**63)}])
def test_a_key_that_is_none_is_refused(trades: Trades, texts: dict[str, str]) -> None:
    contract: Contract = trades.contract
    with pytest.raises(HistoryError):
        history.key_of(contract, texts)


@pytest.mark.parametrize(
    "statement",
    [
        "COPY (SELECT 1) TO '/tmp/x.parquet'",
        "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/hosts'",
        "EXPLAIN ANALYZE SELECT 1",
        "/* SELECT */ INSERT INTO trades SELECT * FROM trades",
        "SELECT 1; DROP TABLE trades",
        "-- SELECT\nDELETE FROM trades",
        "SET x = 1",
    ],
)
def test_nothing_but_a_select_is_answered(trades: Trades, statement: str) -> None:
    with pytest.raises(LedgerlakeError):
        delta.query(statement, {"trades": trades.uri}, trades.settings)


def test_a_query_joins_tables_each_at_its_version(trades: Trades) -> None:
    trades.put(1, (1, "1.00", None))
    trades.put(2, (1, "2.00", None))
    text = "WITH x AS (SELECT * FROM trades) SELECT x.amount, u.file_name FROM x JOIN uploads u ON u.seq = x._seq"
    uris = {"trades": trades.uri, "uploads": trades.uploads}
    assert delta.query(text, uris, trades.settings).to_pylist() == [
        {"amount": Decimal("2.00"), "file_name": "file2.csv"},
    ]
    assert delta.query(text, uris, trades.settings, {"trades": 1}).to_pylist() == [
        {"amount": Decimal("1.00"), "file_name": "file1.csv"},
    ]
