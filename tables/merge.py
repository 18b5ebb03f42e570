"""What a merge does, as a value: the merge modes make it, `tables.delta` runs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class Clause(Protocol):
    """One WHEN of a merge: `action` is `update` or `insert`; `values` are target columns and SQL over `s` and `t`."""

    @property
    def matched(self) -> bool: ...  # noqa: D102
    @property
    def action(self) -> str: ...  # noqa: D102
    @property
    def condition(self) -> str | None: ...  # noqa: D102
    @property
    def values(self) -> Sequence[tuple[str, str]]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Merge:
    """What a merge does with rows `s` and table `t`, as DataFusion SQL. `predicate` says which are the same row.

    `key` names columns that `predicate` compares: their range in `s` prunes the files of `t`.
    """

    predicate: str
    key: tuple[str, ...]
    clauses: tuple[Clause, ...]
