"""Puts the rows of a table in the order of their key again: a merge into a few keys then touches a few files.

A merge leaves out files by the bounds of their keys. But one that changes rows everywhere writes them as its threads
come along: afterwards each file has keys from everywhere, and the smallest merge has to read and copy them all. So
files whose ranges overlap are sorted together, a bounded number of bytes at a time, and so are files that grew too
large; both engines read the result as they read an OPTIMIZE.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

import pyarrow as pa
from pyarrow.fs import FileSystem

from ledgerlake.settings import Settings
from tables import delta
from tables.delta import log
from tables.swap import File, add, counted, files_in, partition_texts, rows_in, swap, write

SCHEMA = "ledgerlake.cluster/1"
"""Of the commit's `userMetadata`."""

DEPTH = 2
"""So many files may have keys of one range: what a merge into it has to copy."""

LARGE = 2
"""A file of more than so many times the target is split."""

GROUP_BYTES = 128 * 1024 * 1024
"""Sorted at once: about ten times as much memory."""

_ORDERED = {pa.string(), pa.int64(), pa.date32()}
"""Types of a first key column whose bounds every file has."""


def scattered(handle: delta.DeltaTable, key: Sequence[str], target: int) -> tuple[File, ...]:
    """The next files to sort together, of one partition; none where a merge finds its keys in few files."""
    if not key or delta.schema(handle).field(key[0]).type not in _ORDERED:
        return ()
    parts: dict[tuple[tuple[str, str | None], ...], list[File]] = defaultdict(list)
    for file in files_in(handle):
        if _low(file, key[0]) is not None and file["size_bytes"] <= GROUP_BYTES:
            parts[tuple(sorted(partition_texts(file).items()))].append(file)
    groups = (_group(files, key[0], target) for files in parts.values())
    return max(groups, key=len, default=())


def sort(  # noqa: PLR0913, PLR0917  # which table, which of its files, and how
    handle: delta.DeltaTable,
    uri: str,
    settings: Settings,
    group: Sequence[File],
    key: Sequence[str],
    target: int,
) -> tuple[int, int]:
    """Writes these files again as files of about `target` bytes, their rows in order of `key`; how many they were, are.

    One commit. Until then nothing has changed.

    Raises:
        TransientError: another commit came first, or the storage cannot be reached: try again later.
    """
    files, there = log.files_of(uri, settings), delta.schema(handle)
    partitions = handle.metadata().partition_columns
    inside = pa.schema([each for each in there if each.name not in partitions])
    with delta.refusals(f"sort {uri}"):
        parts = [part for file in group for part in rows_in(files, file, there, inside)]
        rows = pa.concat_tables(parts).sort_by([(name, "ascending") for name in key if name not in partitions])
        del parts
        new = [_written(files, part, group[0]) for part in _cut(rows, group, target)]
    said = {"schema": SCHEMA, "rows": rows.num_rows, "files": [len(group), len(new)]}
    swap(handle, uri, settings, group, new, said)
    return len(group), len(new)


def _group(files: Sequence[File], first: str, target: int) -> tuple[File, ...]:
    """Files that overlap too much or are too large, those with the lowest keys first, then files that they overlap.

    As many as may be sorted at once. Sorted ones overlap no more among each other, so that each time fewer are left.
    """
    ordered = sorted(files, key=lambda file: (_low(file, first), _high(file, first)))
    depths = zip(ordered, _depths(ordered, first), strict=True)
    deep = _fitting([file for file, depth in depths if depth > DEPTH or _is_large(file, target)])
    if not deep:
        return ()
    chosen = {file["path"] for file in deep}
    low, high = min(_low(file, first) for file in deep), max(_high(file, first) for file in deep)
    others = [
        file for file in ordered if file["path"] not in chosen and _low(file, first) < high and low < _high(file, first)
    ]
    group = _fitting([*deep, *others])
    return tuple(group) if len(group) > 1 or _is_large(group[0], target) else ()


def _fitting(files: Sequence[File]) -> list[File]:
    """As many as may be sorted at once, in their order."""
    sizes = accumulate(file["size_bytes"] for file in files)
    return [file for file, size in zip(files, sizes, strict=True) if size <= GROUP_BYTES]


def _is_large(file: File, target: int) -> bool:
    """A single row cannot be split."""
    return bool(file["size_bytes"] > LARGE * target and file["num_records"] != 1)


def _depths(files: Sequence[File], first: str) -> list[int]:
    """How many files share keys with each, itself included; where one ends and another begins they share none."""
    lows, highs = sorted(_low(file, first) for file in files), sorted(_high(file, first) for file in files)
    return [bisect_left(lows, _high(file, first)) - bisect_right(highs, _low(file, first)) for file in files]


def _low(file: File, name: str) -> Any:
    return (file.get("min") or {}).get(name)


def _high(file: File, name: str) -> Any:
    return (file.get("max") or {}).get(name)


def _cut(rows: pa.Table, group: Sequence[File], target: int) -> Iterator[pa.Table]:
    """Parts of the same number of rows, each of about `target` bytes as a file."""
    number = max(1, round(sum(file["size_bytes"] for file in group) / target))
    step = max(1, -(-rows.num_rows // number))
    for start in range(0, rows.num_rows, step):
        yield rows.slice(start, step)


def _written(files: FileSystem, part: pa.Table, like: File) -> Mapping[str, Any]:
    return add(*write(files, "sorted", [part], part.schema), like, counted(part))
