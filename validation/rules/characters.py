"""Codes of a fixed shape as matrices of bytes, and the arithmetic of their check digits, for all rows at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from validation.text import byte_lengths, offsets, used_bytes

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Table = npt.NDArray[np.int16]

DIGITS = "0123456789"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ALPHANUMERIC = DIGITS + LETTERS
FORBIDDEN = 1000
"""In a table: a character that may not stand there. No sum of allowed ones comes near."""


def judge_codes(text: pa.StringArray, length: int, fine: Callable[[Bytes], Mask]) -> pa.BooleanArray:
    """Which cells have that many bytes and are fine, by the matrix of their bytes, a cell a row."""
    at = np.flatnonzero(byte_lengths(text) == length)
    result = np.zeros(len(text), bool)
    result[at] = fine(_matrix(text, at, length))
    return pa.array(result)


def _matrix(text: pa.StringArray, at: npt.NDArray[np.intp], length: int) -> Bytes:
    if len(at) == len(text):
        return used_bytes(text).reshape(-1, length)
    data = np.frombuffer(text.buffers()[2] or b"", np.uint8)
    found: Bytes = data[offsets(text)[at][:, None] + np.arange(length)]
    return found


def table(values: Callable[[str], int], alphabet: str) -> Table:
    """Of each byte its value; `FORBIDDEN` where it is not of the alphabet."""
    found = np.full(256, FORBIDDEN, np.int16)
    for character in alphabet:
        found[ord(character)] = values(character)
    return found


def digit_sum(number: int) -> int:
    """The sum of the digits of a number below 100."""
    return number // 10 + number % 10


def adds_up(codes: Bytes, tables: Sequence[Table]) -> Mask:
    """Whether the values of all characters, by the table of their position, add up to a multiple of ten."""
    total = np.zeros(len(codes), np.int16)
    for position, values in enumerate(tables):
        total += values[codes[:, position]]
    fine: Mask = total < FORBIDDEN
    fine &= total % 10 == 0
    return fine


def remainder_97(codes: Bytes, order: Sequence[int]) -> npt.NDArray[np.int32]:
    """The remainder by 97 of the number that the characters spell in that order, a letter by two digits (ISO 7064)."""
    shift, value = _spelling()
    rest = np.zeros(len(codes), np.int32)
    for position in order:
        characters = codes[:, position]
        rest = (rest * shift[characters] + value[characters]) % 97
    return rest


@cache
def _spelling() -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """How far each character moves what stands before it, and what it adds."""
    shift, value = np.ones(256, np.int32), np.zeros(256, np.int32)
    for number, character in enumerate(ALPHANUMERIC):
        shift[ord(character)], value[ord(character)] = (10 if number < len(DIGITS) else 100), number
    return shift, value


def consists_of(codes: Bytes, alphabets: Sequence[str]) -> Mask:
    """Whether each character is of the alphabet of its position."""
    fine = np.ones(len(codes), bool)
    for position, alphabet in enumerate(alphabets):
        fine &= _members(alphabet)[codes[:, position]]
    return fine


@cache
def _members(alphabet: str) -> Mask:
    found = np.zeros(256, bool)
    found[[ord(character) for character in alphabet]] = True
    return found


@cache
def prefixes(codes: tuple[str, ...]) -> Mask:
    """Of each pair of bytes (the first times 256, plus the second) whether it is one of these codes."""
    found = np.zeros(1 << 16, bool)
    found[[ord(code[0]) << 8 | ord(code[1]) for code in codes]] = True
    return found


def pair(codes: Bytes, position: int = 0) -> npt.NDArray[np.uint16]:
    """The two bytes from a position on, as `prefixes` counts them."""
    found: npt.NDArray[np.uint16] = codes[:, position].astype(np.uint16) * np.uint16(256) + codes[:, position + 1]
    return found
