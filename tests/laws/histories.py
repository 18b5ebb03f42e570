"""Random histories: uploads with late rows, ties, duplicates, deletions and deliveries again, and how they are applied.

A row is one number, so that thousands of histories are drawn in seconds and shrink to the smallest.
"""

from __future__ import annotations

from dataclasses import dataclass
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


def _history(drawn: tuple[list[tuple[int, list[int]]], list[int]]) -> History:
    files, tries = drawn
    uploads: list[Upload] = []
    contents: list[list[dict[str, Any]]] = []
    at = NOON
    for seq, (header, numbers) in enumerate(files, start=1):
        again, step = divmod(header, len(STEPS))
        at += STEPS[step]
        contents.append(contents[again - 1] if 0 < again <= len(contents) else [_row(number) for number in numbers])
        lineage = {"_upload_id": f"upload {seq}", "_seq": seq}
        rows: tuple[Row, ...] = tuple(
            {**row, **lineage, "_row": line} for line, row in enumerate(contents[-1], start=2)
        )
        uploads.append(Upload(seq, at, rows))
    return History(tuple(uploads), tuple(_run(number) for number in tries))


def _row(number: int) -> dict[str, Any]:
    number, key = divmod(number, len(KEYS))
    number, time = divmod(number, len(TIMES))
    number, amount = divmod(number, len(AMOUNTS))
    op, text = divmod(number, len(TEXTS))
    (name, part), said = KEYS[key], {"amount": AMOUNTS[amount], "text": TEXTS[text]}
    return {"name": name, "part": part, "time": TIMES[time], **said, "_op": OPS[op], "_deletes": OPS[op] in DELETING}


def _run(number: int) -> Run:
    number, crash = divmod(number, 2)
    uploads, buckets = divmod(number, 2)
    return Run(uploads + 1, buckets=bool(buckets), crash=bool(crash))


FILE = st.tuples(st.integers(0, 2 * len(STEPS) + 3), st.lists(st.integers(0, ROWS - 1), max_size=4))
HISTORIES = st.tuples(st.lists(FILE, min_size=1, max_size=4), st.lists(st.integers(0, 11), max_size=3)).map(_history)
