"""Laws of the apply protocol on a real S3 server: any batching, repetition and crash point gives the same tables."""

from __future__ import annotations

import itertools
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledgerlake.aws import ClientError
from ledgerlake.errors import TransientError
from streaming_jobs.outcomes import recover
from tests.books import Books, a_contract, a_row, to_csv
from tests.conftest import Cloud
from tests.local.test_apply import LeaseLost, RefusingAws
from tests.model import Model

ROWS = st.lists(
    st.builds(
        a_row,
        st.sampled_from("abc"),
        branch=st.sampled_from([9, 10]),
        as_of=st.sampled_from([date.min, date(2026, 3, 31), date(2026, 4, 1), date.max]),
        amount=st.sampled_from([None, Decimal("0.01"), Decimal("9" * 36 + ".99")]),
    ),
    max_size=6,
)
UPLOADS = st.lists(st.tuples(ROWS, st.integers(0, 2)), min_size=1, max_size=5)
"""Good rows and how many bad ones."""

STEPS = st.lists(st.tuples(st.integers(1, 5), st.sampled_from(["", "", "lease", "ledger"])), max_size=4)
"""Runs that end at an upload, and what goes wrong in them."""

_numbers = itertools.count()


@pytest.mark.timeout(300)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(uploads=UPLOADS, steps=STEPS, mode=st.sampled_from(["upsert", "append"]), partitioned=st.booleans())
def test_any_batching_repetition_and_crash_point_gives_the_same_tables(
    fresh_cloud: Cloud,
    uploads: list[tuple[list[dict[str, Any]], int]],
    steps: list[tuple[int, str]],
    mode: str,
    *,
    partitioned: bool,
) -> None:
    contract = a_contract(f"books_{next(_numbers)}", mode=mode, partitioned=partitioned)
    books = Books(fresh_cloud.settings, fresh_cloud.aws, contract)
    model = Model(contract.primary_key, contract.sequence_by)
    for rows, bad in uploads:
        manifest = books.accept(to_csv(rows) + b"bad,1,north,2026-02-30,,,0.50\n" * bad)
        lineage = {"_upload_id": manifest.upload_id, "_seq": manifest.seq}
        model.apply([{**row, **lineage, "_row": line} for line, row in enumerate(rows, start=2)])
    for last, trouble in [*steps, (len(uploads), "")]:
        _apply(books, min(last, len(uploads)), trouble)
    recover(books.lake(), contract.dataset)

    assert books.rows() == sorted(model.table.values(), key=lambda row: (row["_seq"], row["_row"]))
    told = [row for row in books.table("uploads").to_pylist() if row["dataset"] == contract.dataset]
    counts = {
        (row["seq"], part): row[part]
        for row in told
        for part in ("merged", "superseded", "duplicate", "quarantined")
        if row[part]
    }
    assert sorted(row["seq"] for row in told) == [manifest.seq for manifest in books.uploads]
    refused = {(seq, "quarantined"): bad for seq, (_, bad) in enumerate(uploads, start=1) if bad}
    assert counts == dict(model.fates) | refused
    kept = [row for row in books.table("quarantine").to_pylist() if row["dataset"] == contract.dataset]
    assert len(kept) == sum(bad for _, bad in uploads)
    assert {books.ledger_state(manifest) for manifest in books.uploads} == {"applied"}


def _apply(books: Books, last: int, trouble: str) -> None:
    try:
        if trouble == "lease":
            books.apply(1, last, lease=LeaseLost())
        elif trouble == "ledger":
            books.apply(1, last, aws=RefusingAws(books.settings))
        else:
            books.apply(1, last)
    except (ClientError, TransientError):
        assert trouble
