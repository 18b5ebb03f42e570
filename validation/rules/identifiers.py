"""Rules about identifiers of accounts, parties and securities: their shape, their country, their check digits.

They are judged as they are written: capital letters, no blanks or hyphens.
"""

from __future__ import annotations

import re
from functools import cache, partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tables.reference import countries, iban_structures
from validation.rules.characters import (
    ALPHANUMERIC,
    DIGITS,
    FORBIDDEN,
    LETTERS,
    Bytes,
    Mask,
    Table,
    adds_up,
    consists_of,
    digit_sum,
    judge_codes,
    pair,
    prefixes,
    remainder_97,
    table,
)
from validation.rules.registry import rule
from validation.text import byte_lengths

CONSONANTS = "BCDFGHJKLMNPQRSTVWXYZ"
KOSOVO = "XK"
"""User-assigned in ISO 3166, and in use for accounts and banks."""
ISIN_PREFIXES = ("AN", "CS", "EU", "QS", "QT", "XA", "XB", "XC", "XD", "XF", KOSOVO, "XS", "XT")
"""What ISO 6166 allows besides countries: former ones, regions, substitute agencies, international and digital."""
FIGI_RESERVED = ("BM", "BS", "GB", "GG", "GH", "KY", "VG")
"""No FIGI begins so, that none looks like an ISIN of there."""


@rule()
def iban(cells: pa.StringArray) -> pa.BooleanArray:
    """{column} must be an IBAN (ISO 13616), written in capitals without blanks"""
    fine = np.zeros(len(cells), bool)
    for size in np.unique(byte_lengths(cells)).tolist():
        structures = _ibans_of(size)
        if structures:
            fine |= judge_codes(cells, size, partial(_is_iban, structures=structures)).to_numpy(zero_copy_only=False)
    return pa.array(fine)


def _is_iban(codes: Bytes, structures: tuple[tuple[str, str], ...]) -> Mask:
    fine: Mask = np.zeros(len(codes), bool)
    for country, structure in structures:
        at = np.flatnonzero(prefixes((country,))[pair(codes)])
        fine[at] = consists_of(codes[at, 2:], [DIGITS, DIGITS, *alphabets(structure)])
    size = codes.shape[1]
    fine &= remainder_97(codes, [*range(4, size), *range(4)]) == 1
    return fine


@cache
def _ibans_of(size: int) -> tuple[tuple[str, str], ...]:
    """Countries whose IBANs have so many characters, with their structures."""
    return tuple(each for each in iban_structures().items() if 4 + len(alphabets(each[1])) == size)


@cache
def alphabets(structure: str) -> tuple[str, ...]:
    """What may stand at each place of a structure such as `4a14n`."""
    kinds = {"n": DIGITS, "a": LETTERS, "c": ALPHANUMERIC}
    return tuple(kinds[kind] for count, kind in re.findall(r"(\d+)([nac])", structure) for _ in range(int(count)))


@rule()
def bic(cells: pa.StringArray) -> pa.BooleanArray:
    """{column} must be a BIC (ISO 9362) of 8 or 11 characters"""
    party = [LETTERS] * 4 + [ALPHANUMERIC] * 4

    def fine(codes: Bytes) -> Mask:
        shaped = consists_of(codes, party if codes.shape[1] == len(party) else party + [ALPHANUMERIC] * 3)
        return shaped & prefixes((*countries(2), KOSOVO))[pair(codes, 4)]

    return pc.or_(judge_codes(cells, 8, fine), judge_codes(cells, 11, fine))


@rule()
def lei(cells: pa.StringArray) -> pa.BooleanArray:
    """{column} must be an LEI (ISO 17442) of 20 characters with its check digits"""
    shape = [ALPHANUMERIC] * 18 + [DIGITS] * 2
    return judge_codes(cells, 20, lambda codes: consists_of(codes, shape) & (remainder_97(codes, range(20)) == 1))


@rule()
def isin(cells: pa.StringArray) -> pa.BooleanArray:
    """{column} must be an ISIN (ISO 6166) of 12 characters with its check digit"""
    known = (*countries(2), *ISIN_PREFIXES)
    return judge_codes(cells, 12, lambda codes: prefixes(known)[pair(codes)] & _isin_adds_up(codes))


def _isin_adds_up(codes: Bytes) -> Mask:
    """Letters become two digits; from the right every second digit counts double, and the digits of that are added.

    So what a character counts depends on how many letters follow it, which `single` keeps for each row.
    """
    shape = [ALPHANUMERIC] * 11 + [DIGITS]
    counts, is_digit = _isin_counts()
    total = codes[:, 11].astype(np.int16) - ord("0")
    single = np.zeros(len(codes), np.uint16)
    for position in range(10, -1, -1):
        characters = codes[:, position]
        total += counts[single << 8 | characters]
        single ^= is_digit[characters]
    fine = consists_of(codes, shape)
    fine &= total % 10 == 0
    return fine


@cache
def _isin_counts() -> tuple[Table, Bytes]:
    """What a character counts where its last digit counts double, then (from 256 on) where it counts once."""
    counts, is_digit = np.zeros(512, np.int16), np.zeros(256, np.uint8)
    for value, character in enumerate(ALPHANUMERIC):
        tens, ones = divmod(value, 10)
        counts[ord(character)] = digit_sum(2 * ones) + tens
        counts[256 + ord(character)] = ones + digit_sum(2 * tens)
        is_digit[ord(character)] = value < len(DIGITS)
    return counts, is_digit


@rule()
def cusip(cells: pa.StringArray) -> pa.BooleanArray:
    """{column} must be a CUSIP of 9 characters with its check digit"""
    return judge_codes(cells, 9, lambda codes: adds_up(codes, _doubling(f"{ALPHANUMERIC}*@#", 8)))


@rule()
def figi(cells: pa.StringArray) -> pa.BooleanArray:
    """{column} must be a FIGI of 12 characters with its check digit"""
    shape = [CONSONANTS, CONSONANTS, "G", *[DIGITS + CONSONANTS] * 8, DIGITS]

    def fine(codes: Bytes) -> Mask:
        shaped = consists_of(codes, shape) & ~prefixes(FIGI_RESERVED)[pair(codes)]
        return shaped & adds_up(codes, _doubling(ALPHANUMERIC, 11))

    return judge_codes(cells, 12, fine)


@cache
def _doubling(alphabet: str, size: int) -> tuple[Table, ...]:
    """Tables of codes where every second character counts double, then the digits are added; a check digit ends it."""
    values = {character: value for value, character in enumerate(alphabet)}
    once = table(lambda character: digit_sum(values[character]), alphabet)
    twice = table(lambda character: digit_sum(2 * values[character]), alphabet)
    return (*((once, twice)[position % 2] for position in range(size)), table(int, DIGITS))


@rule()
def sedol(cells: pa.StringArray) -> pa.BooleanArray:
    """{column} must be a SEDOL of 7 characters with its check digit"""
    return judge_codes(cells, 7, _is_sedol)


def _is_sedol(codes: Bytes) -> Mask:
    """Old ones are digits only; new ones begin with a letter."""
    is_new = codes[:, 0] > ord("9")
    fine = adds_up(codes, _sedol_tables())
    fine &= is_new | consists_of(codes, [DIGITS] * 7)
    return fine


@cache
def _sedol_tables() -> tuple[Table, ...]:
    once = table(ALPHANUMERIC.index, DIGITS + CONSONANTS)
    weighted = (np.where(once < FORBIDDEN, weight * once, FORBIDDEN) for weight in (1, 3, 1, 7, 3, 9))
    return (*weighted, table(int, DIGITS))
