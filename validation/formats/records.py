"""Where the records of delimited text start and end, and on which line.

A quote counts where it opens a field, closes one, or is doubled inside one; anywhere else it is an ordinary character
(as Python's `csv` and Arrow read it). LF, CR LF and a lone CR end a line; outside quotes they also end a record.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_LF, _CR = ord("\n"), ord("\r")
_STRETCH = 255 * 8
"""Bytes of which eight at a time can be counted in one byte each."""
_AT_HAND = 128 * _STRETCH


@dataclass(frozen=True, slots=True)
class Records:
    """Record i is `data[starts[i]:ends[i]]` and starts on line `lines[i]`, counted from 0.

    `size` bytes and `line_count` lines belong to these records, their line ends included; what follows is not complete.
    """

    starts: np.ndarray
    ends: np.ndarray
    lines: np.ndarray
    size: int
    line_count: int

    def first(self, count: int) -> Records:
        """The first records alone."""
        if count >= len(self.starts):
            return self
        return Records(
            self.starts[:count], self.ends[:count], self.lines[:count], int(self.starts[count]), int(self.lines[count])
        )


def find_records(data: memoryview, delimiter: bytes, quote: bytes | None, *, final: bool) -> Records:
    """All complete records; where `final`, the end of the data completes the last one, unless a quote is open."""
    breaks = line_breaks(data)
    if not quote or not holds(data, quote):
        closing = np.arange(len(breaks))
        is_open = False
    else:
        regular = by_parity(data, breaks, delimiter, quote)
        closing, is_open = by_scan(data, breaks, delimiter, quote) if regular is None else regular
    return _records(data, breaks, closing, final=final and not is_open)


def line_breaks(data: memoryview) -> np.ndarray:
    """Positions of the last byte of every line end."""
    view = np.frombuffer(data, np.uint8)
    breaks = np.flatnonzero(view == _LF)
    if not holds(data, b"\r"):
        return breaks
    returns = np.flatnonzero(view == _CR)
    following = view[np.minimum(returns + 1, len(view) - 1)]
    lone = returns[(following != _LF) | (returns + 1 == len(view))]
    return np.sort(np.concatenate([breaks, lone])) if len(lone) else breaks


def holds(data: memoryview, byte: bytes) -> bool:
    """Whether a byte occurs."""
    return bool((np.frombuffer(data, np.uint8) == byte[0]).any())


def lone_return(data: memoryview) -> bool:
    """Whether a CR occurs without an LF after it."""
    if not holds(data, b"\r"):
        return False
    view = np.frombuffer(data, np.uint8)
    returns = np.flatnonzero(view == _CR)
    return bool(returns[-1] + 1 == len(view) or (view[returns + 1] != _LF).any())


def line_count(data: memoryview) -> int:
    """Lines that end in LF, and a last line without an end."""
    view = np.frombuffer(data, np.uint8)
    return int(np.count_nonzero(view == _LF)) + bool(len(view) and view[-1] != _LF)


def lines_at(data: memoryview, at: Sequence[int]) -> list[bytes]:
    """The lines with these numbers, counted from 0, without their ends; all end in LF or CR LF, but for the last."""
    numbers = np.asarray(at, np.int64)
    before, ends = np.split(_line_ends(data, np.concatenate([np.maximum(numbers - 1, 0), numbers])), 2)
    starts = np.where(numbers > 0, before + 1, 0)
    return [
        bytes(data[start:end]).removesuffix(b"\r") for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
    ]


def _line_ends(data: memoryview, numbers: np.ndarray) -> np.ndarray:
    """Where the lines with these numbers end. Only stretches that have such ends are searched, the others counted."""
    view = np.frombuffer(data, np.uint8)
    before = np.concatenate([np.zeros(1, np.int64), np.cumsum(_ends_by_stretch(view), dtype=np.int64)])
    places, which = np.unique(np.searchsorted(before, numbers, "right") - 1, return_inverse=True)
    found = [np.flatnonzero(view[at : at + _STRETCH] == _LF) + at for at in (places * _STRETCH).tolist()]
    first = np.cumsum([0, *map(len, found)])
    ends: np.ndarray = np.concatenate([*found, [len(data)]])[first[which] + numbers - before[places[which]]]
    return ends


def _ends_by_stretch(view: np.ndarray) -> np.ndarray:
    """How many lines end in each stretch: eight bytes are counted at once, in what the processor has at hand."""
    is_end, counts = np.empty(_AT_HAND, bool), [np.zeros(0, np.int64)]
    for start in range(0, len(view), _AT_HAND):
        part = view[start : start + _AT_HAND]
        whole = is_end[: -(-len(part) // _STRETCH) * _STRETCH]
        whole[len(part) :] = False
        np.equal(part, _LF, out=whole[: len(part)])
        eights = whole.view(np.uint64).reshape(-1, _STRETCH // 8).sum(axis=1)
        counts.append(eights.view(np.uint8).reshape(-1, 8).sum(axis=1))
    return np.concatenate(counts)


def by_parity(data: memoryview, breaks: np.ndarray, delimiter: bytes, quote: bytes) -> tuple[np.ndarray, bool] | None:
    """Line ends with an even number of quotes before them end a record, if every quote stands where it may."""
    view = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(view == quote[0])
    edge = np.zeros(256, bool)
    edge[[delimiter[0], _LF, _CR, quote[0]]] = True
    opening, shutting = quotes[::2], quotes[1::2]
    before = edge[view[opening - 1]] | (opening == 0)
    after = edge[view[np.minimum(shutting + 1, len(view) - 1)]] | (shutting + 1 == len(view))
    if not (before.all() and after.all()):
        return None
    return np.flatnonzero(np.searchsorted(quotes, breaks) % 2 == 0), len(quotes) % 2 == 1


def by_scan(data: memoryview, breaks: np.ndarray, delimiter: bytes, quote: bytes) -> tuple[np.ndarray, bool]:
    """The same, record by record: exact for quotes in any place."""
    mark, between = re.escape(quote), re.escape(delimiter)
    plain = b"[^" + between + rb"\r\n]*+"
    quoted = mark + b"[^" + mark + b"]*+(?:" + mark + mark + b"[^" + mark + b"]*+)*+" + mark + plain
    cell = b"(?:" + quoted + b"|(?!" + mark + b")" + plain + b")"
    record = re.compile(cell + b"(?:" + between + cell + rb")*+(?:\r\n|\r|\n|\Z)")
    ends, position = [], 0
    while position < len(data):
        found = record.match(data, position)
        if found is None:
            break
        position = found.end()
        ends.append(position - 1)
    return np.flatnonzero(np.isin(breaks, np.array(ends, np.int64))), position < len(data)


def _records(data: memoryview, breaks: np.ndarray, closing: np.ndarray, *, final: bool) -> Records:
    view = np.frombuffer(data, np.uint8)
    at = breaks[closing]
    starts = np.concatenate([np.zeros(1, np.int64), at + 1])
    lines = np.concatenate([np.zeros(1, np.int64), closing + 1])
    pair = (view[at] == _LF) & (at > 0) & (view[at - 1] == _CR) if len(at) else np.zeros(0, bool)
    ends = at - pair
    if final and starts[-1] < len(data):
        return Records(starts, np.append(ends, len(data)), lines, len(data), len(breaks) + 1)
    return Records(starts[:-1], ends, lines[:-1], int(starts[-1]), int(lines[-1]))
