"""Short decimals, read as 64-bit integers: two to three times as fast as Arrow's own cast."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from validation.text import offsets

_POINT, _MINUS, _ZERO, _TEN = np.uint8(ord(".")), np.uint8(ord("-")), np.uint8(ord("0")), np.uint8(10)
_DIGITS = 18  # every number of so many digits fits 64 bits
_POWERS = 10 ** np.arange(_DIGITS + 1)


def short_decimals(text: pa.StringArray, wanted: pa.Decimal128Type) -> pa.Decimal128Array | None:
    """All cells as `wanted`, or None unless all are plain and short: then nothing is said of any of them.

    A cell is plain if it has a minus sign at most, digits, at most one point, and a fraction that needs no rounding.
    """
    ends = offsets(text)
    data: Any = np.frombuffer(text.buffers()[2] or b"", np.uint8)[ends[0] : ends[-1]]
    is_point = data == _POINT
    points = np.count_nonzero(is_point)
    others = len(data) - np.count_nonzero(data - _ZERO < _TEN) - points
    if wanted.scale > _DIGITS or others > np.count_nonzero(data == _MINUS):
        return None
    ends = ends - ends[0]
    fraction: np.ndarray | int = 0
    if points:
        before = np.concatenate([np.zeros(1, np.int32), np.cumsum(is_point, dtype=np.int32)])[ends]
        found = _fraction_lengths(ends, np.flatnonzero(is_point), np.diff(before))
        if found is None or found.max(initial=0) > wanted.scale:
            return None
        fraction, ends, data = found, ends - before, data.tobytes().translate(None, b".")
    places = wanted.scale - fraction
    if (np.diff(ends) + places).max(initial=0) > _DIGITS:
        return None
    digits = pa.Array.from_buffers(pa.string(), len(text), [_validity(text), pa.py_buffer(ends), pa.py_buffer(data)])
    try:
        return _scaled(pc.cast(digits, pa.int64()), places, wanted)
    except pa.ArrowInvalid:
        return None


def _fraction_lengths(ends: Any, points: Any, count: Any) -> Any:
    """Digits after the point of each cell; None if a cell has two points."""
    if count.max(initial=0) > 1:
        return None
    if len(points) == len(count):
        return ends[1:] - points - 1
    lengths = np.zeros(len(count), np.int64)
    pointed = np.flatnonzero(count)
    lengths[pointed] = ends[1:][pointed] - points - 1
    return lengths


def _scaled(whole: pa.Int64Array, places: np.ndarray | int, wanted: pa.Decimal128Type) -> pa.Decimal128Array | None:
    """Integers times ten to the power of `places`, as both halves of 128 bits."""
    raw = np.frombuffer(whole.buffers()[1] or b"", np.int64)[: len(whole)]
    low = raw if isinstance(places, int) and not places else raw * _POWERS[places]
    limit = 10 ** min(wanted.precision, _DIGITS)
    if len(low) and not -limit < low.min() <= low.max() < limit:
        return None
    halves = np.empty((len(low), 2), np.int64)
    halves[:, 0] = low
    np.right_shift(low, 63, out=halves[:, 1])
    return pa.Array.from_buffers(wanted, len(whole), [_validity(whole), pa.py_buffer(halves)])


def _validity(array: pa.Array) -> pa.Buffer | None:
    if not array.null_count:
        return None
    return pa.py_buffer(np.packbits(pc.is_valid(array).to_numpy(zero_copy_only=False), bitorder="little"))
