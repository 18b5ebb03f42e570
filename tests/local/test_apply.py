"""The apply protocol in the driver, on a real S3 server: exactly once, whatever happens in between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from ledgerlake.aws import Aws, ClientError
from ledgerlake.errors import ConfigurationError, LedgerlakeError, TransientError
from ledgerlake.settings import Settings
from streaming_jobs.outcomes import recover
from tests.books import Books, a_contract, a_row, to_csv
from tests.conftest import Cloud
from tests.local.failing_s3 import failing_after


def some_books(cloud: Cloud, **contract: Any) -> Books:
    """Three uploads: with a bad row, with a duplicate, with a late row."""
    books = Books(cloud.settings, cloud.aws, a_contract(**contract))
    books.accept([a_row("a", amount=Decimal("10.00")), a_row("b", open="maybe", amount=Decimal("0.10"))])
    books.accept(
        [
            a_row("a", amount=Decimal("2.00")),
            a_row("a", amount=Decimal("3.00")),
            a_row("c", as_of=date(2026, 4, 2), amount=Decimal("4.00")),
        ],
    )
    books.accept([a_row("c", as_of=date(2026, 4, 1), amount=Decimal("5.00")), a_row("d", amount=None)])
    return books


def everything(books: Books) -> dict[str, Any]:
    """All that the three tables and the ledger say, without the moments of writing and the versions."""
    return {
        "rows": books.rows(),
        "quarantine": sorted((row["seq"], row["row"], row["raw"]) for row in books.table("quarantine").to_pylist()),
        "uploads": sorted(
            (
                row["seq"],
                row["state"],
                row["merged"],
                row["superseded"],
                row["duplicate"],
                row["quarantined"],
                row["file_name"],
            )
            for row in books.table("uploads").to_pylist()
        ),
        "ledger": [books.ledger_state(upload) for upload in books.uploads],
    }


EXPECTED_COUNTS = [
    (1, "applied", 1, 0, 0, 1, "1.csv"),
    (2, "applied", 2, 0, 1, 0, "2.csv"),
    (3, "applied", 1, 1, 0, 0, "3.csv"),
]


@pytest.mark.parametrize("runs", [[(1, 3)], [(1, 1), (2, 3)], [(1, 2), (3, 3)], [(1, 1), (2, 2), (3, 3)]], ids=str)
def test_the_table_and_the_counts_do_not_depend_on_how_uploads_are_cut_into_runs(
    fresh_cloud: Cloud,
    runs: list[tuple[int, int]],
) -> None:
    books = some_books(fresh_cloud)
    for first, last in runs:
        books.apply(first, last)
    found = everything(books)
    assert [(row["id"], row["amount"], row["_seq"], row["_row"]) for row in found["rows"]] == [
        ("a", Decimal("3.00"), 2, 3),
        ("c", Decimal("4.00"), 2, 4),
        ("d", None, 3, 3),
    ]
    assert found["uploads"] == EXPECTED_COUNTS
    assert [line[:2] for line in found["quarantine"]] == [(1, 3)]
    assert found["ledger"] == ["applied"] * 3


def test_an_outcome_conserves_rows_and_cents(fresh_cloud: Cloud) -> None:
    first, second, third = some_books(fresh_cloud).apply(1, 3)
    assert first.money["amount"] == {
        "file": "10.10",
        "merged": "10.00",
        "superseded": "0.00",
        "duplicate": "0.00",
        "quarantined": "0.10",
    }
    assert second.money["amount"]["duplicate"] == "2.00"
    assert third.money["amount"]["superseded"] == "5.00"
    assert (first.rows, second.rows, third.rows) == (2, 3, 2)
    assert first.version == second.version == third.version


def test_append_keeps_every_row_of_every_file_once(fresh_cloud: Cloud) -> None:
    books = some_books(fresh_cloud, mode="append", partitioned=True)
    books.apply(1, 2)
    books.apply(1, 3)
    assert [(row["id"], row["_seq"], row["_row"]) for row in books.rows()] == [
        ("a", 1, 2),
        ("a", 2, 2),
        ("a", 2, 3),
        ("c", 2, 4),
        ("c", 3, 2),
        ("d", 3, 3),
    ]


def test_applying_the_same_uploads_again_changes_nothing(fresh_cloud: Cloud) -> None:
    books = some_books(fresh_cloud)
    books.apply(1, 3)
    before = everything(books)
    versions = [books.version(name) for name in ("books", "uploads", "quarantine")]
    assert books.apply(1, 3) == ()
    assert books.apply(2, 2) == ()
    assert everything(books) == before
    assert [books.version(name) for name in ("books", "uploads", "quarantine")] == versions


def test_a_run_that_changes_no_row_still_makes_progress(fresh_cloud: Cloud) -> None:
    books = some_books(fresh_cloud)
    books.apply(1, 3)
    books.accept([a_row("a", as_of=date(2020, 1, 1))])
    books.accept([])
    before = books.rows()
    late, empty = books.apply(4, 5)
    assert (late.superseded, late.merged, empty.rows) == (1, 0, 0)
    assert books.rows() == before
    assert books.apply(4, 5) == ()


def test_an_upload_after_a_gap_is_refused(fresh_cloud: Cloud) -> None:
    with pytest.raises(LedgerlakeError, match="upload 2 cannot follow upload 0"):
        some_books(fresh_cloud).apply(2, 2)


def test_a_table_that_nobody_created_is_a_matter_of_configuration(fresh_cloud: Cloud) -> None:
    books = some_books(fresh_cloud)
    missing = replace(books.settings, tables_bucket=books.settings.landing_bucket)
    with pytest.raises(ConfigurationError, match="tables apply"):
        books.apply(1, 1, settings=missing)


def test_totals_that_do_not_balance_hold_the_whole_file_and_the_next_goes_on(fresh_cloud: Cloud) -> None:
    books = Books(fresh_cloud.settings, fresh_cloud.aws, a_contract())
    books.accept([a_row("a"), a_row("b", open="maybe")], declared_totals={"amount": "2.01"})
    books.accept([a_row("c")], declared_totals={"amount": "1.00"}, declared_rows=1)
    held, applied = books.apply(1, 2)
    assert (held.state, held.rows, held.merged, held.quarantined, held.money["amount"]["file"]) == (
        "held",
        2,
        0,
        0,
        "2.00",
    )
    assert "2.01" in held.held[0]
    assert applied.state == "applied"
    assert [row["id"] for row in books.rows()] == ["c"]
    assert books.table("quarantine").num_rows == 0
    assert [books.ledger_state(upload) for upload in books.uploads] == ["held", "applied"]


def test_a_file_that_cannot_be_read_to_its_end_is_held(fresh_cloud: Cloud) -> None:
    books = Books(fresh_cloud.settings, fresh_cloud.aws, a_contract())
    books.accept(to_csv([a_row("a")]).replace(b"branch", b"brunch"))
    (held,) = books.apply(1, 1)
    assert (held.state, held.rows) == ("held", 0)
    assert "brunch" in held.held[0]


def test_raw_bytes_that_are_not_those_accepted_are_not_applied(fresh_cloud: Cloud) -> None:
    books = Books(fresh_cloud.settings, fresh_cloud.aws, a_contract())
    books.accept([a_row("a")], sha256="0" * 64)
    with pytest.raises(TransientError, match="SHA-256"):
        books.apply(1, 1)
    assert books.rows() == []


# Crashes


class LeaseLost:
    def check(self) -> None:
        raise TransientError("another driver took over")


@dataclass(frozen=True)
class _RefusingClient:
    """A client of AWS that refuses one operation and does the others."""

    client: Any
    operation: str

    def __getattr__(self, name: str) -> Any:
        if name == self.operation:
            return partial(_refuse, name)
        return getattr(self.client, name)


def _refuse(name: str, **_: Any) -> None:
    raise ClientError({"Error": {"Code": "AccessDenied", "Message": "power failed"}}, name)


class RefusingAws(Aws):
    """Refuses one operation of the ledger."""

    @property
    def dynamodb(self) -> Any:
        return _RefusingClient(Aws(self.settings).dynamodb, "update_item")


def _lose_the_lease(books: Books, last: int) -> None:
    with pytest.raises(TransientError, match="another driver"):
        books.apply(1, last, lease=LeaseLost())


def _lose_the_ledger(books: Books, last: int) -> None:
    with pytest.raises(ClientError, match="power failed"):
        books.apply(1, last, aws=RefusingAws(books.settings))


@pytest.mark.parametrize("last_before", [1, 2, 3])
@pytest.mark.parametrize("crash", [_lose_the_lease, _lose_the_ledger])
def test_a_crash_between_two_steps_resumes_exactly(
    fresh_cloud: Cloud,
    crash: Callable[[Books, int], None],
    last_before: int,
) -> None:
    books = some_books(fresh_cloud)
    crash(books, last_before)
    crash_again = books.version("books")
    books.apply(1, 2)
    books.apply(1, 3)
    assert crash_again == books.version("books") or books.rows()
    _assert_complete(books)


def test_recover_tells_what_a_crash_left_untold(fresh_cloud: Cloud) -> None:
    books = some_books(fresh_cloud)
    _lose_the_ledger(books, 2)
    assert books.table("uploads").num_rows == 0
    assert [outcome.seq for outcome in recover(books.lake(), "books")] == [1, 2]
    assert [outcome.seq for outcome in recover(books.lake(), "books")] == []
    assert [row["version"] for row in books.table("uploads").to_pylist()] == [books.version("books")] * 2
    assert [books.ledger_state(upload) for upload in books.uploads] == ["applied", "applied", "accepted"]


@pytest.mark.parametrize("writes", range(8))
def test_a_power_failure_at_any_write_to_s3_resumes_exactly(fresh_cloud: Cloud, writes: int) -> None:
    books = some_books(fresh_cloud)
    with failing_after(writes, str(books.settings.s3_endpoint_url)) as door:
        settings = replace(books.settings, s3_endpoint_url=door.endpoint)
        try:
            books.apply(1, 2, settings=settings, aws=_aws_beside(books.settings))
        except (LedgerlakeError, OSError):
            assert door.shut
    books.apply(1, 3)
    _assert_complete(books)


def _aws_beside(settings: Settings) -> Aws:
    """Clients that do not go through the door: only the tables' writes fail."""
    return Aws(settings)


def _assert_complete(books: Books) -> None:
    found = everything(books)
    assert [(row["id"], row["_seq"], row["_row"]) for row in found["rows"]] == [("a", 2, 3), ("c", 2, 4), ("d", 3, 3)]
    assert found["uploads"] == EXPECTED_COUNTS
    assert [line[:2] for line in found["quarantine"]] == [(1, 3)]
    assert found["ledger"] == ["applied"] * 3
