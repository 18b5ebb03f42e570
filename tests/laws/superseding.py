"""Lakes in which some uploads take the place of others, and what the models say of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile

import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import strategies as st

from tables.believed import believed
from tables.mode import DELETE, Commit, Fate, Fold, Turn, event_schema
from tables.modes import MODES
from tables.refold import Chain, Keys, among, refold, remembers_all, shaped
from tests.laws.histories import FILE, RUNS, Run, together, uploads_of
from tests.laws.lake import Lake, a_table
from tests.laws.laws import Law, counted
from tests.model import Row
from tests.models import Upload

Replaced = Mapping[int, tuple[int, ...]]
"""By the number of an upload those whose place it takes, and what they took the place of, in order."""

Since = tuple[int, tuple[Row, ...], list[Upload], set[int]]
"""The number and the rows with which a fold begins, all uploads since, and those that do not count."""


@dataclass(frozen=True)
class Corrections:
    """Uploads, which take the place of which, and the runs they are tried in."""

    uploads: tuple[Upload, ...]
    replaced: Replaced
    runs: tuple[Run, ...]


def _drawn(drawn: tuple[tuple[Upload, ...], list[int], list[Run]]) -> Corrections:
    uploads, wishes, runs = drawn
    return Corrections(uploads, _replaced(wishes[: len(uploads)]), tuple(runs))


def _replaced(wishes: Sequence[int]) -> Replaced:
    """Every second wish or so is for one of the uploads before that still count."""
    found: dict[int, tuple[int, ...]] = {}
    for seq, wish in enumerate(wishes, start=1):
        alive = sorted(set(range(1, seq)) - {gone for each in found.values() for gone in each})
        if alive and wish % 2:
            target = alive[wish // 2 % len(alive)]
            found[seq] = tuple(sorted({target, *found.get(target, ())}))
    return found


TOGETHER = 8
"""Histories in one table: more of such lengths could not be shown."""

_RUNS = RUNS.map(lambda numbers: [Run(number // 8 + 1, bool(number // 4 % 2), number % 4 == 1) for number in numbers])
_FILES = st.lists(FILE, min_size=2, max_size=7).map(uploads_of)
CORRECTIONS = st.tuples(
    st.tuples(*[_FILES] * TOGETHER).map(together), st.lists(st.integers(0, 11), min_size=7, max_size=7), _RUNS
).map(_drawn)


def in_places(uploads: Sequence[Upload], replaced: Replaced) -> list[Upload]:
    """The uploads that count, with the numbers of their places."""
    gone = {each for upload in uploads for each in replaced.get(upload.seq, ())}
    alive = [
        replace(each, seq=place, rows=tuple({**row, "_seq": place} for row in each.rows))
        for each in uploads
        if each.seq not in gone
        for place in [min(replaced.get(each.seq, (each.seq,)))]
    ]
    return sorted(alive, key=lambda each: each.seq)


@dataclass(frozen=True)
class Correcting(Lake):
    """It folds again as `streaming_jobs.refold`; `versions` has the rows before each run, by its first number."""

    uploads: tuple[Upload, ...] = ()
    replaced: Replaced = field(default_factory=dict)
    versions: tuple[tuple[int, tuple[Row, ...]], ...] = ()

    def apply(self, uploads: Sequence[Upload], *, buckets: bool, crash: bool) -> Correcting:
        first, *_ = uploads
        plain = first.seq not in self.replaced
        lake = super().apply(uploads, buckets=buckets, crash=crash) if plain else self._superseded(first, crash=crash)
        assert isinstance(lake, Correcting)
        return lake if crash else replace(lake, versions=(*self.versions, (first.seq, self.rows)))

    def _superseded(self, upload: Upload, *, crash: bool) -> Correcting:
        folded = self._refold(upload)
        rows = [{**row, "op": row["_op"]} for row in upload.rows]
        fates = self.fates.copy()
        fates.update((row["_seq"], Fate(fate).name.lower()) for row, fate in zip(rows, folded.fates, strict=True))
        events = folded.events.to_pylist() if folded.events is not None and self.remembered < upload.seq else []
        lake = replace(self, events=(*self.events, *events), remembered=upload.seq if events else self.remembered)
        merging = replace(self.table, mode=replace(self.table.mode, commit=Commit.MERGE))
        there = replace(self, table=merging)._committed(folded.changes.to_pylist(), fates)  # noqa: SLF001  # of its own class
        return lake if crash else replace(lake, rows=there, applied=upload.seq, fates=fates)

    def _refold(self, upload: Upload) -> Fold:
        mode, contract = self.table.mode, self.table.contract
        first, before, since, gone = self._since(upload)
        own, others = self._given([upload]), self._given(since)
        places = {f"upload {each.seq}": min(self.replaced.get(each.seq, (each.seq,))) for each in (*since, upload)}
        keys = self._concerned(upload)
        events = [each for each in self.events if each["_seq"] <= self.applied]
        said = [
            _of(keys, _table(rows, shape))
            for rows, shape in (
                (before, self.table.stored),
                (self.rows, self.table.stored),
                (events, event_schema(contract)),
            )
        ]
        known = said[2] if mode.remembers(contract) else None
        if remembers_all(mode, contract):
            said[0], others = said[0].slice(0, 0), others.slice(0, 0)
        turn = Turn(upload.seq, f"upload {upload.seq}", upload.at)
        chain = Chain(frozenset(f"upload {seq}" for seq in gone), places)
        return refold(own, _of(keys, others), Keys(said[0], said[1], known, first - 1), mode, contract, turn, chain)

    def _concerned(self, upload: Upload) -> pa.Table:
        rows = self._given([upload, *(self.uploads[seq - 1] for seq in self.replaced[upload.seq])])
        return rows.select(list(self.table.contract.primary_key))

    def _since(self, upload: Upload) -> Since:
        gone = set(self.replaced[upload.seq])
        while True:
            first, before = next(each for each in reversed(self.versions) if each[0] <= min(gone))
            more = gone.union(*(self.replaced.get(seq, ()) for seq in range(first, upload.seq)))
            if more == gone:
                return first, before, list(self.uploads[first - 1 : upload.seq - 1]), gone
            gone = more

    def _given(self, uploads: Sequence[Upload]) -> pa.Table:
        rows = [{**row, "op": row["_op"]} for each in uploads for row in each.rows]
        return _table(rows, self.table.given)


def _table(rows: Sequence[Row], schema: pa.Schema) -> pa.Table:
    lax = pa.schema([each.with_nullable(True) for each in schema])  # its name says it
    return shaped(pa.Table.from_pylist(list(rows), lax), schema)


def _of(keys: pa.Table, rows: pa.Table) -> pa.Table:
    return rows.filter(pa.array(among(rows, keys)))


def check_corrections(law: Law, drawn: Corrections, begin: type[Correcting] = Correcting) -> None:
    """Raises `AssertionError` where a lake is not what its uploads say in their places, after any of them."""
    uploads = law.given(drawn.uploads)
    lake = begin(a_table(MODES[law.contract.mode], law.contract), uploads=uploads, replaced=drawn.replaced)
    tries = [(run.uploads, run.buckets, run.crash) for run in drawn.runs]
    for number, buckets, crash in [*tries, *[(1, False, False)] * len(uploads)]:
        run = _cut(uploads[lake.applied : lake.applied + number], drawn.replaced)
        if run:
            lake = lake.apply(run, buckets=buckets, crash=crash)
            check_lake(law, lake, [] if crash else run)


def _cut(run: Sequence[Upload], replaced: Replaced) -> Sequence[Upload]:
    plain = list(takewhile(lambda each: each.seq not in replaced, run))
    return plain or run[:1]


def check_lake(law: Law, lake: Correcting, run: Sequence[Upload]) -> None:
    """Rows with their lineage, what became of the rows of the last run, and the deletions that are believed."""
    shape, names = law.shape, lake.table.stored.names
    alive = in_places(lake.uploads[: lake.applied], lake.replaced)
    told = law.model(alive, shape)
    own = {f"upload {each.seq}": each.seq for each in lake.uploads}
    wanted = [{**row, "_seq": own[row["_upload_id"]]} for row in told.rows]
    assert counted(lake.rows, names) == counted(wanted, names)
    for each in run:
        place = min(lake.replaced.get(each.seq, (each.seq,)))
        for fate in Fate:
            assert lake.fates[each.seq, fate.name.lower()] == told.fates[place, fate.name.lower()], fate
    if lake.table.mode.remembers(law.contract):
        ids = {each.seq: each.rows[0]["_upload_id"] for each in alive if each.rows}
        events = [each for each in lake.events if each["_seq"] <= lake.applied]
        known = believed(_table(events, event_schema(law.contract)), law.contract.primary_key)
        deletions = known.filter(pc.equal(known["_op"], DELETE)).to_pylist()
        assert {(row["_upload_id"], shape.key_of(row)) for row in deletions} == {
            (ids[seq], key) for seq, key in told.deletions
        }
