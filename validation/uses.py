"""Puts the rules of a contract to use on the rows of a block: refusals of their rows, or flags where these are kept."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tables.contract import Column, RuleUse, Severity
from validation.known import Known
from validation.refusals import Refusal, cell_texts, failing, positions
from validation.rules import RULES, Found, arguments, message
from validation.verdict import Flag, rule_name

NONE = np.zeros(0, np.int64)
Positions = npt.NDArray[np.int64]
Columns = Mapping[str, pa.Array]


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule and the rows of a block that break it; `column` is where it stands, `cells` are its cells as found."""

    use: RuleUse
    column: Column | None
    at: Positions
    cells: pa.Array | None
    more: Sequence[str] = ()

    @property
    def name(self) -> str | None:
        """Of the column."""
        return self.column.name if self.column else None

    def without(self, mask: npt.NDArray[np.bool_]) -> Broken:
        """Of the rows that the mask leaves."""
        kept = np.flatnonzero(~mask[self.at]).tolist()
        more = [self.more[each] for each in kept] if self.more else ()
        return replace(self, at=self.at[kept], more=more)

    def refusal(self) -> Refusal:
        """The refusal of these rows, each with what is accepted, what was found, and what more there is to say."""
        values = cell_texts(self.cells, self.at) if self.cells is not None else [None] * len(self.at)
        text = message(self.use, self.name)
        more = self.more or [""] * len(self.at)
        messages = [_sentence(text, value, each) for value, each in zip(values, more, strict=True)]
        return Refusal(self.use.name, self.name, self.at, values, messages)


def apply(  # noqa: PLR0913, PLR0917  # a rule, where it stands, and what it judges
    use: RuleUse,
    column: Column | None,
    columns: Columns,
    known: Known,
    cells: pa.Array | None = None,
    memory: Any = None,
) -> Broken | None:
    """The rows that break a rule; None if none does. `cells` are those of its column as they were found."""
    rule = RULES[use.name]
    own = columns[column.name] if column else None
    leading = [each for each in (memory, own) if each is not None]
    asked = {"known": known.of(use)} if rule.asks else {}
    found = rule.check(*leading, **arguments(use, columns), **asked)
    fine = found.fine if isinstance(found, Found) else found
    judged = None if own is None or rule.of_nulls else own
    at = failing(fine, judged) if judged is not None else _not(fine)
    if not len(at):
        return None
    more = found.more(at) if isinstance(found, Found) and use.severity is Severity.ERROR else ()
    return Broken(use, column, at, own if cells is None else cells, more)


def _not(fine: pa.BooleanArray) -> Positions:
    return NONE if pc.all(fine, min_count=0).as_py() else positions(pc.invert(pc.fill_null(fine, True)))


def flags(broken: Iterable[Broken], rows: np.ndarray, refused: Positions) -> list[Flag]:
    """What is said of rows that are kept: those that break rules of other severities, and are not refused."""
    found = []
    for each in broken:
        kept = np.setdiff1d(each.at, refused, assume_unique=True)
        if len(kept):
            text = message(each.use, each.name)
            found.append(Flag(each.use, each.name, len(kept), int(rows[kept[0]]), text))
    return found


def warnings_of_rows(broken: Iterable[Broken], rows: int) -> pa.StringArray:
    """Of each row of a block what `_warnings` says."""
    found: dict[int, list[str]] = defaultdict(list)
    for each in broken:
        if each.use.severity is Severity.WARNING:
            for position in each.at.tolist():
                found[position].append(rule_name(each.use, each.name))
    return pa.array([json.dumps(found[row]) if row in found else None for row in range(rows)], pa.string())


def _sentence(text: str, value: str | None, more: str) -> str:
    shown = "" if value is None else f"; found {value[:60]!r}"
    return f"{text}{shown}{'; ' if more else ''}{more}"
