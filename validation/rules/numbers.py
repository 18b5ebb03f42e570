"""Decimals as machine numbers, where these hold all of their digits: several times as fast as Arrow's decimals."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from validation.text import booleans

_MACHINE_DIGITS = 18
"""Every number of so many digits fits 64 bits."""
_MACHINE_NUMBERS = (-(2**63), 2**63 - 1)


def is_round(cells: pa.Decimal128Array, digits: int) -> pa.BooleanArray:
    """Whether so many digits after the point say all of each number."""
    if digits >= cells.type.scale:
        return pc.is_valid(cells)
    numbers = unscaled(cells)
    if numbers is None:
        return pc.equal(pc.round(cells, ndigits=digits, round_mode="towards_zero"), cells)
    return booleans(numbers % 10 ** min(cells.type.scale - digits, _MACHINE_DIGITS) == 0)


def lies_between(cells: pa.Decimal128Array, low: Decimal | None, high: Decimal | None) -> pa.BooleanArray | None:
    """Whether each number lies between the two, either of which may be open; None if that has to be found elsewise."""
    numbers = unscaled(cells)
    least, most = (
        end if stated is None else int(stated.scaleb(cells.type.scale))
        for stated, end in zip((low, high), _MACHINE_NUMBERS, strict=True)
    )
    if numbers is None or not _MACHINE_NUMBERS[0] <= least <= most <= _MACHINE_NUMBERS[1]:
        return None
    beyond = (numbers - np.int64(least)).view(np.uint64)  # what is less than the least wraps to more than the most
    return booleans(beyond <= np.uint64(most - least))


def unscaled(cells: pa.Decimal128Array) -> npt.NDArray[np.int64] | None:
    """Multiples of the last digit's unit; None if one does not fit. Those of nulls mean nothing."""
    buffer = cells.buffers()[1]
    if buffer is None:
        return np.zeros(len(cells), np.int64)
    halves = np.frombuffer(buffer, np.int64).reshape(-1, 2)[cells.offset : cells.offset + len(cells)]
    low, high = halves[:, 0], halves[:, 1]
    fits = cells.type.precision <= _MACHINE_DIGITS or bool((low >> 63 == high).all())
    return low if fits else None
