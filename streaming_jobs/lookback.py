"""Looking back: which uploads came since the first of those that one takes the place of, and where they count.

A superseding upload counts in the place of the first upload that it superseded, and so on if it was superseded itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from ledgerlake.events import Manifest, Outcome
from streaming_jobs.lake import Lake
from streaming_jobs.open_tables import Handle
from streaming_jobs.outcomes import committed
from streaming_jobs.runs import Run, manifests

WINDOW = 16
"""Uploads looked back at first for those that are superseded; four times as many the next time."""


@dataclass(frozen=True)
class Since:
    """Uploads from number `first` on that were applied, beginning with version `version + 1`, and their `places`.

    That version, committed at `begun`, has the earliest upload that is superseded; `gone` are all that are.
    """

    version: int
    begun: datetime
    first: int
    applied: tuple[tuple[Manifest, Outcome], ...]
    gone: frozenset[str]
    places: Mapping[str, int]


def since(lake: Lake, data: Handle, run: Run) -> Since:
    """Looks back until every upload that is superseded is found, and what those took the place of.

    Raises:
        HistoryError: the log of the table `data` does not say any more what became of one of them.
        TransientError: raw or the storage cannot be reached.
    """
    for after, found in _back(lake, run):
        said = {each.seq: each for each in committed(data, run.dataset, after)}
        ends = _closed(lake, run, found, said, data.version())
        if after == 0 or (ends.first > after + 1 and ends.gone <= {each.upload_id for each in found}):
            break
    return ends


def replaced(lake: Lake, run: Run) -> list[Manifest]:
    """The uploads that a run supersedes, in order; raises `TransientError` where raw cannot be reached."""
    for after, found in _back(lake, run):
        gone = [each for each in found if each.upload_id in run.supersedes]
        if after == 0 or len(gone) == len(run.supersedes):
            break
    return gone


def _back(lake: Lake, run: Run) -> Iterator[tuple[int, list[Manifest]]]:
    """Ever more uploads before the run, back to the first: after which they are, and what they are."""
    applied, window = run.last - 1, WINDOW
    while True:
        after = max(0, applied - window)
        yield after, list(islice(manifests(lake, run.dataset, after + 1, applied - after), applied - after))
        window *= 4


def _closed(lake: Lake, run: Run, found: list[Manifest], said: Mapping[int, Outcome], newest: int) -> Since:
    """As far as `found` goes; `newest` is the table's version."""
    gone = frozenset(run.supersedes)
    while True:
        version = min((said[each.seq].version or 0 for each in found if each.upload_id in gone), default=newest + 1)
        first = min((seq for seq, each in said.items() if each.version == version), default=run.last)
        later = [each for each in found if each.seq >= first and said[each.seq].state == "applied"]
        more = gone.union(*(each.supersedes for each in later))
        if more == gone:
            break
        gone = more
    begun = said[first].applied_at if first in said else lake.clock()
    places = _places([*(each for each in found if each.seq >= first), run.uploads[0]])
    return Since(version - 1, begun, first, tuple((each, said[each.seq]) for each in later), gone, places)


def _places(uploads: list[Manifest]) -> dict[str, int]:
    """Of each upload its number, or the place of the first that it superseded."""
    places: dict[str, int] = {}
    for each in uploads:
        places[each.upload_id] = min((places[name] for name in each.supersedes if name in places), default=each.seq)
    return places
