"""Patterns such as `[A-Z0-9]{1,10}`: so many characters of one class, which whole columns are matched with at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from validation.text import booleans, byte_lengths, bytes_between, offsets, used_bytes

_MEMBER = r"[ !\"#$%'()*+,./0-9:;<=>?@A-Z_`a-z{}]"
_SPAN = re.compile(rf"\^?\[((?:{_MEMBER}-(?:{_MEMBER}|~)|{_MEMBER})+)\](?:([+*])|\{{(\d+)(,?)(\d*)\}})\$?")
_LONGEST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Span:
    """From `low` to `high` ASCII characters of some ranges, which ascend and do not touch."""

    ranges: tuple[tuple[int, int], ...]
    low: int
    high: int

    def match(self, cells: pa.StringArray) -> pa.BooleanArray:
        """Which cells match."""
        lengths = byte_lengths(cells)  # which are those in characters, where all are members
        fine = (lengths >= self.low) & (lengths <= self.high)
        fine[np.searchsorted(offsets(cells), self._others(cells), "right") - 1] = False
        return booleans(fine)

    def _others(self, cells: pa.StringArray) -> npt.NDArray[np.intp]:
        """Where bytes that are no members stand in the data of the cells."""
        (first, last), *ranges = self.ranges
        if not ranges and bytes_between(cells, chr(first), chr(last)):
            return np.zeros(0, np.intp)
        data = used_bytes(cells)
        members = _within(data, first, last)
        for each in ranges:
            members |= _within(data, *each)
        found: npt.NDArray[np.intp] = np.flatnonzero(~members) + offsets(cells)[0]
        return found


def _within(data: npt.NDArray[np.uint8], first: int, last: int) -> npt.NDArray[np.bool_]:
    return (data - np.uint8(first)) <= last - first  # what comes before the first wraps to more than the last


@cache
def span_of(pattern: str) -> Span | None:
    """The span that a pattern is; None if it is anything else."""
    found = _SPAN.fullmatch(pattern)
    if not found:
        return None
    content, sign, low, comma, high = found.groups()
    ranges = _ranges(content)
    if ranges is None:
        return None
    if sign:
        return Span(ranges, int(sign == "+"), _LONGEST)
    top = int(high) if high else (_LONGEST if comma else int(low))
    return Span(ranges, int(low), min(top, _LONGEST)) if int(low) <= _LONGEST else None


def _ranges(content: str) -> tuple[tuple[int, int], ...] | None:
    """First and last character of each range of a class; None if one runs backwards."""
    stated = [
        (ord(first or single), ord(last or single))
        for first, last, single in re.findall(rf"({_MEMBER})-({_MEMBER}|~)|({_MEMBER})", content)
    ]
    found: list[tuple[int, int]] = []
    for start, end in sorted(stated):
        if start > end:
            return None
        if found and start <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return tuple(found)
