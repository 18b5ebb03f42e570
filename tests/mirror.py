"""A law of a merge mode on real tables: histories go in as files, and after every commit the tables are the model's.

Values are the ends of their types: times a microsecond apart and at both ends of the calendar, 38 digits of money,
keys longer than what a log keeps of them, keys that are null.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from ledgerlake.events import Outcome
from ledgerlake.layout import app_id, events_table, table_uri
from streaming_jobs.outcomes import from_metadata
from tables import delta
from tables.contract import Column, Contract, Kind
from tables.mode import DELETE
from tables.modes import MODES, table_schema
from tests.books import Books, to_csv
from tests.conftest import Cloud
from tests.laws.histories import together, uploads_of
from tests.laws.laws import Law, counted
from tests.model import Row
from tests.models import Upload

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
    versions: dict[int, int] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def applied(self) -> int:
        """Uploads that the table has."""
        return self.outcomes[-1].seq if self.outcomes else 0

    def apply(self, count: int, **how: Any) -> None:
        """Applies the next uploads, each mode as many as it takes at once."""
        count = 1 if MODES[self.law.contract.mode].alone else count
        last = min(self.applied + count, len(self.uploads))
        outcomes = self.books.apply(1, last, **how)
        assert [each.seq for each in outcomes] == list(range(self.applied + 1, last + 1))
        self.outcomes += outcomes
        self.versions[self.books.version()] = last

    def check(self) -> None:
        """Raises `AssertionError` unless rows, progress and outcomes of every version are those of the model."""
        names = table_schema(self.books.contract).names
        for version, number in self.versions.items():
            told = self.law.model(self.uploads[:number], self.law.shape)
            assert counted(self.books.table(version=version).to_pylist(), names) == counted(told.rows, names)
            assert +_fates(self.outcomes[:number]) == +told.fates
            self._check_commit(version, number)
        if MODES[self.law.contract.mode].remembers(self.law.contract):
            self._check_events()

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
        events = self.books.table(events_table(self.books.contract.dataset)).to_pylist()
        told, shape = self.law.model(self.uploads[: self.applied], self.law.shape), self.law.shape
        assert {(row["_seq"], shape.key_of(row)) for row in events if row["_op"] == DELETE} == told.deletions
        assert len({(row["_seq"], row["_row"], shape.key_of(row)) for row in events}) == len(events)


def mirror(cloud: Cloud, law: Law, uploads: tuple[Upload, ...], *, partitioned: bool, spark: Any = None) -> Mirror:
    """The dataset with these uploads accepted, none applied."""
    contract = _typed(law.contract, partitioned=partitioned)
    books = Books(cloud.settings, cloud.aws, contract, spark)
    accepted = []
    for upload in law.given(uploads):
        rows = [_valued(row) for row in upload.rows]
        file = to_csv([{**row, "op": row["_op"]} for row in rows], COLUMNS)
        manifest = books.accept(file, accepted_at=upload.at)
        lineage = {"_upload_id": manifest.upload_id}
        accepted.append(replace(upload, rows=tuple({**row, **lineage} for row in rows)))
    return Mirror(books, law, tuple(accepted))


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


def _fates(outcomes: list[Outcome]) -> Counter[tuple[int, str]]:
    parts = ("merged", "superseded", "duplicate")
    return Counter({(each.seq, part): getattr(each, part) for each in outcomes for part in parts})
