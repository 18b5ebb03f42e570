"""Codes of a fixed shape as matrices of bytes, and the arithmetic of their check digits, for all rows at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from validation.text import booleans, byte_lengths, offsets, used_bytes

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Table = bytes

DIGITS = "0123456789"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ALPHANUMERIC = DIGITS + LETTERS
FORBIDDEN = 128
"""In a table: a character that may not stand there. No other value has this bit."""


def judge_codes(text: pa.StringArray, length: int, fine: Callable[[Bytes], Mask]) -> pa.BooleanArray:
    """Which cells have that many bytes and are fine, by their bytes: a row for each position."""
    at = np.flatnonzero(byte_lengths(text) == length)
    found = fine(bytes_of(text, at, length).T)
    if len(at) == len(text):
        return booleans(found)
    result = np.zeros(len(text), bool)
    result[at] = found
    return booleans(result)


def bytes_of(text: pa.StringArray, at: npt.NDArray[np.intp], length: int) -> Bytes:
    """The bytes of the cells at some places, all of that many bytes: a row for each cell."""
    if len(at) == len(text):
        return used_bytes(text).reshape(len(text), length)
    data = np.frombuffer(text.buffers()[2] or b"", np.uint8)
    return data[offsets(text)[at][:, None] + np.arange(length)]


def sizes(text: pa.StringArray, most: int) -> list[int]:
    """How many bytes cells have, each number once; those with more than `most` are left out."""
    lengths = byte_lengths(text)
    longest = int(lengths.max(initial=0))
    if lengths.min(initial=most + 1) == longest:  # as identifiers have
        return [longest]
    counts = np.bincount(np.minimum(lengths, most + 1), minlength=most + 2)
    found: list[int] = np.flatnonzero(counts[: most + 1]).tolist()
    return found


def look_up(characters: Bytes, values: Table) -> Bytes:
    """The value of each character; of whole buffers, several times as fast as indexing."""
    return np.frombuffer(characters.tobytes().translate(values), np.uint8)


def table(values: Callable[[str], int], alphabet: str) -> Table:
    """Of each byte what it adds to a sum of which the last digit counts; `FORBIDDEN` beyond the alphabet."""
    found = [FORBIDDEN] * 256
    for character in alphabet:
        found[ord(character)] = values(character) % 10
    return bytes(found)


def digit_sum(number: int) -> int:
    """The sum of the digits of a number below 100."""
    return number // 10 + number % 10


def adds_up(codes: Bytes, tables: Sequence[Table]) -> Mask:
    """Whether the values of all characters, by the table of their position, add up to a multiple of ten."""
    total, any_of = np.zeros((2, codes.shape[1]), np.uint8)
    for position in range(0, len(tables), 2):
        found = (
            _of_pairs(*tables[position : position + 2]).take(pair(codes, position))
            if position + 1 < len(tables)
            else look_up(codes[position], tables[position])
        )
        total += found
        any_of |= found
    fine = look_up(total, _TENS).view(bool)
    return fine & (any_of < FORBIDDEN)


_TENS = bytes(value % 10 == 0 for value in range(256))


@cache
def _of_pairs(first: Table, second: Table) -> npt.NDArray[np.uint8]:
    """What each pair of characters adds, as `pair` counts them."""
    ones, twos = (np.frombuffer(each, np.uint8) for each in (first, second))
    found = ones + twos[:, None]
    found[(ones | twos[:, None]) >= FORBIDDEN] = FORBIDDEN
    return found.ravel()


def remainder_97(codes: Bytes) -> npt.NDArray[np.int32]:
    """The remainder by 97 of the number that the characters spell, a letter by two digits (ISO 7064)."""
    shift, value = _spelling()
    rest = np.zeros(codes.shape[1], np.int32)
    for characters in np.ascontiguousarray(codes):
        rest = (rest * look_up(characters, shift) + look_up(characters, value)) % 97
    return rest


@cache
def _spelling() -> tuple[Table, Table]:
    """How far each character moves what stands before it, and what it adds."""
    shift, value = [1] * 256, [0] * 256
    for number, character in enumerate(ALPHANUMERIC):
        shift[ord(character)], value[ord(character)] = (10 if number < len(DIGITS) else 100), number
    return bytes(shift), bytes(value)


def consists_of(codes: Bytes, alphabets: Sequence[str]) -> Mask:
    """Whether each character is of the alphabet of its position."""
    fine = np.ones(codes.shape[1], bool)
    for characters, alphabet in zip(codes, alphabets, strict=True):
        fine &= look_up(characters, _members(alphabet)).view(bool)
    return fine


@cache
def _members(alphabet: str) -> Table:
    return bytes(chr(byte) in alphabet for byte in range(256))


@cache
def prefixes(codes: tuple[str, ...]) -> Mask:
    """Of each pair of characters, as `pair` counts them, whether it is one of these codes."""
    found = np.zeros(1 << 16, bool)
    found[[ord(code[0]) | ord(code[1]) << 8 for code in codes]] = True
    return found


def pair(codes: Bytes, position: int = 0) -> npt.NDArray[np.uint16]:
    """The two characters from a position on as one number: the first, and 256 times the second."""
    found = np.ascontiguousarray(codes.T)[:, position : position + 2].view("<u2")
    return found[:, 0]
