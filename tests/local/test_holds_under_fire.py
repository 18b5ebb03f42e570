"""However deciders and drivers die, a decision about a held file is made once, and raw tells it all."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from ingestion.holds import reject, release
from ingestion.sweeper import sweep
from ledgerlake.aws import Aws
from ledgerlake.decisions import read_decisions
from ledgerlake.errors import TransientError
from ledgerlake.layout import decision_prefix
from tests.conftest import Cloud
from tests.house import ANN, DATASET, House, a_contract_text, a_file, a_house
from tests.local.clients import a_fresh, objects
from tests.local.test_crashes import dying
from tests.local.test_holds import house, waiting

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["good", "held", "held"]),
        st.sampled_from(["release", "release", "reject", "later"]),
        st.integers(0, 8),
        st.booleans(),
        st.booleans(),
    ),
    min_size=1,
    max_size=4,
)
"""A file, what is decided if it is held, after how many writes the decider dies, whether the write before that took
effect unseen, and whether the driver restarts."""


@pytest.mark.timeout(300)
@settings(
    max_examples=6, deadline=None, phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck)
)
@example([("held", "later", 3, False, True), ("held", "reject", 8, False, False)], "wait")
@given(STEPS, st.sampled_from(["continue", "wait"]))
def test_however_deciders_and_drivers_die_each_decision_is_made_once_and_raw_tells_it_all(
    cloud: Cloud, steps: list[tuple[str, str, int, bool, bool]], when_held: str
) -> None:
    lake = a_house(a_fresh(cloud).settings, Path(mkdtemp()), a_contract_text(whenHeld=when_held))
    for number, (kind, decision, writes, after, restarts) in enumerate(steps):
        upload_id = lake.send(a_file(("key", f"{number}.00"), (str(number), "1.00")), rows=2 if kind == "good" else 9)
        lake.apply()
        if restarts:
            lake.restart()
        if upload_id in waiting(lake) and decision != "later":
            step = release if decision == "release" else reject
            try:
                step(dying(lake.intake, writes, after=after), lake.row(upload_id), ANN, "seen")
            except TransientError:
                sweep(lake.intake)  # the next one does what is left, if anything was decided
        lake.apply()
    while when_held == "wait" and (held := waiting(lake)):  # the next one is judged when this one is out of the way
        reject(lake.intake, lake.row(held[0]), ANN, "at last")
        lake.apply()
    lake.apply()
    _check(lake)
    _check_rebuilt(lake)


def _check(lake: House) -> None:
    """The table is the fold of what was applied, and what was decided was decided once."""
    uploads = lake.query("SELECT seq, upload_id, state, file_name, cause FROM uploads ORDER BY seq")
    assert [upload["seq"] for upload in uploads] == list(range(1, len(uploads) + 1))
    applied = [lake.row(upload["upload_id"]) for upload in uploads if upload["state"] == "applied"]
    model: dict[str, str] = {}
    for row in applied:
        assert row.manifest
        raw = objects(lake.intake, lake.intake.settings.raw_bucket, row.manifest.raw_key)[row.manifest.raw_key]
        model |= {line.split(",")[0]: line.split(",")[2] for line in raw.decode().splitlines()[1:]}
    assert lake.fees() == model
    released = [upload["cause"]["upload_id"] for upload in uploads if upload["cause"]]
    assert len(set(released)) == len(released)
    kept = objects(lake.intake, lake.intake.settings.raw_bucket, decision_prefix(DATASET))
    decided = [json.loads(kept[key]) for key in sorted(kept)]
    assert [each["number"] for each in decided] == list(range(1, len(decided) + 1))
    assert len({each["upload_id"] for each in decided}) == len(decided)
    assert {each["upload_id"] for each in decided if each["as_upload_id"]} == set(released)


def _check_rebuilt(lake: House) -> None:
    """A lost ledger, and tables made again from raw, say the same."""
    fees = lake.fees()
    assert lake.from_raw().fees() == fees


def test_a_decision_whose_reply_was_lost_is_no_decision_of_somebody_else(fresh_cloud: Cloud, tmp_path: Path) -> None:
    lake = house(fresh_cloud, tmp_path)
    held = lake.send(a_file(("a", "1.00")), rows=2)
    lake.apply()
    deaf = replace(lake.intake, aws=cast("Aws", _Deaf(lake.intake.aws)))
    decision = release(deaf, lake.row(held), ANN, "seen")
    assert decision.kind == "release"
    assert list(read_decisions(lake.intake.aws, DATASET)) == [decision]
    lake.apply()
    assert lake.fees() == {"a": "1.00"}


@dataclass(frozen=True)
class _Deaf:
    """Clients whose first write of a decision takes effect, and is sent again because nobody heard of that."""

    aws: Aws

    @property
    def s3(self) -> Any:
        return _DeafS3(self.aws.s3)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.aws, name)


@dataclass(frozen=True)
class _DeafS3:
    client: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def put_object(self, **request: Any) -> Any:
        if "/decisions/" in request["Key"]:
            self.client.put_object(**request)
        return self.client.put_object(**request)
