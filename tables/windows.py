"""Windows of time: from when to when which row of a key held, as a pure function of the key's events.

Events are walked by time; of the same time the last upload counts. An event whose tracked columns differ from the open
window's closes it and opens the next; one that differs in other columns only changes the row of the open window, and
one that says the same changes nothing. A deletion closes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tables.contract import LINEAGE
from tables.order import Flags, Ints, changed, codes, ints, last_of_group, latest, new_group

FROM, TO = "_valid_from", "_valid_to"
"""A window is [from, to); without `to` it is open: its row is current."""


@dataclass(frozen=True, slots=True)
class Events:
    """Events with what is asked of them as numbers: equal keys, ascending times, and who came first."""

    rows: pa.Table
    key: Ints
    time: Ints
    seq: Ints
    line: Ints
    deletes: Flags
    tracked: tuple[str, ...]
    untracked: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Windows:
    """Positions of events: which one opened a window, closed it (-1: it is open), and brought its row."""

    opened: Ints
    closed: Ints
    source: Ints

    def take(self, chosen: Flags) -> Windows:
        """Some of the windows."""
        return Windows(self.opened[chosen], self.closed[chosen], self.source[chosen])


def events(rows: pa.Table, deletes: Flags, key: Sequence[str], time: str, untracked: Sequence[str]) -> Events:
    """Rows with lineage as events; what is neither key, time nor lineage says something, tracked or not."""
    silent = {*key, time, *(each.name for each in LINEAGE)}
    return Events(
        rows,
        codes(rows.select(list(key))),
        codes(rows.select([time]), ordered=True),
        ints(rows["_seq"]),
        ints(rows["_row"]),
        deletes,
        tuple(name for name in rows.column_names if name not in silent and name not in untracked),
        tuple(name for name in rows.column_names if name in untracked),
    )


def windows(of: Events, chosen: Ints) -> Windows:
    """The windows that the chosen events make."""
    at, source = _by_time(of, chosen)
    key, deletes = of.key[at], of.deletes[at]
    begins = new_group(key)
    revives = np.append(False, deletes[:-1])[: at.size]
    opens = ~deletes & (begins | revives | _differ(of, source, of.tracked))
    brings = opens | _differ(of, source, of.untracked)
    bounds = np.flatnonzero(opens | deletes)
    ends = np.append(bounds[1:], at.size)[: bounds.size]
    closed = np.full(bounds.size, -1)
    followed = np.append(key[bounds[1:]] == key[bounds[:-1]], False)[: bounds.size]
    closed[followed] = at[ends[followed]]
    found = Windows(at[bounds], closed, source[latest(brings)[ends - 1]])
    return found.take(opens[bounds])


def _by_time(of: Events, chosen: Ints) -> tuple[Ints, Ints]:
    """The one event that counts of each key and time, and the one that brought its row: the first to say the same.

    Whoever says the same as the upload before, at the same time, changes nothing, not even who said it.
    """
    order = chosen[np.lexsort((of.line[chosen], of.seq[chosen], of.time[chosen], of.key[chosen]))]
    order = order[last_of_group(of.key[order], of.time[order], of.seq[order])]
    begins = new_group(of.key[order], of.time[order])
    if begins.all():
        return order, order
    brings = begins | new_group(of.deletes[order]) | _differ(of, order, (*of.tracked, *of.untracked))
    last = np.append(begins[1:], True)[: order.size]
    return order[last], order[latest(brings)[last]]


def _differ(of: Events, order: Ints, names: Sequence[str]) -> Flags:
    return changed(of.rows.select(list(names)), order)


def difference(before: Windows, after: Windows, of: Events) -> tuple[Windows, Windows]:
    """Windows of before that are no more, and those of after that are new or changed.

    A window is known by its key and the time it opened.
    """
    time = np.append(of.time, -1)  # of position -1: never
    both = [np.concatenate(pair) for pair in _numbers(before, after, of, time)]
    side = np.repeat([0, 1], [before.opened.size, after.opened.size])
    order = np.lexsort((side, both[1], both[0]))
    first = new_group(both[0][order], both[1][order])
    alone = first & np.append(first[1:], True)[: order.size]
    another = ~first & new_group(*(column[order] for column in both))
    gone, new = np.zeros(side.size, dtype=bool), np.zeros(side.size, dtype=bool)
    gone[order] = alone & (side[order] == 0)
    new[order] = (alone & (side[order] == 1)) | another
    return before.take(gone[: before.opened.size]), after.take(new[before.opened.size :])


def _numbers(before: Windows, after: Windows, of: Events, time: Ints) -> list[tuple[Ints, Ints]]:
    return [
        (of.key[before.opened], of.key[after.opened]),
        (time[before.opened], time[after.opened]),
        (time[before.closed], time[after.closed]),
        (before.source, after.source),
    ]
