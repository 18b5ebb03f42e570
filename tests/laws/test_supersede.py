"""However files take the place of others, a table is what it would be if each had come in the place that it takes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import Phase, find, given, settings

from tables.believed import RETRACT
from tables.superseding import by_lineage, obstacle
from tests.laws.contracts import LAWS
from tests.laws.laws import LAWFUL
from tests.laws.superseding import CORRECTIONS, Correcting, Corrections, Since, check_corrections
from tests.model import Row
from tests.models import Upload

FOLDED = [name for name, law in LAWS.items() if obstacle(law.contract) is None and not by_lineage(law.contract)]
FEW = settings(LAWFUL, max_examples=-(-int(os.environ.get("LAWS_HISTORIES", "2000")) // 40))
"""Each mode is tried with a fifth as many histories as alone: they are longer, and eight in one table."""

SEARCH = settings(LAWFUL, max_examples=200, derandomize=True, phases=[Phase.generate])


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", FOLDED)
def test_any_corrections_give_the_table_of_the_files_in_their_places(name: str) -> None:
    law = LAWS[name]

    @FEW
    @given(drawn=CORRECTIONS)
    def holds(drawn: Corrections) -> None:
        check_corrections(law, drawn)

    holds()


class BeginsTooLate(Correcting):
    """It folds from the version that has the earlier file."""

    def _since(self, upload: Upload) -> Since:
        first, _, since, gone = super()._since(upload)
        return first, next((rows for number, rows in self.versions if number > first), self.rows), since, gone


class ForgetsCorrections(Correcting):
    """Files that superseded others before, and what those said, have no part in it."""

    def _since(self, upload: Upload) -> Since:
        first, before, since, _ = super()._since(upload)
        return first, before, since, set(self.replaced[upload.seq])


class SeesItsOwnKeys(Correcting):
    """The keys of the earlier file are left as they are."""

    def _concerned(self, upload: Upload) -> pa.Table:
        return self._given([upload]).select(list(self.table.contract.primary_key))


class SeesRowsThere(Correcting):
    """The keys of the earlier file are those of the rows that the table has of it."""

    def _concerned(self, upload: Upload) -> pa.Table:
        own = self._given([upload]).select(list(self.table.contract.primary_key))
        gone = [row for row in self.rows if row["_seq"] in self.replaced[upload.seq]]
        there = [{name: row[name] for name in own.column_names} for row in gone]
        return pa.concat_tables([own, pa.Table.from_pylist(there, own.schema)])


class _Forgetful(Correcting):
    def apply(self, uploads: Sequence[Upload], *, buckets: bool, crash: bool) -> Correcting:
        lake = super().apply(uploads, buckets=buckets, crash=crash)
        return replace(lake, events=tuple(each for each in map(self._told, lake.events) if each))

    def _told(self, event: Row) -> Row | None:
        return event


class TakesNothingBack(_Forgetful):
    """Events of superseded files stay true."""

    def _told(self, event: Row) -> Row | None:
        return None if event["_op"] == RETRACT else event


class ForgetsPlaces(_Forgetful):
    """The corrected file counts by its own number."""

    def _told(self, event: Row) -> Row | None:
        return {**event, "_row": event["_seq"]} if event["_op"] == RETRACT else event


BUGS = [
    ("upsert", BeginsTooLate),
    ("partial by arrival", ForgetsCorrections),
    ("append, deduplicated", SeesItsOwnKeys),
    ("partial by arrival", SeesRowsThere),
    ("upsert with deletions", TakesNothingBack),
    ("scd2", TakesNothingBack),
    ("scd2", ForgetsPlaces),
    ("partial", ForgetsPlaces),
]


@pytest.mark.parametrize(("name", "begin"), BUGS, ids=lambda each: each if isinstance(each, str) else each.__name__)
def test_the_law_notices(name: str, begin: type[Correcting]) -> None:
    assert find(CORRECTIONS, lambda drawn: _breaks(name, drawn, begin), settings=SEARCH)


def _breaks(name: str, drawn: Corrections, begin: type[Correcting]) -> bool:
    try:
        check_corrections(LAWS[name], drawn, begin)
    except AssertionError:
        return True
    return False
