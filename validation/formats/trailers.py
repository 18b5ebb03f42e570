"""Lines after the data that declare totals, told by the patterns of their contract, in linear time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from tables.contract import Trailer
from validation.verdict import TrailerLine


def declarations(text: str, line: int, trailers: Iterable[Trailer], found: Sequence[TrailerLine]) -> list[TrailerLine]:
    """What a line declares. A trailer that declares a total counts once; a footer that declares none may repeat.

    `found` are the declarations of the lines below it.
    """
    already = [each.trailer for each in found if each.trailer.total != "none"]
    return [
        TrailerLine(line, trailer, declared)
        for trailer in trailers
        if trailer not in already and (declared := _declared(text, trailer)) is not None
    ]


@lru_cache(maxsize=64)  # blank lines and footers come again and again
def _declared(text: str, trailer: Trailer) -> str | None:
    """What group 1 of the pattern captures of a text that it matches as a whole; nothing where it is a footer."""
    whole, cell = rf"\A(?:{trailer.pattern})\z", pa.array([text], pa.string())
    if not pc.match_substring_regex(cell, whole)[0].as_py():
        return None
    captured: str = pc.replace_substring_regex(cell, whole, "" if trailer.total == "none" else r"\1")[0].as_py()
    return captured
