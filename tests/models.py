"""What each merge mode must make of uploads, in plain Python: all uploads so far, from scratch, in the obvious way.

They share no code with the product. Each takes the uploads in order and tells the rows of the table, what became of
the rows of the uploads, and which keys the uploads deleted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from tests.model import Key, Model, Row, said

TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Upload:
    """One file: its number, when it was accepted, its rows with lineage and `_deletes`."""

    seq: int
    at: datetime
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Shape:
    """What the models know of a contract."""

    key: tuple[str, ...]
    time: str | None = None
    untracked: tuple[str, ...] = ()
    shrinks_to: Decimal = Decimal("0.5")

    def key_of(self, row: Row) -> Key:
        return tuple(row[name] for name in self.key)

    def order(self, row: Row) -> tuple[Any, ...]:
        return (row[self.time] if self.time else 0, row["_seq"], row["_row"])

    def by_key(self, uploads: Sequence[Upload]) -> dict[Key, list[Row]]:
        """All rows of each key in order of time."""
        found: dict[Key, list[Row]] = {}
        for row in sorted((row for upload in uploads for row in upload.rows), key=self.order):
            found.setdefault(self.key_of(row), []).append(row)
        return found

    def says(self, row: Row, without: Iterable[str] = ()) -> Row:
        """What a row says of its key, but when."""
        return {name: value for name, value in said(row).items() if name not in {*self.key, self.time, *without}}


@dataclass
class Told:
    """What is so after some uploads."""

    rows: list[Row] = field(default_factory=list)
    fates: Counter[tuple[int, str]] = field(default_factory=Counter)
    deletions: set[tuple[int, Key]] = field(default_factory=set)


def append(uploads: Sequence[Upload], _: Shape) -> Told:
    rows = [row for upload in uploads for row in upload.rows]
    return Told(rows, Counter((row["_seq"], "merged") for row in rows))


def append_dedupe(uploads: Sequence[Upload], shape: Shape) -> Told:
    told, seen = Told(), set()
    for row in (row for upload in uploads for row in upload.rows):
        key = shape.key_of(row)
        told.fates[row["_seq"], "duplicate" if key in seen else "merged"] += 1
        told.rows += [] if key in seen else [row]
        seen.add(key)
    return told


def replace(uploads: Sequence[Upload], shape: Shape) -> Told:
    told = Told()
    for upload in uploads:
        if upload.rows and len(upload.rows) >= shape.shrinks_to * len(told.rows):
            told.rows = list(upload.rows)
            told.fates[upload.seq, "merged"] = len(upload.rows)
    return told


def upsert(uploads: Sequence[Upload], shape: Shape) -> Told:
    model = Model(shape.key, shape.time, lambda row: bool(row["_deletes"]))
    for upload in uploads:
        model.apply(upload.rows)
    return Told(list(model.table.values()), model.fates, model.deletions)


def partial_upsert(uploads: Sequence[Upload], shape: Shape) -> Told:
    told = Told()
    for key, rows in shape.by_key(uploads).items():
        cells: dict[str, tuple[Any, Row]] = {}
        for row in rows:
            told.fates[row["_seq"], "merged"] += 1
            if row["_deletes"]:
                told.deletions.add((row["_seq"], key))
                cells.clear()
                continue
            for name, value in said(row).items():
                before, who = cells.get(name, (None, row))
                if value is not None:
                    cells[name] = (value, min(who, row, key=_arrival) if before == value else row)
        if cells:
            newest = max((who for _, who in cells.values()), key=_arrival)
            told.rows.append({name: cells.get(name, (None,))[0] for name in said(newest)} | lineage(newest))
    return told


def scd2(uploads: Sequence[Upload], shape: Shape) -> Told:
    told = Told()
    for key, rows in shape.by_key(uploads).items():
        now: dict[str, Any] | None = None
        for at, same_time in groupby(rows, key=lambda row: row[shape.time or ""]):
            event: Row | None = None
            for seq, file in groupby(same_time, key=lambda row: row["_seq"]):
                *duplicates, row = file
                told.fates[seq, "duplicate"] += len(duplicates)
                told.fates[seq, "merged"] += 1
                told.deletions |= {(seq, key) for each in (*duplicates, row) if each["_deletes"]}
                if event is None or (event["_deletes"], shape.says(event)) != (row["_deletes"], shape.says(row)):
                    event = row
            assert event is not None
            if event["_deletes"]:
                if now is not None:
                    now["_valid_to"] = at
                now = None
            elif now is None or shape.says(now, shape.untracked) != shape.says(event, shape.untracked):
                if now is not None:
                    now["_valid_to"] = at
                now = {**event, "_valid_from": at, "_valid_to": None}
                told.rows.append(now)
            elif shape.says(now) != shape.says(event):
                now.update(event)
    return told


def snapshot(uploads: Sequence[Upload], shape: Shape) -> Told:
    told = _states(uploads, shape)
    told.rows = [row for row in told.rows if row["_valid_to"] is None]
    return told


def snapshot_history(uploads: Sequence[Upload], shape: Shape) -> Told:
    return _states(uploads, shape)


def _states(uploads: Sequence[Upload], shape: Shape) -> Told:
    told = Told()
    state: dict[Key, dict[str, Any]] = {}
    ended: dict[Key, datetime] = {}
    for upload in uploads:
        new = {shape.key_of(row): row for row in upload.rows}
        if not new or len(new) < shape.shrinks_to * len(state):
            continue
        told.fates[upload.seq, "merged"] = len(new)
        told.fates[upload.seq, "duplicate"] = len(upload.rows) - len(new)
        told.deletions |= {(upload.seq, key) for key in state if key not in new}
        for key in [key for key, row in state.items() if key not in new or said(row) != said(new[key])]:
            over = state.pop(key)
            over["_valid_to"] = ended[key] = max(upload.at, over["_valid_from"] + TICK)
        for key in new.keys() - state.keys():
            begun = max(upload.at, ended.get(key, upload.at))
            state[key] = {**new[key], "_valid_from": begun, "_valid_to": None}
            told.rows.append(state[key])
    return told


def told_by(uploads: Sequence[Upload], shape: Shape, at: Any) -> dict[Key, Row]:
    """What events say of each key at a time, tracked columns only."""
    past = {key: [row for row in rows if row[shape.time or ""] <= at] for key, rows in shape.by_key(uploads).items()}
    return {
        key: shape.says(rows[-1], shape.untracked) for key, rows in past.items() if rows and not rows[-1]["_deletes"]
    }


def as_of(rows: Iterable[Row], shape: Shape, at: Any) -> dict[Key, Row]:
    """What windows say of each key at a time, tracked columns only."""
    there = [row for row in rows if row["_valid_from"] <= at and (row["_valid_to"] is None or at < row["_valid_to"])]
    return {shape.key_of(row): shape.says(row, shape.untracked) for row in there}


def lineage(row: Row) -> dict[str, Any]:
    """Who said it."""
    return {name: row[name] for name in ("_upload_id", "_seq", "_row")}


def _arrival(row: Row) -> tuple[int, int]:
    return (row["_seq"], row["_row"])
