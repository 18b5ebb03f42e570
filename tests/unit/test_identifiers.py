"""Rules of identifiers say what python-stdnum says: of valid ones, and of a hundred thousand spoilt by one slip."""

from __future__ import annotations

import random
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pyarrow as pa
import pytest
from stdnum import bic, cusip, figi, iban, isin, lei
from stdnum.gb import sedol
from stdnum.iso7064 import mod_97_10

from tables.reference import countries, iban_structures
from validation.rules import RULES
from validation.rules.characters import ALPHANUMERIC, DIGITS, LETTERS
from validation.rules.identifiers import CONSONANTS, alphabets

PER_KIND = 17_500
CHARACTERS = {"n": DIGITS, "a": LETTERS, "c": ALPHANUMERIC}


def _text(chance: random.Random, alphabet: str, size: int) -> str:
    return "".join(chance.choices(alphabet, k=size))


def an_iban(chance: random.Random) -> str:
    country, structure = chance.choice(sorted(iban_structures().items()))
    national = "".join(chance.choice(alphabet) for alphabet in alphabets(structure))
    return country + iban.calc_check_digits(f"{country}00{national}") + national


def a_bic(chance: random.Random) -> str:
    country = chance.choice(countries(2))
    return _text(chance, LETTERS, 4) + country + _text(chance, ALPHANUMERIC, chance.choice([2, 5]))


def a_lei(chance: random.Random) -> str:
    body = _text(chance, ALPHANUMERIC, 18)
    return body + mod_97_10.calc_check_digits(body)


def an_isin(chance: random.Random) -> str:
    body = chance.choice([*countries(2), "XS", "EU"]) + _text(chance, ALPHANUMERIC, 9)
    return body + isin.calc_check_digit(body)


def a_cusip(chance: random.Random) -> str:
    body = _text(chance, f"{ALPHANUMERIC}*@#", 8)
    return body + cusip.calc_check_digit(body)


def a_sedol(chance: random.Random) -> str:
    first = chance.choice(CONSONANTS)
    body = first + _text(chance, DIGITS + CONSONANTS, 5) if chance.random() < 0.7 else _text(chance, DIGITS, 6)
    return body + sedol.calc_check_digit(body)


def a_figi(chance: random.Random) -> str:
    body = f"{chance.choice(['BB', 'NR', 'KK', 'TC'])}G{_text(chance, DIGITS + CONSONANTS, 8)}"
    return body + figi.calc_check_digit(body)


KINDS: dict[str, tuple[Callable[[random.Random], str], ModuleType, dict[str, Any]]] = {
    "iban": (an_iban, iban, {"check_country": False}),
    "bic": (a_bic, bic, {}),
    "lei": (a_lei, lei, {}),
    "isin": (an_isin, isin, {}),
    "cusip": (a_cusip, cusip, {}),
    "sedol": (a_sedol, sedol, {}),
    "figi": (a_figi, figi, {}),
}


def slip(number: str, chance: random.Random) -> str:
    """One character another one, two exchanged, one lost, or one too many."""
    at = chance.randrange(len(number) - 1)
    match chance.choice(
        ["another", "exchanged", "lost", "doubled"] if chance.random() < 0.2 else ["another", "exchanged"]
    ):
        case "another":
            return number[:at] + chance.choice(f"{ALPHANUMERIC}*@#") + number[at + 1 :]
        case "exchanged":
            return number[:at] + number[at + 1] + number[at] + number[at + 2 :]
        case "lost":
            return number[:at] + number[at + 1 :]
        case _:
            return number[:at] + number[at] + number[at:]


def judged(kind: str, numbers: list[str]) -> list[bool]:
    """What our rule says of all of them at once."""
    found = RULES[kind].check(pa.array(numbers, pa.string()))
    assert isinstance(found, pa.BooleanArray)
    verdict: list[bool] = found.to_pylist()
    return verdict


def stricter(kind: str, number: str) -> bool:
    """Where the standards say more than the oracle: of check digits, of the size of an LEI, of some prefixes."""
    return {
        "iban": not number[2:4].isdigit(),
        "lei": len(number) != 20 or not number[-2:].isdigit(),
        "isin": number.startswith("XT"),
        "figi": number.startswith(("GH", "KY")),
    }.get(kind, False)


@pytest.mark.parametrize("kind", KINDS)
def test_a_rule_and_the_oracle_agree_on_numbers_and_their_mutants(kind: str) -> None:
    make, oracle, options = KINDS[kind]
    chance = random.Random(f"{kind} 1")  # noqa: S311  # examples, not secrets
    valid = [make(chance) for _ in range(500)]
    mutants: dict[str, None] = {}
    while len(mutants) < PER_KIND:
        mutants[slip(chance.choice(valid), chance)] = None
    for number in valid:
        mutants.pop(number, None)  # two like characters exchanged
    assert all(judged(kind, valid))
    assert all(oracle.is_valid(number, **options) for number in valid)
    said = dict(zip(mutants, judged(kind, list(mutants)), strict=True))
    compared = [number for number in said if not stricter(kind, number)]
    for number in compared:
        assert said[number] == oracle.is_valid(number, **options), number
    assert len(compared) * len(KINDS) >= 100_000
    assert 0 < sum(said.values()) < len(said) * (0.9 if kind == "bic" else 0.3)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_code_at_all_is_refused(kind: str) -> None:
    assert not any(judged(kind, ["", "é" * 6, "\x00" * 12, "a" * 20, " " * 9, "0" * 34 + "A"]))
    assert judged(kind, []) == []
    make = KINDS[kind][0]
    number = make(random.Random(7))  # noqa: S311  # as above
    cells = pa.array([None, number, "x", None, number], pa.string())
    found = RULES[kind].check(cells.slice(1))
    assert isinstance(found, pa.BooleanArray)
    assert found.to_pylist()[::3] == [True, True]


def test_isin_of_the_standard_s_own_examples() -> None:
    assert judged("isin", ["US0378331005", "AU0000XVGZA3", "US0378331006"]) == [True, True, False]
    assert judged("lei", ["5493000IBP32UQZ0KL24", "5493000IBP32UQZ0KL25"]) == [True, False]
    assert judged("iban", ["GB82WEST12345698765432", "GB82 WEST 1234 5698 7654 32"]) == [True, False]
