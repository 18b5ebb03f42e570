"""What a table must become, said once more in plain Python: rows into a dict, one after the other.

It shares no code with the product. `tests.models` has those of the other modes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Row = Mapping[str, Any]
Key = tuple[Any, ...]


class Model:
    """The newest row of each key, and what became of every row: `append` without a key, `upsert` with one.

    `key` is empty where every row stays; `newest_by` may be None; `deletes` tells rows that take their key away.
    """

    def __init__(
        self,
        key: tuple[str, ...],
        newest_by: str | None,
        deletes: Callable[[Row], bool] = lambda _: False,
    ) -> None:
        self.key, self.newest_by, self.deletes = key, newest_by, deletes
        self.table: dict[Key, Row] = {}
        self.newest: dict[Key, Row] = {}
        self.fates: Counter[tuple[int, str]] = Counter()
        self.deletions: set[tuple[int, Key]] = set()

    def key_of(self, row: Row) -> Key:
        return tuple(row[name] for name in self.key) or (row["_seq"], row["_row"])

    def apply(self, upload: Iterable[Row]) -> None:
        best: dict[Key, Row] = {}
        for row in upload:
            key = self.key_of(row)
            if key in best:
                self.fates[row["_seq"], "duplicate"] += 1
            if key not in best or self._age(row) >= self._age(best[key]):
                best[key] = row
        for key, row in best.items():
            if key in self.newest and self._age(self.newest[key]) > self._age(row):
                self.fates[row["_seq"], "superseded"] += 1
            else:
                self.fates[row["_seq"], "merged"] += 1
                self._put(key, row)

    def _put(self, key: Key, row: Row) -> None:
        self.newest[key] = row
        if self.deletes(row):
            self.table.pop(key, None)
            self.deletions.add((row["_seq"], key))
        elif key not in self.table or said(self.table[key]) != said(row):
            self.table[key] = row

    def _age(self, row: Row) -> tuple[bool, Any]:
        value = row[self.newest_by] if self.newest_by else 0
        return (value is not None, value)


def said(row: Row) -> dict[str, Any]:
    """What a row says, without who said it."""
    return {name: value for name, value in row.items() if not name.startswith("_")}
