"""Leases against a real conditional write: one holder at a time, by a clock that the test turns."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ledgerlake.errors import TransientError
from streaming_jobs.lake import Lake
from streaming_jobs.lease import acquire, held
from tables.contract_store import ContractStore


@dataclass
class TurnedClock:
    """Shows what the test sets."""

    now: datetime = datetime(2026, 3, 31, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def turn(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def lake(fresh_cloud: Any, clock: TurnedClock) -> Lake:
    settings = replace(fresh_cloud.settings, lease_seconds=60)
    return Lake(settings, fresh_cloud.aws, ContractStore(settings, fresh_cloud.aws), clock=clock, driver="one")


def test_a_second_driver_is_told_to_come_back(lake: Lake) -> None:
    acquire(lake, "payments")
    with pytest.raises(TransientError, match="another driver holds the lease"):
        acquire(replace(lake, driver="two"), "payments")


def test_leases_of_different_tables_do_not_touch(lake: Lake) -> None:
    acquire(lake, "payments")
    acquire(replace(lake, driver="two"), "prices").check()


def test_a_released_lease_is_free_at_once(lake: Lake) -> None:
    acquire(lake, "payments").release()
    assert acquire(replace(lake, driver="two"), "payments").fence == 2


def test_a_driver_that_was_killed_loses_its_lease_when_its_time_is_over(lake: Lake, clock: TurnedClock) -> None:
    zombie = acquire(lake, "payments")
    clock.turn(seconds=59)
    with pytest.raises(TransientError):
        acquire(replace(lake, driver="two"), "payments")
    clock.turn(seconds=1)
    successor = acquire(replace(lake, driver="two"), "payments")
    assert successor.fence > zombie.fence
    with pytest.raises(TransientError, match="was lost"):
        zombie.check()
    zombie.release()
    successor.check()


def test_a_check_prolongs_the_lease(lake: Lake, clock: TurnedClock) -> None:
    lease = acquire(lake, "payments")
    for _ in range(3):
        clock.turn(seconds=50)
        lease.check()
    with pytest.raises(TransientError):
        acquire(replace(lake, driver="two"), "payments")


def test_an_expired_lease_that_nobody_wanted_is_still_ours(lake: Lake, clock: TurnedClock) -> None:
    lease = acquire(lake, "payments")
    clock.turn(seconds=600)
    lease.check()


def test_of_many_drivers_at_once_exactly_one_gets_the_lease(lake: Lake) -> None:
    def attempt(number: int) -> int | None:
        try:
            return acquire(replace(lake, driver=f"driver-{number}"), "payments").fence
        except TransientError:
            return None

    assert lake.aws.dynamodb
    with ThreadPoolExecutor(8) as pool:
        fences = list(pool.map(attempt, range(16)))
    assert [fence for fence in fences if fence is not None] == [1]


def test_the_fence_grows_with_every_change_of_hands(lake: Lake) -> None:
    fences = []
    for driver in ("one", "two", "one"):
        with held(replace(lake, driver=driver), "payments") as lease:
            fences.append(lease.fence)
    assert fences == [1, 2, 3]


def test_a_long_block_keeps_its_lease_and_frees_it_when_it_fails(lake: Lake) -> None:
    short = replace(lake, settings=replace(lake.settings, lease_seconds=1), clock=lambda: datetime.now(UTC))
    other = replace(short, driver="two")

    def too_long_and_then_fail() -> None:
        with held(short, "payments"):
            threading.Event().wait(1.5)
            with pytest.raises(TransientError):
                acquire(other, "payments")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        too_long_and_then_fail()
    acquire(other, "payments")
