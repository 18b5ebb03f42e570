"""A law of a merge mode on real tables: histories go in as files, and after every commit the tables are the model's.

Values are the ends of their types: times a microsecond apart and at both ends of the calendar, 38 digits of money,
keys longer than what a log keeps of them, keys that are null.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from ledgerlake.events import Outcome
from ledgerlake.layout import app_id, events_table, table_uri
from streaming_jobs.outcomes import from_metadata
from tables import delta
from tables.believed import believed
from tables.bitemporal import as_of
from tables.contract import Column, Contract, Kind
from tables.mode import DELETE
from tables.modes import MODES, table_schema
from tests.books import Books, to_csv
from tests.conftest import Cloud
from tests.laws.histories import together, uploads_of
from tests.laws.laws import Law, counted
from tests.laws.superseding import Replaced, in_places
from tests.model import Row
from tests.models import Told, Upload

HIGHEST = Decimal("9" * 36 + ".99")
VALUES: dict[str, dict[Any, Any]] = {
    "part": {2: 2**63 - 1},
    "time": {
        2: datetime(1, 1, 1, tzinfo=UTC),
        9: datetime(2026, 3, 31, 12, 0, 0, 1, tzinfo=UTC),
        10: datetime(2026, 3, 31, 12, 0, 0, 2, tzinfo=UTC),
        11: datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    },
    "amount": {1: HIGHEST.copy_negate(), 2: HIGHEST},
    "text": {"x": "süd/ost", "y": 'it\'s "a=b", \\'},
}
"""Ascending where those of the histories are."""

NOTHING: Replaced = {}
COLUMNS = ("name", "part", "time", "amount", "text", "op")


def random_uploads(seed: str, histories: int, files: int) -> tuple[Upload, ...]:
    """So many histories in one table, of so many files each."""
    chance = random.Random(seed)  # noqa: S311  # examples, not secrets
    drawn = [
        [(chance.randrange(12), chance.randbytes(2 * chance.randrange(5))) for _ in range(files)]
        for _ in range(histories)
    ]
    return together([uploads_of(each) for each in drawn])


@dataclass
class Mirror:
    """A dataset, its uploads as its model sees them, and how many of them each version has."""

    books: Books
    law: Law
    uploads: tuple[Upload, ...]
    replaced: Replaced = field(default_factory=dict)
    versions: dict[int, int] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def applied(self) -> int:
        """Uploads that the table has."""
        return self.outcomes[-1].seq if self.outcomes else 0

    def apply(self, count: int, **how: Any) -> None:
        """Applies the next uploads, each mode as many as it takes at once; one that supersedes others goes alone."""
        count = 1 if MODES[self.law.contract.mode].alone or self.applied + 1 in self.replaced else count
        last = min(self.applied + count, len(self.uploads))
        outcomes = self.books.apply(1, last, **how)
        assert [each.seq for each in outcomes] == list(range(self.applied + 1, last + 1))
        self.outcomes += outcomes
        self.versions[self.books.version()] = last

    def check(self) -> None:
        """Raises `AssertionError` unless rows, progress and outcomes of every version are those of the model."""
        names = table_schema(self.books.contract).names
        for version, number in self.versions.items():
            told = self._told(number)
            assert counted(self.books.table(version=version).to_pylist(), names) == counted(told.rows, names)
            places = {
                min(self.replaced.get(each.seq, (each.seq,))): each for each in self.outcomes if each.version == version
            }
            assert +_fates(places) == Counter({each: n for each, n in told.fates.items() if n and each[0] in places})
            self._check_commit(version, number)
        if self.law.contract.mode == "scd2":
            self._check_beliefs()
        if MODES[self.law.contract.mode].remembers(self.law.contract):
            self._check_events()

    def _told(self, number: int) -> Told:
        """What so many uploads say in their places, each under its own number."""
        told = self.law.model(in_places(self.uploads[:number], self.replaced), self.law.shape)
        own = {each.upload_id: each.seq for each in self.books.uploads}
        return replace(told, rows=[{**row, "_seq": own[row["_upload_id"]]} for row in told.rows])

    def _check_beliefs(self) -> None:
        books, names = self.books, table_schema(self.books.contract).names
        for number in range(1, self.applied + 1):
            found = as_of(books.contract, books.settings, number).rows.to_pylist()
            assert counted(found, names) == counted(self._told(number).rows, names)

    def _check_commit(self, version: int, number: int) -> None:
        name = self.books.contract.dataset
        uri = table_uri(self.books.settings.tables_bucket, name)
        then, now = (delta.open_table(uri, self.books.settings, each) for each in (version, None))
        assert then is not None
        assert now is not None
        assert delta.applied(then, app_id(name)) == number
        (commit,) = [each for each in now.history() if each["version"] == version]  # an older one miscounts versions
        said = from_metadata(commit["userMetadata"], version)
        assert list(said) == [each for each in self.outcomes if each.version == version], said

    def _check_events(self) -> None:
        events = self.books.table(events_table(self.books.contract.dataset))
        told, shape = self._told(self.applied), self.law.shape
        known = believed(events, shape.key).to_pylist()
        own = {each.seq: each.upload_id for each in self.books.uploads}
        ids = {min(self.replaced.get(seq, (seq,))): upload_id for seq, upload_id in own.items()}
        deletions = {(row["_upload_id"], shape.key_of(row)) for row in known if row["_op"] == DELETE}
        assert deletions == {(ids[seq], key) for seq, key in told.deletions}
        assert len({(row["_upload_id"], row["_row"], shape.key_of(row)) for row in known}) == len(known)


def mirror(  # noqa: PLR0913  # a law, its history, and how it is kept
    cloud: Cloud,
    law: Law,
    uploads: tuple[Upload, ...],
    *,
    partitioned: bool,
    spark: Any = None,
    replaced: Replaced = NOTHING,
) -> Mirror:
    """The dataset with these uploads accepted, none applied."""
    contract = _typed(law.contract, partitioned=partitioned)
    books = Books(cloud.settings, cloud.aws, contract, spark)
    accepted = []
    for upload in law.given(uploads):
        rows = [_valued(row) for row in upload.rows]
        file = to_csv([{**row, "op": row["_op"]} for row in rows], COLUMNS)
        gone = [books.uploads[seq - 1].upload_id for seq in replaced.get(upload.seq, ())]
        manifest = books.accept(file, accepted_at=upload.at, supersedes=gone, cause=_cause(gone))
        lineage = {"_upload_id": manifest.upload_id}
        accepted.append(replace(upload, rows=tuple({**row, **lineage} for row in rows)))
    return Mirror(books, law, tuple(accepted), replaced)


def _cause(gone: Sequence[str]) -> dict[str, str] | None:
    said = {"kind": "supersede", "decision": "1", "reason": "declared", "by": "ann"}
    return {**said, "upload_id": gone[0]} if gone else None


def _typed(contract: Contract, *, partitioned: bool) -> Contract:
    types = {
        "time": Column("time", Kind.TIMESTAMP, required=True),
        "amount": Column("amount", Kind.DECIMAL, 38, 2, money=True),
    }
    columns = tuple(types.get(each.name, each) for each in contract.columns)
    return replace(contract, columns=columns, partition_by=("text",) if partitioned else ())


def _valued(row: Row) -> dict[str, Any]:
    name = row["name"] + ("ß" * 70 if row["name"].endswith("b") else "")
    values = {column: VALUES.get(column, {}).get(value, value) for column, value in row.items()}
    return {**values, "name": name}


def _fates(outcomes: Mapping[int, Outcome]) -> Counter[tuple[int, str]]:
    """By place."""
    parts = ("merged", "superseded", "duplicate")
    return Counter({(place, part): getattr(each, part) for place, each in outcomes.items() for part in parts})
