"""What a table's upkeep decides, on a folder: which files belong together, and which nobody needs any more."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from ledgerlake.clock import from_text
from ledgerlake.errors import ConfigurationError
from tables import cluster, define, delta, swap
from tables.delta import upkeep
from tables.upkeep import SMALL_FILES, Kept, layout_steps, vacuum_step
from tests.unit.test_delta import SETTINGS, rows, schema

COLUMNS = schema(pa.int64())
DAY = timedelta(days=1)
TARGET = 1 << 20


def a_table(folder: Path, *files: Sequence[int], days: int = 30, partition_by: Sequence[str] = ()) -> delta.DeltaTable:
    """A table with these keys, file by file."""
    kept = {upkeep.RETENTION: f"interval {days} days"}
    define.create(str(folder), COLUMNS, SETTINGS, partition_by=partition_by, properties=kept)
    for keys in files:
        append(folder, keys)
    return opened(folder)


def append(folder: Path, keys: Sequence[int]) -> None:
    handle = opened(folder)
    found = rows(COLUMNS, {key: Decimal(key) for key in keys})
    delta.append(handle, found, app_id="a", version=handle.version() + 1, metadata=None)


def opened(folder: Path, version: int | None = None) -> delta.DeltaTable:
    handle = delta.open_table(str(folder), SETTINGS, version)
    assert handle is not None
    return handle


def keys_in(folder: Path, version: int | None = None) -> list[int]:
    found: list[int] = delta.select(opened(folder, version), "SELECT key FROM t ORDER BY key")["key"].to_pylist()
    return found


# Files


def test_files_that_share_their_keys_are_sorted_together_and_others_are_left_alone(tmp_path: Path) -> None:
    handle = a_table(tmp_path, [0, 100], [1, 101], [2, 102], [200, 210], [210, 220], [205, 207], [230, 240])
    assert lows(cluster.scattered(handle, ("key",), TARGET)) == [0, 1, 2]


def test_a_file_with_keys_from_everywhere_is_sorted_with_those_that_it_overlaps(tmp_path: Path) -> None:
    handle = a_table(tmp_path, [0, 10], [10, 20], [20, 30], [5, 25], [30, 40])
    assert lows(cluster.scattered(handle, ("key",), TARGET)) == [0, 5, 10, 20]


def lows(files: Sequence[swap.File]) -> list[int]:
    return sorted(file["min"]["key"] for file in files)


def test_files_of_one_key_each_are_in_order_already(tmp_path: Path) -> None:
    handle = a_table(tmp_path, *[[7]] * 8)
    assert cluster.scattered(handle, ("key",), TARGET) == ()


def test_a_file_that_grew_too_large_is_split(tmp_path: Path) -> None:
    handle = a_table(tmp_path, [1, 2], [3, 4])
    assert len(cluster.scattered(handle, ("key",), 1)) == 2
    assert cluster.scattered(handle, ("key",), TARGET) == ()


def test_a_table_without_a_key_is_never_sorted(tmp_path: Path) -> None:
    assert cluster.scattered(a_table(tmp_path, *[[0, 9]] * 8), (), 1) == ()


def test_only_a_partition_with_many_small_files_is_compacted_and_only_ours(tmp_path: Path) -> None:
    many, few = [[1]] * SMALL_FILES, [[2]] * (SMALL_FILES - 1)
    handle = a_table(tmp_path, *many, *few, partition_by=["key"])
    (step,) = layout_steps(handle, Kept("t", str(tmp_path), 30), SETTINGS)
    assert (step.action, step.partition, step.files) == ("compact", {"key": "1"}, SMALL_FILES)
    assert list(layout_steps(handle, Kept("t", str(tmp_path), 30, (), {"key": "2"}), SETTINGS)) == []
    assert step.run() == (SMALL_FILES, 1)
    assert step.run() == (0, 0)
    assert keys_in(tmp_path) == [1] * SMALL_FILES + [2] * (SMALL_FILES - 1)
    assert delta.applied(handle, "a") == 2 * SMALL_FILES - 1


@given(
    st.lists(
        st.tuples(
            st.text(max_size=200),
            st.integers(-(2**63), 2**63 - 1),
            st.decimals(-(10**15), 10**15, places=2),
            st.datetimes(timezones=st.just(UTC)),
            st.dates(),
        ),
        min_size=1,
        max_size=4,
    ),
)
@profile(max_examples=30, deadline=None)
def test_the_bounds_of_a_file_that_is_written_again_enclose_its_values(values: list[tuple[Any, ...]]) -> None:
    kinds = [pa.string(), pa.int64(), pa.decimal128(18, 2), pa.timestamp("us", tz="UTC"), pa.date32()]
    columns = zip(*values, strict=True)
    found = pa.table({str(at): pa.array(column, kinds[at]) for at, column in enumerate(columns)})
    said = json.loads(json.dumps(swap.counted(found)))
    assert said["numRecords"] == len(values)
    assert set(said["minValues"]) == set(said["maxValues"])
    for name, low in said["minValues"].items():
        least, most = (pick(row[int(name)] for row in values) for pick in (min, max))
        assert _value(low, least) <= least
        assert most <= _value(said["maxValues"][name], most)


def _value(said: Any, like: Any) -> Any:
    if isinstance(like, datetime):
        return from_text(said)
    return (
        said
        if isinstance(like, str | int)
        else type(like)(str(said))
        if isinstance(like, Decimal)
        else type(
            like,
        ).fromisoformat(said)
    )


# Vacuum


def removed_at(folder: Path, version: int, days_ago: int) -> None:
    """Makes a version say that it removed its files long ago."""
    path = folder / "_delta_log" / f"{version:020d}.json"
    actions = [json.loads(line) for line in path.read_text().splitlines()]
    for each in actions:
        if "remove" in each:
            each["remove"]["deletionTimestamp"] -= days_ago * 86_400_000
    path.write_text("".join(f"{json.dumps(each)}\n" for each in actions))


def a_long_history(folder: Path) -> None:
    """Version 1 was replaced 40 days ago, version 2 today; its file is 90 days old all the same."""
    a_table(folder, [1])
    for version in (2, 3):
        handle = opened(folder)
        delta.replace(handle, rows(COLUMNS, {version: Decimal(1)}), app_id="a", version=version, metadata=None)
        for file in folder.glob("*.parquet"):
            os.utime(file, (time.time() - 90 * 86_400,) * 2)
    removed_at(folder, 2, 40)
    (folder / "left-by-a-crash.parquet").write_bytes(b"x")


def test_a_vacuum_takes_what_no_version_of_the_window_needs_and_nothing_else(tmp_path: Path) -> None:
    a_long_history(tmp_path)
    kept, later = Kept("t", str(tmp_path), 30), datetime.now(UTC) + 31 * DAY
    step = vacuum_step(opened(tmp_path), kept, SETTINGS, later)
    assert step is not None
    assert (step.files, step.run()) == (1, (1, 0))
    assert [keys_in(tmp_path, version) for version in (2, 3)] == [[2], [3]]
    assert len(list(tmp_path.glob("*.parquet"))) == 3
    assert delta.applied(opened(tmp_path), "a") == 3
    assert vacuum_step(opened(tmp_path), kept, SETTINGS, later) is None


def test_a_vacuum_shorter_than_the_window_is_refused(tmp_path: Path) -> None:
    handle = a_table(tmp_path, [1])
    with pytest.raises(ConfigurationError, match="ask for at least 30"):
        upkeep.vacuum(handle, 29, dry_run=False)


def test_a_table_that_keeps_less_than_its_contract_wants_is_not_vacuumed(tmp_path: Path) -> None:
    a_long_history(tmp_path)
    with pytest.raises(ConfigurationError, match="tables apply"):
        vacuum_step(opened(tmp_path), Kept("t", str(tmp_path), 31), SETTINGS, datetime.now(UTC) + 400 * DAY)
    assert len(list(tmp_path.glob("*.parquet"))) == 4


def test_a_table_younger_than_its_window_is_not_even_looked_at(tmp_path: Path) -> None:
    a_long_history(tmp_path)
    assert vacuum_step(opened(tmp_path), Kept("t", str(tmp_path), 30), SETTINGS, datetime.now(UTC) + 29 * DAY) is None
