"""Rules about identifiers of accounts, parties and securities: their shape, their country, their check digits.

They are judged as they are written: capital letters, no blanks or hyphens.
"""

from __future__ import annotations

import re
from functools import cache, partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tables.reference import COUNTRIES, IBANS, countries, iban_structures
from validation.rules.characters import (
    ALPHANUMERIC,
    DIGITS,
    LETTERS,
    Bytes,
    Mask,
    Table,
    adds_up,
    consists_of,
    digit_sum,
    judge_codes,
    look_up,
    pair,
    prefixes,
    remainder_97,
    sizes,
    table,
)
from validation.rules.registry import rule
from validation.text import booleans

CONSONANTS = "BCDFGHJKLMNPQRSTVWXYZ"
KOSOVO = "XK"
"""User-assigned in ISO 3166, and in use for accounts and banks."""
ISIN_PREFIXES = ("AN", "CS", "EU", "QS", "QT", "XA", "XB", "XC", "XD", "XF", KOSOVO, "XS", "XT")
"""What ISO 6166 allows besides countries: former ones, regions, substitute agencies, international and digital."""
LONGEST_IBAN = 34
FIGI_RESERVED = ("BM", "BS", "GB", "GG", "GH", "KY", "VG")
"""No FIGI begins so, that none looks like an ISIN of there."""


@rule(lists=(IBANS,))
def iban(cells: pa.StringArray) -> pa.BooleanArray:
    """{column} must be an IBAN (ISO 13616), written in capitals without blanks"""
    fine = np.zeros(len(cells), bool)
    for size in sizes(cells, LONGEST_IBAN):
        structures = _ibans_of(size)
        if structures:
            fine |= judge_codes(cells, size, partial(_is_iban, structures=structures)).to_numpy(zero_copy_only=False)
    return booleans(fine)


def _is_iban(codes: Bytes, structures: tuple[tuple[str, str], ...]) -> Mask:
    fine: Mask = np.zeros(codes.shape[1], bool)
    for country, structure in structures:
        at = np.flatnonzero(prefixes((country,))[pair(codes)])
        fine[at] = consists_of(codes[2:, at], [DIGITS, DIGITS, *alphabets(structure)])
    fine &= remainder_97(np.roll(codes, -4, axis=0)) == 1
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


@rule(lists=(COUNTRIES,))
def bic(cells: pa.StringArray) -> pa.BooleanArray:
    """{column} must be a BIC (ISO 9362) of 8 or 11 characters"""
    party = [LETTERS] * 4 + [ALPHANUMERIC] * 4

    def fine(codes: Bytes) -> Mask:
        shaped = consists_of(codes, party if len(codes) == len(party) else party + [ALPHANUMERIC] * 3)
        return shaped & prefixes((*countries(2), KOSOVO))[pair(codes, 4)]

    return pc.or_(judge_codes(cells, 8, fine), judge_codes(cells, 11, fine))


@rule()
def lei(cells: pa.StringArray) -> pa.BooleanArray:
    """{column} must be an LEI (ISO 17442) of 20 characters with its check digits"""
    shape = [ALPHANUMERIC] * 18 + [DIGITS] * 2
    return judge_codes(cells, 20, lambda codes: consists_of(codes, shape) & (remainder_97(codes) == 1))


@rule(lists=(COUNTRIES,))
def isin(cells: pa.StringArray) -> pa.BooleanArray:
    """{column} must be an ISIN (ISO 6166) of 12 characters with its check digit"""
    known = (*countries(2), *ISIN_PREFIXES)
    return judge_codes(cells, 12, lambda codes: prefixes(known)[pair(codes)] & _isin_adds_up(codes))


def _isin_adds_up(codes: Bytes) -> Mask:
    """Letters become two digits; from the right every second digit counts double, and the digits of that are added.

    So what a character counts depends on how many letters follow it, which `single` keeps for each row.
    """
    once, twice, is_digit = _isin_tables()
    total = codes[11] - np.uint8(ord("0"))
    single = np.zeros(codes.shape[1], bool)
    for characters in np.ascontiguousarray(codes[10::-1]):
        total += np.where(single, look_up(characters, once), look_up(characters, twice))
        single ^= look_up(characters, is_digit).view(bool)
    fine = consists_of(codes, [ALPHANUMERIC] * 11 + [DIGITS])
    fine &= total % 10 == 0
    return fine


@cache
def _isin_tables() -> tuple[Table, Table, Table]:
    """What a character counts where its last digit counts once, and where it counts double; and which are digits."""
    pairs = {character: divmod(value, 10) for value, character in enumerate(ALPHANUMERIC)}
    return (
        table(lambda each: pairs[each][1] + digit_sum(2 * pairs[each][0]), ALPHANUMERIC),
        table(lambda each: digit_sum(2 * pairs[each][1]) + pairs[each][0], ALPHANUMERIC),
        bytes(chr(byte) in DIGITS for byte in range(256)),
    )


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
    is_new = codes[0] > ord("9")
    fine = adds_up(codes, _sedol_tables())
    fine &= is_new | consists_of(codes, [DIGITS] * 7)
    return fine


@cache
def _sedol_tables() -> tuple[Table, ...]:
    allowed = DIGITS + CONSONANTS
    weighted = (table(partial(_times, by), allowed) for by in (1, 3, 1, 7, 3, 9))
    return (*weighted, table(int, DIGITS))


def _times(weight: int, character: str) -> int:
    return weight * ALPHANUMERIC.index(character)
