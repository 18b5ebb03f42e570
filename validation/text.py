"""Columns of text: trimmed, with their null tokens read, and seen as bytes."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

BLANKS = " \t\r\n\v\f\u00a0"
"""What trimming removes: ASCII blanks and the no-break space that spreadsheets leave."""


def trim(text: pa.StringArray) -> pa.StringArray:
    """Every cell without leading and trailing blanks."""
    return pc.utf8_trim(text, BLANKS)


def with_nulls(text: pa.StringArray, tokens: Collection[str]) -> pa.StringArray:
    """Every cell that equals a token as null."""
    if not tokens:
        return text
    lengths = pa.array(sorted({len(token.encode()) for token in tokens}), pa.int32())
    if not pc.any(pc.is_in(pc.binary_length(text), lengths), min_count=0).as_py():
        return text
    return pc.if_else(pc.is_in(text, pa.array(list(tokens), pa.string())), pa.scalar(None, pa.string()), text)


def only_bytes(text: pa.StringArray, allowed: np.ndarray) -> bool:
    """Whether every byte of every cell is allowed, by a table of 256 flags. Null cells may hold none."""
    if not len(text):
        return True
    _, offsets, data = text.buffers()
    if data is None:
        return True
    ends = np.frombuffer(offsets, np.int32)[text.offset:text.offset + len(text) + 1]
    return bool(allowed[np.frombuffer(data, np.uint8)[ends[0]:ends[-1]]].all())


def flags(characters: str) -> np.ndarray:
    """The table of `only_bytes` that allows these ASCII characters."""
    table = np.zeros(256, bool)
    table[list(characters.encode("ascii"))] = True
    return table


def longest(text: pa.StringArray) -> int:
    """Bytes of the longest cell."""
    return pc.max(pc.binary_length(text)).as_py() or 0


def full_match(text: pa.StringArray, pattern: str) -> pa.BooleanArray:
    """Whether each cell matches a regular expression (RE2) from its first character to its last."""
    return pc.match_substring_regex(text, rf"\A(?:{pattern})\z")
