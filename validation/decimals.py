"""Short decimals, read as 64-bit integers: two to three times as fast as Arrow's own cast."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from validation.text import offsets

_POINT, _MINUS, _ZERO, _TEN = np.uint8(ord(".")), np.uint8(ord("-")), np.uint8(ord("0")), np.uint8(10)
_DIGITS = 18  # every number of so many digits fits 64 bits


def short_decimals(text: pa.StringArray, wanted: pa.Decimal128Type) -> pa.Decimal128Array | None:
    """All cells as `wanted`, or None unless all are plain and short: then nothing is said of any of them.

    A cell is plain if it has a minus sign at most, digits, at most one point, and a fraction that needs no rounding.
    """
    ends = offsets(text)
    data = np.frombuffer(text.buffers()[2] or b"", np.uint8)[ends[0]:ends[-1]]
    is_point = data == _POINT
    others = len(data) - np.count_nonzero(data - _ZERO < _TEN) - np.count_nonzero(is_point)
    if wanted.scale > _DIGITS or others > np.count_nonzero(data == _MINUS):
        return None
    ends = ends - ends[0]
    before = np.zeros(len(data) + 1, np.int32)
    pointed = bool(is_point.any())
    if pointed:
        np.cumsum(is_point, out=before[1:])
    before = before[ends]
    fraction = _fraction_lengths(ends, np.flatnonzero(is_point), before) if pointed else np.zeros(len(text), np.int64)
    if fraction is None or fraction.max(initial=0) > wanted.scale:
        return None
    places = wanted.scale - fraction
    if (np.diff(ends) + places).max(initial=0) > _DIGITS:
        return None
    digits = pa.Array.from_buffers(pa.string(), len(text), [
        _validity(text), pa.py_buffer(ends - before), pa.py_buffer(data.tobytes().translate(None, b".") if pointed else data)])
    try:
        whole = pc.cast(digits, pa.int64())
    except pa.ArrowInvalid:
        return None
    return _scaled(whole, places, wanted)


def _fraction_lengths(ends: np.ndarray, points: np.ndarray, before: np.ndarray) -> np.ndarray | None:
    """Digits after the point of each cell; None if a cell has two points."""
    count = np.diff(before)
    if count.max(initial=0) > 1:
        return None
    lengths = np.zeros(len(count), np.int64)
    pointed = np.flatnonzero(count)
    lengths[pointed] = ends[1:][pointed] - points - 1
    return lengths


def _scaled(whole: pa.Int64Array, places: np.ndarray, wanted: pa.Decimal128Type) -> pa.Decimal128Array | None:
    raw = np.frombuffer(whole.buffers()[1] or b"", np.int64)[:len(whole)]
    halves = np.empty((len(whole), 2), np.int64)
    np.multiply(raw, (10 ** np.arange(_DIGITS + 1))[places], out=halves[:, 0])
    if wanted.precision < _DIGITS and np.abs(halves[:, 0]).max(initial=0) >= 10**wanted.precision:
        return None
    np.right_shift(halves[:, 0], 63, out=halves[:, 1])
    return pa.Array.from_buffers(wanted, len(whole), [_validity(whole), pa.py_buffer(halves)])


def _validity(array: pa.Array) -> pa.Buffer | None:
    if not array.null_count:
        return None
    return pa.py_buffer(np.packbits(pc.is_valid(array).to_numpy(zero_copy_only=False), bitorder="little"))
