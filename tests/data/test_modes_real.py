"""Real histories through the real path: what each file did to the table is what its own publisher's history says."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ledgerlake.clock import utc_now
from streaming_jobs.commit import apply_run
from streaming_jobs.microbatch import apply_next
from streaming_jobs.runs import Run
from tables import feed
from tables.odcs import load
from tests.books import AlwaysHeld, Books
from tests.conftest import Cloud

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("LEDGERLAKE_TEST_DATA", ROOT.parent / "shared" / "data"))
SP500, ECB = DATA / "sp500_snapshots", DATA / "ecb_fx_vintages"

needs_sp500 = pytest.mark.skipif(not SP500.exists(), reason=f"no {SP500}")
needs_ecb = pytest.mark.skipif(not ECB.exists(), reason=f"no {ECB}")


@dataclass(frozen=True)
class Step:
    """A published file, and what it changed in the one before, as its history says."""

    content: bytes
    inserted: int
    updated: int
    deleted: int
    renamed: bool = False


def _members(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        found = {Path(member.name).name: tar.extractfile(member) for member in tar if member.isfile()}
        return {name: file.read() for name, file in found.items() if file}


def _snapshots() -> Iterator[Step]:
    """A column that was renamed, and no cell changed, counts there as a change of every row."""
    files = _members(SP500 / "snapshots.tar.xz")
    before: tuple[list[str], list[list[str]]] = ([], [])
    for entry in json.loads((SP500 / "index.json").read_text()):
        content = files[entry["file"]]
        header, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig")))
        renamed = len(header) == len(before[0]) and header != before[0] and sorted(rows) == sorted(before[1])
        first = not before[0]
        before = (header, rows)
        inserted = len(rows) if first else entry["inserted"]
        yield Step(content, inserted, entry["updated"], entry["deleted"], renamed)


def _contract(name: str, dataset: str, **replaced: str) -> Any:
    text = (ROOT / "tests" / "contracts" / f"{name}.yaml").read_text()
    for old, new in {f"name: {name}": f"name: {dataset}", **replaced}.items():
        assert old in text
        text = text.replace(old, new)
    return load(text, f"{name}.yaml")


def _changes(books: Books) -> dict[int, Counter[str]]:
    """Row changes by version, from the change feed."""
    found: dict[int, Counter[str]] = {}
    everything = feed.span(books.contract, books.settings, utc_now(), after=0)
    for row in feed.changes(books.contract, books.settings, everything):
        found.setdefault(row.version, Counter())[row.change] += 1
    return found


def _apply_each(books: Books) -> list[int]:
    """Applies the uploads that are not applied yet, one a run; returns the versions."""
    lake, versions = books.lake(), []
    for upload in books.uploads:
        (outcome,) = apply_run(lake, Run(books.contract, (upload,)), AlwaysHeld())
        assert outcome.state == "applied", outcome.held
        assert outcome.version is not None
        versions.append(outcome.version)
    return versions


@needs_sp500
@pytest.mark.timeout(600)
@pytest.mark.parametrize("history", [False, True], ids=["scd1", "scd2"])
def test_190_full_states_change_exactly_what_their_history_says(fresh_cloud: Cloud, *, history: bool) -> None:
    kept = {"value: snapshot}": "value: snapshot}\n      - {property: keepHistory, value: true}"} if history else {}
    books = Books(fresh_cloud.settings, fresh_cloud.aws, _contract("sp500", "companies", **kept))
    steps = list(_snapshots())
    for step in steps:
        books.accept(step.content)
    changes = _changes_after(books, _apply_each(books))
    for number, (step, found) in enumerate(zip(steps, changes, strict=True), start=1):
        updated = 0 if step.renamed else step.updated
        new = step.inserted + updated if history else step.inserted  # an update opens a window and closes one
        over = step.deleted + updated if history else updated
        gone = 0 if history else step.deleted
        assert (found["insert"], found["update"], found["delete"]) == (new, over, gone), number
    assert sum(step.renamed for step in steps) == 2
    assert [sum(getattr(step, name) for step in steps[1:]) for name in ("inserted", "updated", "deleted")] == [
        362,
        3479,
        359,
    ]


@needs_sp500
def test_full_states_that_are_announced_in_any_order_wait_for_the_gap_and_end_the_same(fresh_cloud: Cloud) -> None:
    books = Books(fresh_cloud.settings, fresh_cloud.aws, _contract("sp500", "companies"))
    for step in list(_snapshots())[60:80]:
        books.accept(step.content)
    lake, events = books.lake(), [upload.event for upload in books.uploads]
    random.Random(20).shuffle(events)  # noqa: S311  # an order, no secret
    applied = []
    for event in events:
        applied += [outcome.seq for outcome in apply_next(lake, "companies", [event])]
    while outcomes := apply_next(lake, "companies"):
        applied += [outcome.seq for outcome in outcomes]
    assert applied == list(range(1, 21))
    header, *rows = csv.reader(io.StringIO(list(_snapshots())[79].content.decode()))
    assert {row["symbol"]: row["name"] for row in books.rows()} == {row[0]: row[1] for row in rows}
    assert header[:2] == ["Symbol", "Security"]


@needs_ecb
@pytest.mark.timeout(600)
def test_every_reload_of_the_euro_rates_inserts_what_is_new_and_an_old_one_changes_nothing(fresh_cloud: Cloud) -> None:
    books = Books(fresh_cloud.settings, fresh_cloud.aws, _contract("ecb_fx", "rates"))
    index = json.loads((ECB / "index.json").read_text())
    vintages = [content for _, content in sorted(_members(ECB / "vintages.tar.xz").items())]
    for content in [*vintages, vintages[3]]:
        books.accept(content)
    *changes, old = _changes_after(books, _apply_each(books))
    assert [found["insert"] for found in changes] == [index[0]["cells"], *(entry["ins"] for entry in index[1:])]
    assert [+found - Counter(insert=found["insert"]) for found in (*changes, old)] == [Counter()] * 17
    assert old["insert"] == 0
    assert books.table().num_rows == index[-1]["cells"]


def _changes_after(books: Books, versions: list[int]) -> list[Counter[str]]:
    found = _changes(books)
    assert set(found) <= set(versions)
    return [found.get(version, Counter()) for version in versions]
