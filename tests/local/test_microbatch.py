"""Micro-batches on a real S3 server: events are a doorbell, a dataset's troubles stay its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from ledgerlake.events import Manifest, Outcome, UploadEvent
from ledgerlake.layout import manifest_key
from streaming_jobs.lake import Lake
from streaming_jobs.lease import acquire
from streaming_jobs.microbatch import apply_microbatch, catch_up, progress
from tables.contract_store import ContractStore
from tests.books import Books, a_contract, a_row
from tests.conftest import Cloud


@dataclass(frozen=True)
class Library:
    """Two datasets in one installation, and one driver for both."""

    books: Books
    films: Books
    lake: Lake


@pytest.fixture
def library(fresh_cloud: Cloud, tmp_path: Path) -> Library:
    settings = replace(fresh_cloud.settings, contracts=str(tmp_path))
    contracts = {name: a_contract(name) for name in ("books", "films")}
    for name, contract in contracts.items():
        (tmp_path / f"{name}.yaml").write_text(contract.text, encoding="utf-8")
    books, films = (Books(settings, fresh_cloud.aws, contract) for contract in contracts.values())
    return Library(books, films, Lake(settings, fresh_cloud.aws, ContractStore(settings, fresh_cloud.aws)))


def accept(dataset: Books, count: int = 1) -> list[UploadEvent]:
    return [dataset.accept([a_row(f"{len(dataset.uploads)}")]).event for _ in range(count)]


def applied(outcomes: Sequence[Outcome]) -> list[tuple[str, int]]:
    return [(outcome.dataset, outcome.seq) for outcome in outcomes]


def raw_object(library: Library, manifest: Manifest) -> dict[str, Any]:
    return {"Bucket": library.lake.settings.raw_bucket, "Key": manifest.raw_key}


def test_events_of_two_datasets_are_applied_in_one_micro_batch(library: Library) -> None:
    events = accept(library.films) + accept(library.books, 2)
    assert sorted(applied(apply_microbatch(library.lake, events))) == [("books", 1), ("books", 2), ("films", 1)]
    assert len(library.books.rows()) == 2
    assert len(library.films.rows()) == 1


def test_delivering_the_same_event_twice_changes_nothing(library: Library) -> None:
    events = accept(library.books)
    apply_microbatch(library.lake, events)
    version = library.books.version()
    assert apply_microbatch(library.lake, events + events) == ()
    assert library.books.version() == version


def test_events_in_any_order_apply_uploads_in_theirs(library: Library) -> None:
    events = accept(library.books, 3)
    assert applied(apply_microbatch(library.lake, events[::-1])) == [("books", 1), ("books", 2), ("books", 3)]


def test_the_last_event_alone_brings_the_uploads_before_it_along(library: Library) -> None:
    events = accept(library.books, 3)
    assert len(apply_microbatch(library.lake, events[2:])) == 3


def test_a_gap_waits_and_is_never_skipped(library: Library) -> None:
    events = accept(library.books, 3)
    s3, bucket = library.lake.aws.s3, library.lake.settings.raw_bucket
    key = manifest_key("books", 2)
    s3.delete_object(Bucket=bucket, Key=key)
    assert applied(apply_microbatch(library.lake, events)) == [("books", 1)]
    assert apply_microbatch(library.lake, events) == ()
    assert catch_up(library.lake) == ()
    s3.put_object(Bucket=bucket, Key=key, Body=library.books.uploads[1].to_json())
    assert applied(apply_microbatch(library.lake, events[1:2])) == [("books", 2), ("books", 3)]


def test_a_dataset_that_fails_does_not_stall_the_others_and_is_tried_again(library: Library) -> None:
    events = accept(library.books) + accept(library.films)
    lost = raw_object(library, library.books.uploads[0])
    data = library.lake.aws.s3.get_object(**lost)["Body"].read()
    library.lake.aws.s3.put_object(**lost, Body=b"changed by hand")
    assert applied(apply_microbatch(library.lake, events)) == [("films", 1)]
    assert progress(library.lake, "books") == 0
    library.lake.aws.s3.put_object(**lost, Body=data)
    assert applied(catch_up(library.lake)) == [("books", 1)]


def test_a_dataset_without_a_table_does_not_stall_the_others(library: Library) -> None:
    unknown = replace(accept(library.films)[0], dataset="unknown")
    assert applied(apply_microbatch(library.lake, [unknown, *accept(library.books)])) == [("books", 1)]


def test_a_long_backlog_of_one_dataset_lets_the_others_through(library: Library) -> None:
    size = accept(library.books, 3)[0].size
    accept(library.films)
    lake = replace(library.lake, settings=replace(library.lake.settings, small_batch_bytes=size))
    assert applied(catch_up(lake)) == [("books", 1), ("films", 1), ("books", 2), ("books", 3)]


def test_what_no_event_announced_is_found_in_raw(library: Library) -> None:
    accept(library.books, 2)
    accept(library.films)
    assert len(catch_up(library.lake)) == 3
    assert catch_up(library.lake) == ()


def test_a_new_driver_goes_on_where_the_tables_are(library: Library) -> None:
    apply_microbatch(library.lake, accept(library.books, 2))
    events = accept(library.books)
    again = library.books.lake(contracts=library.lake.contracts)
    assert applied(apply_microbatch(again, events)) == [("books", 3)]


def test_a_table_that_another_driver_writes_is_left_to_it(library: Library) -> None:
    other = acquire(replace(library.lake, driver="another"), "books")
    events = accept(library.books) + accept(library.films)
    assert applied(apply_microbatch(library.lake, events)) == [("films", 1)]
    other.release()
    assert applied(catch_up(library.lake)) == [("books", 1)]


def test_a_run_is_measured(library: Library) -> None:
    apply_microbatch(library.lake, accept(library.books))
    found = library.lake.aws.cloudwatch.list_metrics(Namespace=library.lake.settings.metrics_namespace)["Metrics"]
    measured = {(metric["MetricName"], *(each["Value"] for each in metric["Dimensions"])) for metric in found}
    assert {
        ("uploads_applied", "books"),
        ("freshness_seconds", "books"),
        ("stage_seconds", "books", "wait"),
        ("stage_seconds", "books", "apply"),
    } <= measured
