"""Short decimals, read as machine numbers: two to three times as fast as Arrow's own cast."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from validation.text import bytes_between, longest, used_bytes

_INTEGER_DIGITS = 18  # every number of so many digits fits 64 bits
_DOUBLE_DIGITS = 15  # no two decimals of so many digits are the same double


def short_decimals(text: pa.StringArray, wanted: pa.Decimal128Type) -> pa.Decimal128Array | None:
    """All cells as `wanted`, or None unless all are plain and short: then nothing is said of any of them.

    A cell is plain if it has a minus sign at most, digits, at most one point, and a fraction that needs no rounding.
    """
    pointed = bool((used_bytes(text) == ord(".")).any())
    digits = _DOUBLE_DIGITS if pointed else _INTEGER_DIGITS
    if longest(text) > (digits if pointed else digits - wanted.scale) or not bytes_between(text, "-", "9"):
        return None
    try:
        numbers = pc.cast(text, pa.float64() if pointed else pa.int64())
    except pa.ArrowInvalid:
        return None
    raw = np.frombuffer(numbers.buffers()[1] or b"", np.float64 if pointed else np.int64)[: len(numbers)]
    whole = _whole(raw, wanted.scale) if pointed else raw * 10**wanted.scale
    limit = 10 ** min(wanted.precision, digits)
    if whole is None or not -limit < whole.min(initial=0) <= whole.max(initial=0) < limit:
        return None
    return _decimals(whole, numbers, wanted)


def _whole(numbers: Any, scale: int) -> Any:
    """Multiples of the last digit's unit; None if a number is between two: it is another double than either."""
    if scale > _DOUBLE_DIGITS:
        return None
    unit = 10.0**scale
    whole = np.rint(numbers * unit)
    return whole if (whole / unit == numbers).all() else None


def _decimals(whole: Any, numbers: pa.Array, wanted: pa.Decimal128Type) -> pa.Decimal128Array:
    """Both halves of 128 bits; null where `numbers` are."""
    buffer = pa.allocate_buffer(16 * len(whole))
    halves = np.frombuffer(buffer, np.int64).reshape(-1, 2)
    halves[:, 0] = whole
    np.right_shift(halves[:, 0], 63, out=halves[:, 1])
    valid = None
    if numbers.null_count:
        valid = pa.py_buffer(np.packbits(pc.is_valid(numbers).to_numpy(zero_copy_only=False), bitorder="little"))
    return pa.Array.from_buffers(wanted, len(whole), [valid, buffer])
