"""What a table must become, said once more in plain Python: rows into a dict, one after the other.

It shares no code with the product.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

Row = Mapping[str, Any]


class Model:
    """A table, and what became of every row. `key` is empty where every row stays; `newest_by` may be None."""

    def __init__(self, key: tuple[str, ...], newest_by: str | None) -> None:
        self.key, self.newest_by = key, newest_by
        self.table: dict[tuple[Any, ...], Row] = {}
        self.fates: Counter[tuple[int, str]] = Counter()

    def key_of(self, row: Row) -> tuple[Any, ...]:
        return tuple(row[name] for name in self.key) or (row["_seq"], row["_row"])

    def apply(self, upload: Iterable[Row]) -> None:
        best: dict[tuple[Any, ...], Row] = {}
        for row in upload:
            key = self.key_of(row)
            if key in best:
                self.fates[row["_seq"], "duplicate"] += 1
            if key not in best or self._age(row) >= self._age(best[key]):
                best[key] = row
        for key, row in best.items():
            if key in self.table and self._age(self.table[key]) > self._age(row):
                self.fates[row["_seq"], "superseded"] += 1
            else:
                self.fates[row["_seq"], "merged"] += 1
                self.table[key] = row

    def _age(self, row: Row) -> tuple[bool, Any]:
        value = row[self.newest_by] if self.newest_by else 0
        return (value is not None, value)
