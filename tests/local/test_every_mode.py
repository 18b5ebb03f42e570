"""Every merge mode on real tables on S3, in the driver: however its uploads are cut, and wherever it crashes."""

from __future__ import annotations

import pytest

from ledgerlake.errors import TransientError
from tests.conftest import Cloud
from tests.laws.contracts import LAWS
from tests.local.test_apply import LeaseLost
from tests.mirror import mirror, random_uploads


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
