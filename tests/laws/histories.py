"""Random histories: uploads with late rows, ties, duplicates, deletions and deliveries again, and how they are applied.

A row is one number, so that thousands of histories are drawn in seconds and shrink to the smallest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.model import Row
from tests.models import Upload

KEYS = (("a", 1), ("a", 2), ("b", 1), ("b", None))
TIMES = (9, 10, 2, 11)
"""As text, 10 and 11 would stand before 2, and 9 last."""

TEXTS = ("x", None, "y")
AMOUNTS = (1, None, 2)
OPS = ("U", None, "D", "U", "X")
DELETING = ("D", "X")
ROWS = len(KEYS) * len(TIMES) * len(TEXTS) * len(AMOUNTS) * len(OPS)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
STEPS = (timedelta(hours=1), timedelta(0), timedelta(hours=-2), timedelta(microseconds=1))
"""From one acceptance to the next: clocks are not one."""


@dataclass(frozen=True)
class Run:
    """How many uploads are applied at once, by the keys in buckets or not, and whether a crash loses the commit."""

    uploads: int
    buckets: bool
    crash: bool


@dataclass(frozen=True)
class History:
    """Uploads, and the runs they are tried in; what is left of them is applied one by one."""

    uploads: tuple[Upload, ...]
    runs: tuple[Run, ...]


def uploads_of(files: Sequence[tuple[int, bytes]]) -> tuple[Upload, ...]:
    """Each file is what its number says, a new one or an earlier one again, and its rows of two bytes each."""
    uploads: list[Upload] = []
    contents: list[list[dict[str, Any]]] = []
    at = NOON
    for seq, (header, rows) in enumerate(files, start=1):
        again, step = divmod(header, len(STEPS))
        at += STEPS[step]
        contents.append(contents[again - 1] if 0 < again <= len(contents) else [_row(each) for each in _numbers(rows)])
        lineage = {"_upload_id": f"upload {seq}", "_seq": seq}
        found: tuple[Row, ...] = tuple(
            {**row, **lineage, "_row": line} for line, row in enumerate(contents[-1], start=2)
        )
        uploads.append(Upload(seq, at, found))
    return tuple(uploads)


def _numbers(rows: bytes) -> list[int]:
    return [int.from_bytes(rows[at : at + 2], "little") % ROWS for at in range(0, len(rows), 2)]


def _row(number: int) -> dict[str, Any]:
    number, key = divmod(number, len(KEYS))
    number, time = divmod(number, len(TIMES))
    number, amount = divmod(number, len(AMOUNTS))
    op, text = divmod(number, len(TEXTS))
    (name, part), said = KEYS[key], {"amount": AMOUNTS[amount], "text": TEXTS[text]}
    return {"name": name, "part": part, "time": TIMES[time], **said, "_op": OPS[op], "_deletes": OPS[op] in DELETING}


def _run(number: int) -> Run:
    number, crash = divmod(number, 4)
    uploads, buckets = divmod(number, 2)
    return Run(uploads + 1, buckets=bool(buckets), crash=crash == 1)


def together(histories: Sequence[Sequence[Upload]]) -> tuple[Upload, ...]:
    """The uploads of many histories as those of one, for modes that decide about each key alone: each has its own."""
    found: dict[int, Upload] = {}
    for number, uploads in enumerate(histories):
        for upload in uploads:
            there = found.get(upload.seq, Upload(upload.seq, upload.at, ()))
            line = len(there.rows) + 2
            rows = [
                {**row, "name": f"{number}{row['name']}", "_row": at} for at, row in enumerate(upload.rows, start=line)
            ]
            found[upload.seq] = replace(there, rows=(*there.rows, *rows))
    return tuple(found[seq] for seq in sorted(found))


def _history(drawn: tuple[tuple[Upload, ...], list[int]]) -> History:
    uploads, tries = drawn
    return History(uploads, tuple(_run(number) for number in tries))


FILE = st.tuples(st.integers(0, 2 * len(STEPS) + 3), st.binary(max_size=8))
"""Bytes, as one value is drawn faster than several numbers."""

UPLOADS = st.lists(FILE, min_size=1, max_size=4).map(uploads_of)
RUNS = st.lists(st.integers(0, 23), max_size=4)
HISTORIES = st.tuples(UPLOADS, RUNS).map(_history)

TOGETHER = 20
MANY_HISTORIES = st.tuples(st.tuples(*[UPLOADS] * TOGETHER).map(together), RUNS).map(_history)
"""Twenty histories in one table: a fold costs by the call, not by the row."""
