"""Whatever step of admission a process dies in, the next delivery goes on with the same number and the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.admission import admit
from ingestion.intake import Intake
from ledgerlake.aws import Aws
from ledgerlake.errors import TransientError
from ledgerlake.events import Manifest
from ledgerlake.layout import LANDING_PREFIX
from tests.conftest import Cloud
from tests.local.clients import DATASET, Landed, a_file, a_fresh, an_intake, announced, land, objects

WRITES = {
    "put_object",
    "copy_object",
    "delete_object",
    "transact_write_items",
    "update_item",
    "put_item",
    "put_records",
}
MOST = 8
"""Admission writes at most so often."""


@dataclass
class Budget:
    """How many writes may still happen; one more raises before it, or after it has happened unseen."""

    left: int
    after: bool


@dataclass(frozen=True)
class Failing:
    """A client that dies at a write: the process never learns whether it took effect."""

    client: Any
    budget: Budget

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self.client, name)
        return self._dying(operation) if name in WRITES else operation

    def _dying(self, operation: Callable[..., Any]) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            self.budget.left -= 1
            if self.budget.left >= 0:
                return operation(**arguments)
            if self.budget.left == -1 and self.budget.after:
                operation(**arguments)
            msg = "the process died here"
            raise TransientError(msg)

        return call


@dataclass(frozen=True)
class FailingAws:
    """The clients of a process that dies."""

    aws: Aws
    budget: Budget

    def __getattr__(self, name: str) -> Any:
        return Failing(getattr(self.aws, name), self.budget)


def dying(intake: Intake, writes: int, *, after: bool) -> Intake:
    """The same ingestion in a process that survives only so many writes."""
    return replace(intake, aws=cast("Aws", FailingAws(intake.aws, Budget(writes, after))))


def deliver(intake: Intake, landed: Landed) -> bool:
    """Whether the delivery came to its end."""
    try:
        admit(intake, landed.notice)
    except TransientError:
        return False
    return True


crash = st.tuples(st.integers(0, MOST), st.booleans())


def check(intake: Intake, landed: list[Landed]) -> None:
    """Every file has one number without gaps, one manifest, at least one event, and none is left in landing."""
    kept = objects(intake, intake.settings.raw_bucket, f"raw/{DATASET}/manifests/")
    manifests = [Manifest.from_json(kept[key]) for key in sorted(kept)]
    assert [manifest.seq for manifest in manifests] == list(range(1, len(landed) + 1))
    assert {manifest.upload_id for manifest in manifests} == {each.upload_id for each in landed}
    assert intake.ledger.counter(DATASET) == len(landed)
    for manifest, key in zip(manifests, sorted(kept), strict=True):
        row = intake.ledger.read(manifest.upload_id)
        assert row
        assert row.texts["manifest"].encode() == kept[key]
    assert set(announced(intake)) == {manifest.event for manifest in manifests}
    assert not objects(intake, intake.settings.landing_bucket, LANDING_PREFIX)


@settings(max_examples=12, deadline=None)
@given(st.lists(st.lists(crash, max_size=3), min_size=1, max_size=3))
def test_a_delivery_after_any_crashes_goes_on_where_they_stopped(
    cloud: Cloud,
    crashes: list[list[tuple[int, bool]]],
) -> None:
    intake = an_intake(a_fresh(cloud))
    landed = [land(intake, a_file(first=10 * number)) for number in range(len(crashes))]
    seen: dict[str, str] = {}
    for each, deaths in zip(landed, crashes, strict=True):
        for writes, after in deaths:
            deliver(dying(intake, writes, after=after), each)
            row = intake.ledger.read(each.upload_id)
            if row and "manifest" in row.texts:
                assert seen.setdefault(each.upload_id, row.texts["manifest"]) == row.texts["manifest"]
    for each in reversed(landed):
        assert deliver(intake, each)
        row = intake.ledger.read(each.upload_id)
        assert row
        assert seen.get(each.upload_id, row.texts["manifest"]) == row.texts["manifest"]
    check(intake, landed)


@settings(max_examples=8, deadline=None)
@given(st.lists(crash, min_size=1, max_size=3))
def test_a_rejection_after_any_crashes_keeps_the_first_reason(cloud: Cloud, deaths: list[tuple[int, bool]]) -> None:
    intake = an_intake(a_fresh(cloud))
    landed = land(intake, b"%PDF-1.7 is no payment file")
    reasons = set()
    for writes, after in deaths:
        deliver(dying(intake, writes, after=after), landed)
        row = intake.ledger.read(landed.upload_id)
        reasons |= {row.texts["rejection"]} if row and "rejection" in row.texts else set()
    assert deliver(intake, landed)
    row = intake.ledger.read(landed.upload_id)
    assert row
    assert reasons <= {row.texts["rejection"]}
    kept = objects(intake, intake.settings.raw_bucket)
    assert sorted(key.rpartition("/")[2] for key in kept) == ["file", "reason.json"]
    assert row.texts["rejection"].encode() in kept.values()
    assert not objects(intake, intake.settings.landing_bucket, LANDING_PREFIX)


def test_every_write_of_an_acceptance_is_one_that_a_crash_is_tried_at(fresh_cloud: Cloud) -> None:
    intake = an_intake(fresh_cloud)
    landed = land(intake, a_file())
    budget = Budget(MOST, after=False)
    assert deliver(replace(intake, aws=cast("Aws", FailingAws(intake.aws, budget))), landed)
    assert budget.left >= 0
