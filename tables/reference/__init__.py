"""Lists that are not ours: currencies, countries, account numbers, calendars. Rules judge by them.

Each comes from a pinned library, or from a file here that names its source. `fingerprint` tells which one was used.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cache
from importlib import metadata, resources
from typing import Any

import iso3166
import iso4217

CURRENCIES, COUNTRIES, IBANS, CALENDARS = "currencies", "countries", "ibans", "calendars"


@cache
def currencies() -> dict[str, int | None]:
    """Currency codes of ISO 4217 in force, each with the digits of its minor unit; None where it has none."""
    table = {code: str(row["CcyMnrUnts"]) for code, row in iso4217.raw_table.items() if code}
    return {code: int(digits) if digits.isdigit() else None for code, digits in sorted(table.items())}


@cache
def countries(letters: int) -> tuple[str, ...]:
    """Country codes of ISO 3166-1 of two or three letters, and that of Kosovo, which is in use, not assigned."""
    return tuple(sorted(each.alpha2 if letters == len("CH") else each.alpha3 for each in iso3166.countries))


@cache
def iban_structures() -> dict[str, str]:
    """For each country with IBANs the structure of its national part, such as `4a14n`."""
    text = resources.files(__name__).joinpath("iban.csv").read_text("utf-8")
    lines = [line.split(",") for line in text.splitlines() if not line.startswith("#")]
    return dict(lines[1:])


_READ: dict[str, Callable[[], Any]] = {
    CURRENCIES: currencies,
    COUNTRIES: lambda: (countries(2), countries(3)),
    IBANS: iban_structures,
    CALENDARS: lambda: metadata.version("holidays"),
}


@cache
def fingerprint(name: str) -> str:
    """SHA-256 of one of the lists; of calendars, of the version of their library."""
    return hashlib.sha256(json.dumps(_READ[name](), sort_keys=True).encode()).hexdigest()
