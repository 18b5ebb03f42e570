"""A corrected file takes the place of an earlier one alike, whichever engine applies it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import SparkSession

from ledgerlake.events import Outcome
from ledgerlake.layout import app_id, table_uri
from tables import delta
from tables.history import history
from tests.books import Books, a_contract, a_row, to_csv
from tests.conftest import Cloud
from tests.laws.contracts import LAWS
from tests.mirror import mirror, random_uploads
from tests.trades import accept_accounts, accounts, to_file, trades

FOLDED = ("upsert with deletions", "scd2 with deletions, untracked")
"""One whose keys are folded from an earlier version, and one that remembers all; the laws have every mode."""

DRIVER, SPARK = 1 << 40, 1
"""Settings of `small_batch_bytes` that send every run to one of the two places."""


def apply(books: Books, seq: int, small_batch_bytes: int) -> Outcome:
    (outcome,) = books.apply(seq, seq, settings=replace(books.settings, small_batch_bytes=small_batch_bytes))
    return outcome


def superseding(books: Books, file: Any, *replaced: int, **changes: Any) -> None:
    """A file that takes the place of these uploads."""
    gone = [books.uploads[seq - 1].upload_id for seq in replaced]
    cause = {"kind": "supersede", "upload_id": gone[0], "decision": "1", "reason": "declared", "by": "ann"}
    books.accept(file, cause=cause, supersedes=gone, **changes)


def money(books: Books) -> list[tuple[str, Decimal]]:
    return sorted((row["id"], row["amount"]) for row in books.rows())


@pytest.mark.timeout(300)
def test_exactly_the_rows_of_the_replaced_uploads_go_in_the_version_that_brings_the_others(
    fresh_cloud: Cloud, spark: SparkSession
) -> None:
    said = []
    for dataset, size in (("small", DRIVER), ("large", SPARK)):
        contract = a_contract(dataset, mode="append", partitioned=True)
        books = Books(fresh_cloud.settings, fresh_cloud.aws, contract, spark)
        books.accept([a_row("a"), a_row("b", region=None), a_row("a")])
        books.accept([a_row("c", amount=Decimal("5.00")), a_row("d", region="süd/ost")])
        superseding(books, [a_row("a", amount=Decimal("2.00")), a_row("e", region="west")], 1)
        superseding(books, [a_row("x")], 2, declared_rows=2)
        superseding(books, to_csv([]) + b"bad,1,north,2026-02-30,,,7.50\n", 2)
        superseding(books, [a_row("f")], 1, 2)
        outcomes, states = [], []
        for seq in range(1, 7):
            outcomes.append(apply(books, seq, size))
            states.append((outcomes[-1].version, money(books)))
        assert [each.state for each in outcomes] == ["applied"] * 3 + ["held"] + ["applied"] * 2
        assert [version for version, _ in states] == [1, 2, 3, 4, 5, 6]
        handle = delta.open_table(f"s3://{books.settings.tables_bucket}/tables/{dataset}", books.settings)
        assert handle is not None
        assert delta.applied(handle, app_id(dataset)) == 6
        told = [(each.merged, each.quarantined, each.replaced, each.held) for each in outcomes]
        said.append((told, [rows for _, rows in states]))
    one, two, five = (Decimal(f"{number}.00") for number in (1, 2, 5))
    assert said[0] == said[1]
    assert said[0][1][2:] == [
        [("a", two), ("c", five), ("d", one), ("e", one)],
        [("a", two), ("c", five), ("d", one), ("e", one)],
        [("a", two), ("e", one)],
        [("a", two), ("e", one), ("f", one)],
    ]
    assert [gone for _, _, gone, _ in said[0][0]] == [
        {},
        {},
        {"rows": "3", "amount": "3.00"},
        {},
        {"rows": "2", "amount": "6.00"},
        {"rows": "0", "amount": "0.00"},
    ]


@pytest.mark.timeout(300)
def test_a_row_is_no_double_of_one_whose_place_it_takes(fresh_cloud: Cloud, spark: SparkSession) -> None:
    accept_accounts(Books(fresh_cloud.settings, fresh_cloud.aws, accounts(), spark), "A")
    pair = [("T1", "A", "J1", "2026-03-31", 2, 0), ("T2", "A", "J1", "2026-03-31", 0, 2)]
    for dataset, size in (("small", DRIVER), ("large", SPARK)):
        books = Books(fresh_cloud.settings, fresh_cloud.aws, trades(dataset), spark)
        books.accept(to_file(pair))
        superseding(books, to_file(pair), 1)
        books.accept(to_file(pair))
        assert [apply(books, seq, size).merged for seq in (1, 2, 3)] == [2, 2, 0]
        assert [row["_seq"] for row in books.rows()] == [2, 2]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", FOLDED)
def test_what_spark_applies_after_it_is_as_if_the_file_had_come_in_the_place(
    fresh_cloud: Cloud, spark: SparkSession, name: str
) -> None:
    law = replace(LAWS[name], contract=replace(LAWS[name].contract, engine="spark"))
    uploads = random_uploads(f"{name} by Spark", 100, 7)
    tables = mirror(fresh_cloud, law, uploads, partitioned=True, spark=spark, replaced={4: (2,), 6: (2, 4)})
    for count in (3, 1, 1, 1, 1):
        tables.apply(count)
    tables.check()
    uri = table_uri(tables.books.settings.tables_bucket, law.contract.dataset)
    written = {each.version: each.engine for each in history(uri, tables.books.settings)}
    engines = [written[each.version or 0].split("/")[0].lower() for each in tables.outcomes]
    assert [each.startswith("apache-spark") for each in engines] == [True, True, True, False, True, False, True]
