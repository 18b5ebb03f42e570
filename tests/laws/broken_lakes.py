"""Lakes that keep one promise of the apply protocol badly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pyarrow as pa

from tables.mode import DELETE, OP, RESTORE, UPSERT, Turn
from tests.laws.lake import BUCKETS, Fates, Lake
from tests.model import Row
from tests.models import Upload


class CountsBatches(Lake):
    """Progress is the number of the batch."""

    def apply(self, uploads: Sequence[Upload], *, buckets: bool, crash: bool) -> Lake:
        lake = super().apply(uploads, buckets=buckets, crash=crash)
        return lake if crash else replace(lake, applied=self.applied + 1)


class TwoCommits(Lake):
    """Progress has a commit of its own, and a crash comes between the two."""

    def apply(self, uploads: Sequence[Upload], *, buckets: bool, crash: bool) -> Lake:
        lake = super().apply(uploads, buckets=buckets, crash=False)
        return replace(lake, applied=self.applied, fates=self.fates) if crash else lake


class ReadsAhead(Lake):
    """Events that a crash left beyond the progress of the table are known already."""

    def _memory(self, rows: list[Row], turn: Turn) -> list[Row] | None:
        return super(ReadsAhead, replace(self, applied=turn.seq))._memory(rows, turn)


class RemembersTwice(Lake):
    """Events that a crash left are appended again."""

    def apply(self, uploads: Sequence[Upload], *, buckets: bool, crash: bool) -> Lake:
        return replace(super().apply(uploads, buckets=buckets, crash=crash), remembered=0)


class ForgetsEvents(Lake):
    """What a run has to remember is written after its commit, and lost by a crash in between."""

    def apply(self, uploads: Sequence[Upload], *, buckets: bool, crash: bool) -> Lake:
        lake = super().apply(uploads, buckets=buckets, crash=False)
        return replace(lake, events=self.events) if crash else lake


class NullsDiffer(Lake):
    """A key that is null finds no row: null is not null."""

    def _committed(self, changes: list[Row], fates: Fates) -> tuple[Row, ...]:
        known = [change for change in changes if change["part"] is not None]
        new = [change for change in changes if change["part"] is None and change[OP.name] != DELETE]
        plain = tuple({name: change[name] for name in self.table.stored.names} for change in new)
        return super()._committed(known, fates) + plain


class AlwaysUpdates(Lake):
    """A row that says what the table says is written again."""

    def _committed(self, changes: list[Row], fates: Fates) -> tuple[Row, ...]:
        forced = [{**change, OP.name: RESTORE if change[OP.name] == UPSERT else DELETE} for change in changes]
        return super()._committed(list[Row](forced), fates)


class BucketsOfRows(Lake):
    """Rows go to the executors as they come, not by their keys."""

    def _parts(self, rows: list[Row], turn: Turn, *, buckets: bool) -> Iterator[tuple[list[Row], pa.Table | None]]:
        if not buckets:
            yield from super()._parts(rows, turn, buckets=False)
            return
        for bucket in range(BUCKETS):
            if rows[bucket::BUCKETS]:
                yield from super()._parts(rows[bucket::BUCKETS], turn, buckets=False)
