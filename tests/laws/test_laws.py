"""Every merge mode, under any order of arrival, equals a model in plain Python that shares no code with it.

However uploads are cut into runs, delivered again, redone after a crash or spread over buckets of keys: the rows of
the table with their lineage, what became of every row, the deletions remembered, and every as-of answer.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis.strategies import SearchStrategy

from tables.modes import MODES
from tests.laws.contracts import LAWS
from tests.laws.histories import HISTORIES, MANY_HISTORIES, History
from tests.laws.laws import LAWFUL, check


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
