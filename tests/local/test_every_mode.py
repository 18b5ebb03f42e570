"""Every merge mode on real tables on S3, in the driver: however its uploads are cut, and wherever it crashes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledgerlake.errors import TransientError
from tables.superseding import obstacle
from tests.conftest import Cloud
from tests.laws.contracts import LAWS
from tests.local.test_apply import LeaseLost
from tests.mirror import mirror, random_uploads

REPLACED = {4: (2,), 6: (2, 4), 7: (1,), 9: (5,)}
"""The second file is superseded twice, and both before and after a plain one comes."""


@pytest.mark.parametrize("name", LAWS)
def test_the_tables_are_those_of_the_model_after_every_commit(fresh_cloud: Cloud, name: str) -> None:
    partitioned = sorted(LAWS).index(name) % 2 == 0
    tables = mirror(fresh_cloud, LAWS[name], random_uploads(name, 50, 5), partitioned=partitioned)
    tables.apply(1)
    with pytest.raises(TransientError):
        tables.apply(3, lease=LeaseLost())
    for count in (2, 1, 1, 1):
        if tables.applied < len(tables.uploads):
            tables.apply(count)
    assert tables.applied == 5
    tables.check()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", [name for name, law in LAWS.items() if obstacle(law.contract) is None])
def test_corrected_files_count_in_the_places_of_the_earlier_ones_after_every_commit(
    fresh_cloud: Cloud, name: str
) -> None:
    uploads = random_uploads(f"{name} again", 30, 10)
    tables = mirror(fresh_cloud, LAWS[name], uploads, partitioned=len(name) % 2 == 0, replaced=REPLACED)
    for number in (2, 1, 1, 1, 1, 1, 1, 1, 1):
        if tables.applied + 1 in REPLACED:
            with pytest.raises(TransientError):
                tables.apply(1, lease=LeaseLost())
        tables.apply(number)
    assert tables.applied == 10
    tables.check()


def test_a_file_whose_events_are_remembered_is_not_held_any_more(fresh_cloud: Cloud) -> None:
    name = "upsert with deletions"
    tables = mirror(fresh_cloud, LAWS[name], random_uploads(name, 30, 4), partitioned=False, replaced={4: (2,)})
    tables.apply(3)
    with pytest.raises(TransientError):
        tables.apply(1, lease=LeaseLost())
    tables.apply(1, settings=replace(tables.books.settings, small_batch_bytes=1))
    assert tables.outcomes[-1].state == "applied"
    tables.check()
