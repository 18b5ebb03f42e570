"""Patterns such as `[A-Z0-9]{1,10}`: so many characters of one class, which whole columns are matched with at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import pyarrow as pa

from validation.text import byte_lengths, bytes_between, used_bytes

_MEMBER = r"[ !\"#$%'()*+,./0-9:;<=>?@A-Z_`a-z{}]"
_SPAN = re.compile(rf"\^?\[((?:{_MEMBER}-(?:{_MEMBER}|~)|{_MEMBER})+)\](?:([+*])|\{{(\d+)(,?)(\d*)\}})\$?")
_LONGEST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Span:
    """From `low` to `high` ASCII characters of `members`, which ascend."""

    members: bytes
    low: int
    high: int

    def match(self, cells: pa.StringArray) -> pa.BooleanArray | None:
        """Which cells match; None if a cell has another character: then the expression itself decides."""
        if self._has_others(cells):
            return None
        lengths = byte_lengths(cells)
        return pa.array((lengths >= self.low) & (lengths <= self.high))

    def _has_others(self, cells: pa.StringArray) -> bool:
        first, last = self.members[0], self.members[-1]
        if last - first + 1 == len(self.members):
            return not bytes_between(cells, chr(first), chr(last))
        return bool(used_bytes(cells).tobytes().translate(None, self.members))


@cache
def span_of(pattern: str) -> Span | None:
    """The span that a pattern is; None if it is anything else."""
    found = _SPAN.fullmatch(pattern)
    if not found:
        return None
    content, sign, low, comma, high = found.groups()
    members = _members(content)
    if members is None:
        return None
    if sign:
        return Span(members, int(sign == "+"), _LONGEST)
    top = int(high) if high else (_LONGEST if comma else int(low))
    return Span(members, int(low), min(top, _LONGEST)) if int(low) <= _LONGEST else None


def _members(content: str) -> bytes | None:
    """The characters of a class; None if a range runs backwards."""
    found: set[int] = set()
    for first, last, single in re.findall(rf"({_MEMBER})-({_MEMBER}|~)|({_MEMBER})", content):
        start, end = ord(first or single), ord(last or single)
        if start > end:
            return None
        found |= {*range(start, end + 1)}
    return bytes(sorted(found))
