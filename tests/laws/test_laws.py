"""Every merge mode, under any order of arrival, equals a model in plain Python that shares no code with it.

However uploads are cut into runs, delivered again, redone after a crash or spread over buckets of keys: the rows of
the table with their lineage, what became of every row, the deletions remembered, and every as-of answer.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis.strategies import SearchStrategy

from tables.contract import Column, Contract, Deletes, Kind
from tables.modes import MODES
from tests import models
from tests.laws.histories import DELETING, HISTORIES, MANY_HISTORIES, History
from tests.laws.laws import LAWFUL, Law, check

_BY_KEY = Contract(
    dataset="books",
    version="1.0.0",
    sha256="0" * 64,
    columns=(
        Column("name", Kind.STRING, required=True),
        Column("part", Kind.INTEGER),
        Column("time", Kind.INTEGER, required=True),
        Column("amount", Kind.DECIMAL, 18, 2),
        Column("text", Kind.STRING),
        Column("op", Kind.STRING, stored=False),
    ),
    primary_key=("name", "part"),
    max_shrink=Decimal("0.7"),
)
_BY_TIME = replace(_BY_KEY, sequence_by="time")
_DELETES = Deletes("op", DELETING)

LAWS = {
    "append": Law(replace(_BY_KEY, mode="append", primary_key=()), models.append),
    "append, deduplicated": Law(replace(_BY_KEY, mode="append", dedupe=True), models.append_dedupe),
    "upsert": Law(replace(_BY_TIME, mode="upsert"), models.upsert),
    "upsert by arrival": Law(replace(_BY_KEY, mode="upsert", deletes=_DELETES), models.upsert),
    "upsert with deletions": Law(replace(_BY_TIME, mode="upsert", deletes=_DELETES), models.upsert),
    "partial": Law(replace(_BY_TIME, mode="upsert", ignore_nulls=True), models.partial_upsert),
    "partial by arrival": Law(
        replace(_BY_KEY, mode="upsert", ignore_nulls=True, deletes=_DELETES), models.partial_upsert
    ),
    "partial with deletions": Law(
        replace(_BY_TIME, mode="upsert", ignore_nulls=True, deletes=_DELETES), models.partial_upsert
    ),
    "scd2": Law(replace(_BY_TIME, mode="scd2"), models.scd2),
    "scd2 with deletions, untracked": Law(
        replace(_BY_TIME, mode="scd2", deletes=_DELETES, untracked=("text",)), models.scd2
    ),
    "snapshot": Law(replace(_BY_KEY, mode="snapshot"), models.snapshot),
    "snapshot with history": Law(replace(_BY_KEY, mode="snapshot", keep_history=True), models.snapshot_history),
    "replace": Law(replace(_BY_KEY, mode="replace", primary_key=()), models.replace),
}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("histories", [HISTORIES, MANY_HISTORIES], ids=["one history", "twenty histories at once"])
def test_any_history_gives_the_table_of_the_model(name: str, histories: SearchStrategy[History]) -> None:
    law = LAWS[name]

    @LAWFUL
    @given(history=histories)
    def holds(history: History) -> None:
        check(MODES[law.contract.mode], law, history)

    holds()
