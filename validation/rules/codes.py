"""Rules about currencies and countries."""

from __future__ import annotations

from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from tables.reference import COUNTRIES, CURRENCIES, countries, currencies
from validation.rules.numbers import is_round
from validation.rules.registry import rule


@rule(lists=(CURRENCIES,))
def currency(cells: pa.StringArray) -> pa.BooleanArray:
    """{column} must be a currency code of ISO 4217 in force"""
    return pc.is_in(cells, _texts(tuple(currencies())))


@rule(lists=(COUNTRIES,))
def country(cells: pa.StringArray, letters: str) -> pa.BooleanArray:
    """{column} must be a country code of ISO 3166-1 of {letters} letters"""
    return pc.is_in(cells, _texts(countries(int(letters))))


@rule(lists=(CURRENCIES,))
def minor_units(cells: pa.Decimal128Array, currency: pa.StringArray) -> pa.BooleanArray:
    """{column} must have no more digits after its point than the currency in {currency} has (ISO 4217)"""
    fine = pa.nulls(len(cells), pa.bool_())
    for digits in sorted({digits for digits in currencies().values() if digits is not None}):
        if digits < cells.type.scale:
            of_digits = tuple(code for code, found in currencies().items() if found == digits)
            fine = pc.if_else(pc.is_in(currency, _texts(of_digits)), is_round(cells, digits), fine)
    return fine


@cache
def _texts(codes: tuple[str, ...]) -> pa.StringArray:
    return pa.array(codes, pa.string())
