"""Windows that are asked for in SQL are those of the model, after every upload and at every time."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tables import define, delta
from tables.mode import event_schema
from tables.windows_sql import windows_sql
from tests import models
from tests.laws.contracts import LAWS
from tests.laws.histories import TIMES, UPLOADS, together
from tests.model import Row
from tests.models import Shape, Upload
from tests.unit.test_delta import SETTINGS

CONTRACT = LAWS["scd2 with deletions, untracked"].contract


def remembered(uploads: Sequence[Upload]) -> pa.Table:
    rows = [
        {**row, "op": row["_op"], "_op": "delete" if row["_deletes"] else "upsert"}
        for upload in uploads
        for row in upload.rows
    ]
    return pa.Table.from_pylist(rows, schema=event_schema(CONTRACT))


def in_order(rows: Sequence[Row], names: Sequence[str]) -> list[tuple[Any, ...]]:
    return sorted((tuple(row[name] for name in names) for row in rows), key=repr)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("untracked", [(), ("text",), ("text", "amount")])
def test_windows_in_sql_are_those_of_the_model_after_every_upload(untracked: tuple[str, ...]) -> None:
    contract = replace(CONTRACT, untracked=untracked)
    shape = Shape(contract.primary_key, contract.sequence_by, untracked)
    names = [*contract.stored_schema.names, "_valid_from", "_valid_to"]

    @settings(max_examples=12, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(histories=st.lists(UPLOADS, min_size=20, max_size=60))
    def hold(histories: list[tuple[Upload, ...]]) -> None:
        uploads = together(histories)
        with tempfile.TemporaryDirectory() as folder:
            define.create(folder, event_schema(contract), SETTINGS, partition_by=[], properties={})
            events = delta.open_table(folder, SETTINGS)
            assert events is not None
            delta.append(events, remembered(uploads), app_id="a", version=1, metadata=None)
            for known in range(1, len(uploads) + 1):
                told = models.scd2(uploads[:known], shape).rows
                found = delta.select(events, windows_sql(contract, known)).to_pylist()
                assert in_order(found, names) == in_order(told, names)
                for at in TIMES:
                    holds = f"_valid_from <= {at} AND (_valid_to IS NULL OR _valid_to > {at})"
                    there = delta.select(events, windows_sql(contract, known, holds=holds)).to_pylist()
                    assert models.as_of(there, shape, at) == models.told_by(uploads[:known], shape, at)

    hold()
