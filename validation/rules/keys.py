"""Several columns as one key, and keys that can be looked up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from validation.rules.characters import bytes_of, sizes
from validation.text import booleans, byte_lengths, bytes_between, longest

_MOST = 9
"""So many ASCII characters fit a machine number: eight have a bit to spare each, and so there is room for a ninth."""
_SPREAD = np.array([sum((code >> bit & 1) << (8 * bit + 7) for bit in range(7)) for code in range(128)], np.int64)
"""The bits of the ninth character, each in the bit that another one spares."""
Numbers = npt.NDArray[np.int64]


def key_of(columns: Sequence[pa.Array]) -> pa.Array:
    """One column as it is; of several a text that no other combination of values has. Null where one of them is."""
    if len(columns) == 1:
        return columns[0]
    parts = []
    for column in columns:
        text = pc.cast(column, pa.string())
        parts += [pc.cast(pc.binary_length(text), pa.string()), text]
    return pc.binary_join_element_wise(*parts, ":")


@dataclass(frozen=True)
class Keys:
    """Values that another table has. They are in memory, and asked block by block."""

    values: pa.Array

    @cached_property
    def _sorted(self) -> Numbers | None:
        numbers = as_numbers(self.values.drop_null())
        return None if numbers is None or not len(numbers) else np.sort(numbers)

    @cached_property
    def _slots(self) -> Numbers:
        """A table that has most keys in the slot of their hash, and some key in every slot."""
        assert self._sorted is not None  # noqa: S101  # the caller's promise
        slots = np.full(1 << _slot_bits(len(self._sorted)), self._sorted[0])
        slots[_hashes(self._sorted, len(slots))] = self._sorted
        return slots

    def have(self, cells: pa.Array) -> pa.BooleanArray:
        """Which cells are there. What is a number, or short, is found several times as fast as other texts."""
        there, sought = self._sorted, as_numbers(cells)
        if there is None or sought is None:
            return pc.is_in(cells, self.values)
        found = self._slots[_hashes(sought, len(self._slots))] == sought
        rest = np.flatnonzero(~found)
        found[rest] = there[np.minimum(np.searchsorted(there, sought[rest]), len(there) - 1)] == sought[rest]
        return booleans(found)


def _slot_bits(count: int) -> int:
    return min(count.bit_length() + 3, 24)


def _hashes(numbers: Numbers, slots: int) -> Numbers:
    """A slot for each number (Fibonacci hashing)."""
    spread = numbers.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return (spread >> np.uint64(65 - slots.bit_length())).astype(np.int64)


def as_numbers(cells: pa.Array) -> Numbers | None:
    """A number for each value, another for another; None if some have none. Those of nulls mean nothing."""
    if pa.types.is_integer(cells.type):
        return np.asarray(pc.fill_null(cells, 0).to_numpy(zero_copy_only=False), np.int64)
    if pa.types.is_date32(cells.type):
        return as_numbers(cells.cast(pa.int32()))
    if not pa.types.is_string(cells.type) or longest(cells) > _MOST or not bytes_between(cells, "\x01", "\x7f"):
        return None
    lengths, numbers = byte_lengths(cells), np.zeros(len(cells), np.int64)
    for size in sizes(cells, _MOST):
        at = np.flatnonzero(lengths == size)
        spelled = bytes_of(cells, at, size)
        if size < _MOST:
            spelled = np.pad(spelled, ((0, 0), (0, _MOST - size)))
        first = np.ndarray(len(at), np.int64, spelled, strides=(_MOST,))  # a number is read wherever it starts
        numbers[at] = first | _SPREAD.take(spelled[:, -1])
    return numbers
