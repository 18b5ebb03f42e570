"""However files take the place of others, a table is what it would be if each had come in the place that it takes."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings

from tables.superseding import by_lineage, obstacle
from tests.laws.contracts import LAWS
from tests.laws.histories import TOGETHER
from tests.laws.laws import LAWFUL
from tests.laws.superseding import CORRECTIONS, Corrections, check_corrections

FOLDED = [name for name, law in LAWS.items() if obstacle(law.contract) is None and not by_lineage(law.contract)]
FEW = settings(LAWFUL, max_examples=-(-int(os.environ.get("LAWS_HISTORIES", "2000")) // (2 * TOGETHER)))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", FOLDED)
def test_any_corrections_give_the_table_of_the_files_in_their_places(name: str) -> None:
    law = LAWS[name]

    @FEW
    @given(drawn=CORRECTIONS)
    def holds(drawn: Corrections) -> None:
        check_corrections(law, drawn)

    holds()
