"""A lake of one table in plain Python: it remembers events, merges what a mode's fold says, and may crash in between.

It keeps the promises of `streaming_jobs`: what a fold may know, and what one commit does to the table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

import pyarrow as pa

from tables.contract import Contract
from tables.mode import DELETE, OP, RESTORE, UPSERT, Commit, Fate, Mode, Offer, Turn
from tests.model import Key, Row
from tests.models import Upload

Fates = Counter[tuple[int, str]]
BUCKETS = 2


@dataclass(frozen=True)
class Table:
    """What one mode does under one contract: its functions and schemas."""

    mode: Mode
    contract: Contract
    given: pa.Schema
    stored: pa.Schema
    changed: dict[str, pa.DataType]
    known: pa.Schema | None


@cache
def a_table(mode: Mode, contract: Contract) -> Table:
    """The table of a contract, empty."""
    stored = pa.schema([*contract.stored_schema, *mode.adds(contract)])
    memory = mode.memory(contract)
    fields = {each.name: each.with_nullable(True) for each in [*contract.row_schema, *stored]}
    known = None if memory is None else pa.schema([*(fields[name] for name in memory.columns), OP])
    return Table(mode, contract, contract.row_schema, stored, {each.name: each.type for each in [*stored, OP]}, known)


@dataclass(frozen=True)
class Lake:
    """Rows of the table and its progress; events and theirs."""

    table: Table
    rows: tuple[Row, ...] = ()
    applied: int = 0
    events: tuple[Row, ...] = ()
    remembered: int = 0
    fates: Fates = field(default_factory=Counter)

    def apply(self, uploads: Sequence[Upload], *, buckets: bool, crash: bool) -> Lake:
        """The lake after the next uploads: one commit, or a crash before it."""
        last = uploads[-1]
        turn = Turn(last.seq, f"upload {last.seq}", last.at)
        rows: list[Row] = [{**row, "op": row["_op"]} for upload in uploads for row in upload.rows]
        fates, changes, events = (
            self._fold(rows, turn, buckets=buckets) if not self._held(rows) else (Counter(), [], [])
        )
        new = tuple(event for event in events if event["_seq"] > self.remembered)
        lake = replace(self, events=self.events + new, remembered=last.seq) if new else self
        if crash:
            return lake
        return replace(lake, rows=self._committed(changes, fates), applied=last.seq, fates=self.fates + fates)

    def _held(self, rows: list[Row]) -> bool:
        """Whether there is nothing to fold."""
        mode, contract = self.table.mode, self.table.contract
        if mode.hold is None or not rows:
            return not rows
        current = [row for row in self.rows if row.get("_valid_to") is None]
        number = len({_key(row, contract.primary_key) for row in rows}) if contract.primary_key else len(rows)
        return bool(mode.hold(contract, Offer(number, 0, len(current))))

    def _fold(self, rows: list[Row], turn: Turn, *, buckets: bool) -> tuple[Fates, list[Row], list[Row]]:
        table = self.table
        fates, changes, events = Counter[tuple[int, str]](), list[Row](), list[Row]()
        for part, memory in self._parts(rows, turn, buckets=buckets):
            given = pa.Table.from_pylist(part, table.given)
            fold = table.mode.fold(given, memory, table.contract, turn)
            assert {each.name: each.type for each in fold.changes.schema} == table.changed
            fates.update((row["_seq"], Fate(fate).name.lower()) for row, fate in zip(part, fold.fates, strict=True))
            changes += fold.changes.to_pylist()
            events += [] if fold.events is None else fold.events.to_pylist()
        return fates, changes, events

    def _parts(self, rows: list[Row], turn: Turn, *, buckets: bool) -> Iterator[tuple[list[Row], pa.Table | None]]:
        """The rows and what is known of the past: at once, or by key in buckets, as executors have them."""
        key, memory = self.table.contract.primary_key, self._memory(rows, turn)
        if not (buckets and key):
            yield rows, None if memory is None else pa.Table.from_pylist(memory, self.table.known)
            return
        for bucket in range(BUCKETS):
            part = [row for row in rows if _bucket(row, key) == bucket]
            past = [row for row in memory or () if _bucket(row, key) == bucket]
            if part or past:
                yield part, None if memory is None else pa.Table.from_pylist(past, self.table.known)

    def _memory(self, rows: list[Row], turn: Turn) -> list[Row] | None:
        """As `streaming_jobs.lookup`: it sees keys by their first column, and events up to the table's progress."""
        memory = self.table.mode.memory(self.table.contract)
        if memory is None:
            return None
        found: list[Row] = []
        if memory.table:
            found += [{**row, OP.name: UPSERT} for row in self.rows if not memory.open_only or _open(row, turn)]
        if memory.events:
            found += [event for event in self.events if event["_seq"] <= self.applied]
        first = self.table.contract.primary_key[0]
        sought = {row[first] for row in rows}
        return [row for row in found if memory.whole or row[first] in sought]

    def _committed(self, changes: list[Row], fates: Fates) -> tuple[Row, ...]:
        """As `tables.merge` and its neighbours."""
        table = self.table
        plain = tuple({name: change[name] for name in table.stored.names} for change in changes)
        if table.mode.commit is Commit.APPEND:
            return self.rows + plain
        if table.mode.commit is Commit.REPLACE:
            return plain if fates else self.rows
        identity, compared = table.mode.identity(table.contract), table.mode.compared(table.contract)
        assert len({_key(row, identity) for row in changes}) == len(changes), "two changes of one row"
        rows = {_key(row, identity): row for row in self.rows}
        for row, change in zip(plain, changes, strict=True):
            there = rows.get(_key(row, identity))
            if change[OP.name] == DELETE:
                rows.pop(_key(row, identity), None)
            elif there is None or change[OP.name] == RESTORE or any(there[name] != row[name] for name in compared):
                rows[_key(row, identity)] = row
        return tuple(rows.values())


def _key(row: Row, names: Sequence[str]) -> Key:
    return tuple(row[name] for name in names)


def _bucket(row: Row, key: Sequence[str]) -> int:
    return sum(map(ord, str(_key(row, key)))) % BUCKETS


def _open(row: Row, turn: Turn) -> bool:
    return row["_valid_to"] is None or row["_valid_to"] > turn.at
