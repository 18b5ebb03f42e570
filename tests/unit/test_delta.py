"""Commits on a folder: exact values, progress that never goes back, merges that equal a dict."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from ledgerlake.errors import HistoryError, LedgerlakeError
from ledgerlake.settings import Settings
from tables import define, delta
from tables.delta import log
from tables.mode import DELETE, OP, UPSERT

SETTINGS = Settings(
    landing_bucket="l",
    raw_bucket="r",
    tables_bucket="t",
    ledger_table="x",
    landing_queue_url="x",
    stream_name="x",
    database="x",
)
UTC_TIME = pa.timestamp("us", tz="UTC")
KEYS: dict[pa.DataType, list[Any]] = {
    pa.date32(): [date(1, 1, 1), date(1582, 10, 10), date(2026, 3, 31), date(9999, 12, 31)],
    UTC_TIME: [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(2263, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    ],
    pa.decimal128(38, 2): [Decimal("-" + "9" * 36 + ".99"), Decimal("0.01"), Decimal("9" * 36 + ".99")],
    pa.int64(): [-(2**63), 0, 2**63 - 1],
    pa.string(): ["", "it's", 'a "b"', "back\\slash", "ÿ", "\U0001f4b0"],
}


def schema(key: pa.DataType) -> pa.Schema:
    return pa.schema([pa.field("key", key, nullable=False), pa.field("amount", pa.decimal128(18, 2))])


def a_table(folder: Path, columns: pa.Schema) -> delta.DeltaTable:
    define.create(str(folder), columns, SETTINGS, partition_by=[], properties={"delta.enableChangeDataFeed": "true"})
    handle = delta.open_table(str(folder), SETTINGS)
    assert handle is not None
    return handle


def rows(columns: pa.Schema, found: dict[Any, Decimal]) -> pa.Table:
    return pa.Table.from_pylist([{"key": key, "amount": amount} for key, amount in found.items()], schema=columns)


SPEC = delta.Merge(identity=("key",), compared=("key", "amount"), columns=("key", "amount"))


def upserts(columns: pa.Schema, found: dict[Any, Decimal]) -> pa.Table:
    return rows(columns, found).append_column(OP, pa.repeat(pa.scalar(UPSERT), len(found)))


@given(st.data())
@profile(max_examples=6, deadline=None)
def test_a_sequence_of_merges_equals_a_dict_for_keys_at_both_ends_of_every_type(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(list(KEYS)))
    batches = data.draw(
        st.lists(
            st.dictionaries(st.sampled_from(KEYS[kind]), st.decimals(-(10**15), 10**15, places=2)),
            min_size=1,
            max_size=4,
        ),
    )
    with tempfile.TemporaryDirectory() as folder:
        handle, model = a_table(Path(folder), schema(kind)), dict[Any, Decimal]()
        for version, batch in enumerate(batches, 1):
            delta.merge(handle, upserts(schema(kind), batch), SPEC, app_id="a", version=version, metadata=None)
            model |= batch
            assert delta.applied(handle, "a") == version
        found = delta.select(handle, "SELECT key, amount FROM t")
        assert dict(zip(found["key"].to_pylist(), found["amount"].to_pylist(), strict=True)) == model
        assert found.num_rows == len(model)


@pytest.mark.parametrize("key", [pa.string(), pa.int64(), pa.date32()])
def test_deleting_what_is_not_there_among_other_changes_leaves_no_trace(tmp_path: Path, key: pa.DataType) -> None:
    low, there, new, absent = sorted(KEYS[key])[:2] + sorted(KEYS[key])[-2:] if key != pa.int64() else (1, 2, 3, 4)
    columns, spec = schema(key), replace(SPEC, deletes=True)
    handle = a_table(tmp_path, columns)
    delta.merge(
        handle, upserts(columns, {low: Decimal(1), there: Decimal(2)}), SPEC, app_id="a", version=1, metadata=""
    )
    changes = rows(columns, {new: Decimal(3), there: Decimal(0), absent: Decimal(0)})
    changes = changes.append_column(OP, pa.array([UPSERT, DELETE, DELETE]))
    assert delta.merge(handle, changes, spec, app_id="a", version=2, metadata="") == 2
    assert set(delta.select(handle, "SELECT key FROM t")["key"].to_pylist()) == {low, new}
    files = log.files_of(str(tmp_path), SETTINGS)
    told = pa.concat_tables(log.changed_rows(files, log.log_entry(files, 2), log.columns_of(handle)))
    assert set(zip(told["key"].to_pylist(), told[log.CHANGE].to_pylist(), strict=True)) == {
        (new, "insert"),
        (there, "delete"),
    }


def test_an_amount_with_too_many_digits_is_refused_and_not_rounded(tmp_path: Path) -> None:
    columns = schema(pa.int64())
    handle = a_table(tmp_path, columns)
    finer = pa.table({"key": pa.array([1]), "amount": pa.array([Decimal("1.239")])})
    with pytest.raises(LedgerlakeError, match=r"amount is decimal128\(4, 3\), the table has decimal128\(18, 2\)"):
        delta.append(handle, finer, app_id="a", version=1, metadata=None)
    assert handle.version() == 0


def test_rows_of_an_earlier_contract_get_nulls_in_later_columns(tmp_path: Path) -> None:
    columns = schema(pa.int64())
    handle = a_table(tmp_path, columns)
    define.add_columns(handle, [pa.field("note", pa.string())])
    delta.append(handle, rows(columns, {1: Decimal(1)}), app_id="a", version=1, metadata=None)
    assert delta.select(handle, "SELECT * FROM t").to_pylist() == [{"key": 1, "amount": Decimal("1.00"), "note": None}]


def test_progress_is_written_once_and_never_goes_back(tmp_path: Path) -> None:
    columns = schema(pa.int64())
    handle = a_table(tmp_path, columns)
    assert delta.applied(handle, "a") == 0
    assert delta.append(handle, rows(columns, {1: Decimal(1)}), app_id="a", version=5, metadata="{}") == 1
    for version in (5, 3):
        assert delta.append(handle, rows(columns, {2: Decimal(2)}), app_id="a", version=version, metadata=None) == 1
        assert (
            delta.merge(handle, upserts(columns, {1: Decimal(3)}), SPEC, app_id="a", version=version, metadata=None)
            == 1
        )
        assert delta.record_progress(handle, app_id="a", version=version, metadata=None) == 1
    assert delta.record_progress(handle, app_id="b", version=1, metadata='{"x":1}') == 2
    assert handle.history(1)[0]["userMetadata"] == '{"x":1}'
    assert delta.select(handle, "SELECT * FROM t").num_rows == 1
    assert (delta.applied(handle, "a"), delta.applied(handle, "b")) == (5, 1)


def test_no_commit_leaves_a_checkpoint_that_trino_cannot_read(tmp_path: Path) -> None:
    define.create(
        str(tmp_path),
        schema(pa.int64()),
        SETTINGS,
        partition_by=[],
        properties={"delta.checkpointInterval": "1"},
    )
    handle = delta.open_table(str(tmp_path), SETTINGS)
    assert handle is not None
    delta.append(handle, rows(schema(pa.int64()), {1: Decimal(1)}), app_id="a", version=1, metadata=None)
    delta.merge(handle, upserts(schema(pa.int64()), {1: Decimal(2)}), SPEC, app_id="a", version=2, metadata=None)
    delta.record_progress(handle, app_id="a", version=3, metadata=None)
    define.set_properties(handle, {"delta.checkpointInterval": "2"})
    assert not list((tmp_path / "_delta_log").glob("*checkpoint*"))


def test_a_table_that_is_not_there_is_none_and_a_version_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert delta.open_table(str(tmp_path / "none"), SETTINGS) is None
    a_table(tmp_path, schema(pa.int64()))
    with pytest.raises(HistoryError, match=r"its versions are 0\.\.0"):
        delta.open_table(str(tmp_path), SETTINGS, 3)
