"""A table follows its contract from version to version, and every row is read under the one it was accepted with."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from ledgerlake.errors import ContractError, TransientError
from ledgerlake.layout import app_id, events_table, table_uri
from streaming_jobs.microbatch import catch_up
from tables import delta, feed, plan, rewrite
from tables.history import history
from tests.accounts import Accounts, a_contract, a_row, follow, revised, to_csv
from tests.conftest import Cloud

NOW = datetime.now(UTC)


def handle(books: Accounts, table: str = "accounts") -> delta.DeltaTable:
    found = delta.open_table(table_uri(books.settings.tables_bucket, table), books.settings)
    assert found is not None
    return found


def values(books: Accounts, column: str, version: int | None = None) -> dict[str, Any]:
    return {row["id"]: row[column] for row in books.rows(version)}


WIDER = ("decimal(18,2)", "decimal(22,4)")


@pytest.mark.parametrize("partitioned", [False, True])
def test_a_wider_decimal_rewrites_the_table_in_one_commit_and_changes_no_row(
    fresh_cloud: Cloud, *, partitioned: bool
) -> None:
    books = Accounts(fresh_cloud, a_contract("upsert", partitioned=partitioned))
    books.put([a_row("a", amount="-0.01"), a_row("b", amount="9999999999999999.99", name="ä/ %")])
    books.put([a_row("c", amount="", note="x")])
    before = [books.rows(version) for version in (1, 2)]
    words = follow(books, revised(books.contract, WIDER))
    assert words[0].startswith("widen amount from decimal128(18, 2) to decimal128(22, 4): rewrites 3 rows")
    assert books.version() == 3
    assert [books.rows(version) for version in (1, 2, 3)] == [*before, before[1]]
    assert delta.schema(handle(books)).field("amount").type == pa.decimal128(22, 4)
    assert delta.applied(handle(books), app_id("accounts")) == 2
    everything = feed.span(books.contract, books.settings, NOW, after=0)
    assert {row.version for row in feed.changes(books.contract, books.settings, everything)} == {1, 2}
    books.put([a_row("a", "2026-01-02", amount="123456789012345678.1234")])
    assert values(books, "amount")["a"] == Decimal("123456789012345678.1234")


def test_an_upload_accepted_under_the_earlier_contract_is_judged_by_it_and_stored_wider(fresh_cloud: Cloud) -> None:
    narrow = a_contract("upsert")
    books = Accounts(fresh_cloud, narrow)
    books.accept(to_csv([a_row("a", amount="1.00"), a_row("b", amount="1.005")]))
    follow(books, revised(narrow, WIDER))
    books.accept(to_csv([a_row("b", amount="1.005")]))
    first, second = catch_up(books.lake())
    assert (first.merged, first.quarantined, first.contract_version) == (1, 1, "1.0.0")
    assert (second.merged, second.quarantined, second.contract_version) == (1, 0, "2.0.0")
    assert values(books, "amount") == {"a": Decimal("1.0000"), "b": Decimal("1.0050")}


def test_a_wider_history_is_split_by_a_late_row_of_the_earlier_contract(fresh_cloud: Cloud) -> None:
    narrow = a_contract("scd2")
    books = Accounts(fresh_cloud, narrow)
    books.put([a_row("a", "2026-01-01", amount="1.00"), a_row("a", "2026-03-01", amount="3.00")])
    late = books.accept(to_csv([a_row("a", "2026-02-01", amount="2.00")]))
    follow(books, revised(narrow, WIDER))
    assert delta.schema(handle(books, events_table("accounts"))).field("amount").type == pa.decimal128(22, 4)
    assert late.contract_sha256 == narrow.sha256
    catch_up(books.lake())
    windows = sorted((row["_valid_from"], row["_valid_to"], row["amount"]) for row in books.rows())
    days = [date(2026, month, 1) for month in (1, 2, 3)]
    amounts = [Decimal(f"{number}.0000") for number in (1, 2, 3)]
    assert windows == list(zip(days, [*days[1:], None], amounts, strict=True))


def test_an_integer_becomes_a_decimal_that_holds_every_integer(fresh_cloud: Cloud) -> None:
    whole = ("logicalType: number, physicalType: 'decimal(18,2)'", "logicalType: integer")
    books = Accounts(fresh_cloud, revised(a_contract("upsert"), whole, version="1.0.0"))
    largest = 2**63 - 1
    books.put([a_row("a", amount=str(largest)), a_row("b", amount=str(-(2**63)))])
    follow(books, revised(books.contract, ("logicalType: integer}", whole[0].replace("18,2", "21,2") + "}")))
    assert values(books, "amount") == {"a": Decimal(f"{largest}.00"), "b": Decimal(f"{-(2**63)}.00")}
    with pytest.raises(ContractError, match="is now decimal128"):
        plan.plan(revised(books.contract, ("21,2", "20,2"), version="3.0.0"), books.settings)


def test_a_rewrite_that_died_before_its_commit_is_done_again(fresh_cloud: Cloud) -> None:
    books = Accounts(fresh_cloud, a_contract("upsert"))
    books.put([a_row("a")])
    wider = revised(books.contract, WIDER)
    there, rows = handle(books), books.rows()
    books.put([])  # another commit comes first: what was rewritten is left behind, as by a crash
    types = {"amount": pa.decimal128(22, 4)}
    uri = table_uri(books.settings.tables_bucket, "accounts")
    with pytest.raises(TransientError, match="another commit came first; plan again"):
        rewrite.widen(there, uri, books.settings, types, {})
    assert books.rows() == rows
    assert delta.schema(handle(books)).field("amount").type == pa.decimal128(18, 2)
    follow(books, wider)
    assert books.rows() == rows
    assert [commit.operation for commit in history(uri, books.settings, 1)] == ["REWRITE"]


def test_a_column_that_is_no_longer_stored_keeps_what_it_had(fresh_cloud: Cloud) -> None:
    books = Accounts(fresh_cloud, a_contract("upsert"))
    books.put([a_row("a", note="kept"), a_row("b", note="gone")])
    dropped = revised(books.contract, ("      - {name: note, logicalType: string}\n", ""))
    assert follow(books, dropped) == [
        "keep note, which the contract no longer stores: rows there keep their values, new ones have null"
    ]
    books.accept(b"id,day,name,amount,op\nb,2026-01-02,y,2.00,\nc,2026-01-02,z,3.00,\n")
    catch_up(books.lake())
    assert values(books, "note") == {"a": "kept", "b": None, "c": None}
    back = replace(a_contract("upsert"), version="3.0.0")
    assert {change.words for change in plan.plan(back, books.settings).changes} == {"use note again"}


def test_a_new_name_is_refused_with_the_alias_that_does_what_is_meant(fresh_cloud: Cloud) -> None:
    books = Accounts(fresh_cloud, a_contract("upsert"))
    books.put([a_row("a", note="old header")])
    aliased = "{name: %s, logicalType: string, customProperties: [{property: aliases, value: [%s]}]}"
    plain = "{name: note, logicalType: string}"
    with pytest.raises(ContractError, match="column 'note' is now called 'remark'") as caught:
        plan.plan(revised(books.contract, (plain, aliased % ("remark", "note"))), books.settings)
    assert "Keep the name 'note', and give it 'remark' as an alias" in str(caught.value)
    assert follow(books, revised(books.contract, (plain, aliased % ("note", "Remark")))) == []
    books.accept(to_csv([a_row("b", note="new header")]).replace(b"note", b"remark", 1))
    books.accept(to_csv([a_row("c", note="old again")]))
    catch_up(books.lake())
    assert values(books, "note") == {"a": "old header", "b": "new header", "c": "old again"}


def test_a_column_comes_with_a_contract_and_earlier_uploads_have_none(fresh_cloud: Cloud) -> None:
    old = a_contract("upsert")
    books = Accounts(fresh_cloud, old)
    books.accept(to_csv([a_row("a")]))
    more = ("      - name: op\n", "      - {name: fee, logicalType: integer, required: true}\n      - name: op\n")
    assert follow(books, revised(old, more))[0] == "add fee int64 (earlier rows have none)"
    books.accept(b"id,day,name,note,amount,fee,op\nb,2026-01-02,y,,2.00,7,\nc,2026-01-02,z,,3.00,,\n")
    first, second = catch_up(books.lake())
    assert (first.merged, second.merged, second.quarantined) == (1, 1, 1)
    assert values(books, "fee") == {"a": None, "b": 7}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("decimal(18,2)", "decimal(18,3)", "column 'amount' is now decimal128"),
        ("{property: sequenceBy, value: day}", "{property: sequenceBy, value: id}", "must be a required number"),
        ("{column: op, values: [D]}", "{column: op, values: [D, X]}", "the condition of deletes"),
        ("mode, value: upsert", "mode, value: scd2", "the mode"),
        (
            "{name: name, logicalType: string, partitioned: false}",
            "{name: name, logicalType: date}",
            "'name' is now date",
        ),
    ],
)
def test_what_gives_earlier_rows_another_meaning_is_refused(fresh_cloud: Cloud, old: str, new: str, words: str) -> None:
    books = Accounts(fresh_cloud, a_contract("upsert"))
    with pytest.raises(ContractError, match=words):
        plan.plan(revised(books.contract, (old, new)), books.settings)


def test_contracts_that_alternate_from_upload_to_upload_end_as_one_history(fresh_cloud: Cloud) -> None:
    narrow = a_contract("scd2")
    books = Accounts(fresh_cloud, narrow)
    wide = revised(narrow, WIDER)
    follow(books, wide)
    books.store.pin(narrow)
    days = [f"2026-01-{number:02d}" for number in (5, 1, 3, 2, 4)]
    for day, contract in zip(days, itertools.cycle([narrow, wide]), strict=False):
        row = to_csv([a_row("a", day, amount=f"{int(day[-2:])}.50")])
        books.accept(row, contract_sha256=contract.sha256, contract_version=contract.version)
    assert [outcome.seq for outcome in catch_up(books.lake())] == [1, 2, 3, 4, 5]
    assert [row["amount"] for row in sorted(books.rows(), key=lambda row: row["_valid_from"])] == [
        Decimal(f"{number}.5000") for number in range(1, 6)
    ]
