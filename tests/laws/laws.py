"""The laws of a merge mode, for one history: after every commit the table is what its model says."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, Phase, settings

from tables.contract import Contract
from tables.mode import DELETE, Mode
from tests.laws.histories import TIMES, TOGETHER, History
from tests.laws.lake import Lake, Table, a_table
from tests.model import Key, Row
from tests.models import Shape, Told, Upload, as_of, snapshot, told_by

LAWFUL = settings(
    max_examples=-(-int(os.environ.get("LAWS_HISTORIES", "2000")) // TOGETHER),
    deadline=None,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
"""Each mode is tried with so many histories, twenty in one table, and a twentieth as many alone.

`make laws` takes more.
"""


@dataclass(frozen=True)
class Law:
    """A contract, and what its mode must make of any uploads."""

    contract: Contract
    model: Callable[[Sequence[Upload], Shape], Told]

    @property
    def shape(self) -> Shape:
        contract = self.contract
        return Shape(contract.primary_key, contract.sequence_by, contract.untracked, 1 - contract.max_shrink)

    def given(self, uploads: Iterable[Upload]) -> tuple[Upload, ...]:
        """The uploads; where the contract says of no row that it deletes, none does."""
        if self.contract.deletes is not None:
            return tuple(uploads)
        return tuple(replace(each, rows=tuple({**row, "_deletes": False} for row in each.rows)) for each in uploads)


def check(mode: Mode, law: Law, history: History, begin: Callable[[Table], Lake] = Lake) -> None:
    """Raises `AssertionError` where the mode, or the lake that it begins with, breaks the law."""
    uploads = law.given(history.uploads)
    lake = begin(a_table(mode, law.contract))
    tries = [(run.uploads, run.buckets, run.crash) for run in history.runs]
    for count, buckets, crash in [*tries, *[(1, False, False)] * len(uploads)]:
        run = uploads[lake.applied : lake.applied + (1 if mode.alone else count)]
        if run:
            lake = lake.apply(run, buckets=buckets, crash=crash)
        if run and not crash:
            _compare(lake, law, uploads[: lake.applied])
    _compare_answers(lake, law, uploads)


def _compare(lake: Lake, law: Law, uploads: Sequence[Upload]) -> None:
    told, shape, names = law.model(uploads, law.shape), law.shape, lake.table.stored.names
    assert counted(lake.rows, names) == counted(told.rows, names)
    assert lake.fates == +told.fates
    if lake.table.mode.remembers(law.contract):
        events = [event for event in lake.events if event["_seq"] <= lake.applied]
        once = {(event["_seq"], event["_row"], shape.key_of(event)) for event in events}
        assert len(once) == len(events), "an event twice"
        deletions = {(event["_seq"], shape.key_of(event)) for event in events if event["_op"] == DELETE}
        assert deletions == told.deletions


def _compare_answers(lake: Lake, law: Law, uploads: Sequence[Upload]) -> None:
    """What the windows say of every time; they are those of the model already, so that this judges both."""
    if "_valid_to" in lake.table.stored.names:
        _check_windows(lake.rows, law.shape)
        for at, expected in _answers(uploads, law.shape).items():
            assert as_of(lake.rows, law.shape, at) == expected


def counted(rows: Iterable[Row], names: Sequence[str]) -> Counter[Key]:
    """How often each row is there."""
    return Counter(tuple(row[name] for name in names) for row in rows)


def _check_windows(rows: Sequence[Row], shape: Shape) -> None:
    """They do not overlap, and at most the last of each key is open."""
    keys: dict[Key, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row["_valid_from"]):
        keys.setdefault(shape.key_of(row), []).append(row)
    for windows in keys.values():
        assert all(row["_valid_to"] is None or row["_valid_from"] < row["_valid_to"] for row in windows)
        assert all(
            one["_valid_to"] is not None and one["_valid_to"] <= two["_valid_from"] for one, two in pairwise(windows)
        )


def _answers(uploads: Sequence[Upload], shape: Shape) -> dict[Any, dict[Key, Row]]:
    """What was so at every time that there is: what events say, or a full state once it was accepted."""
    if shape.time:
        return {at: told_by(uploads, shape, at) for at in TIMES}
    if any(one.at >= two.at for one, two in pairwise(uploads)):
        return {}
    states = {upload.at: snapshot(uploads[:count], shape).rows for count, upload in enumerate(uploads, start=1)}
    return {at: {shape.key_of(row): shape.says(row) for row in rows} for at, rows in states.items()}
