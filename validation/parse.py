"""Text to typed columns: each cell becomes a value, a null, or a reason why it is neither.

Nothing is guessed: no rounding, no rolling of 30 February, no hexadecimal, exponent, infinity or NaN, no time
without a zone. Whole columns are cast at once where their bytes leave no room for doubt; any other column is matched
cell by cell. Both ways give the same answer for every cell, whatever stands beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from tables.contract import Column, FileFormat, Kind
from validation.decimals import short_decimals
from validation.moments import in_years, parse_dates, parse_timestamps
from validation.numbers import has_notation, plain_numbers
from validation.text import bytes_between, full_match, longest, trim, with_nulls

DISTINCT = (Kind.DATE, Kind.TIMESTAMP, Kind.BOOLEAN)
"""Kinds whose texts repeat: each distinct text is parsed once."""
NUMBERS = (Kind.INTEGER, Kind.DECIMAL)
PLAIN = FileFormat(trim=False, null_tokens=())
_MAX_DIGITS = 38  # Arrow 23 silently wraps a decimal text of more digits
_INT64 = (-(2**63), 2**63 - 1)
BOOLEANS = ("true/false", "1/0", "yes/no")
"""Accepted unless a column's `formats` declare others, each as `text for true/text for false`; case does not matter."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A column: `values` (null where a cell is null or bad) and which cells are bad, or None if none is."""

    values: pa.Array
    bad: pa.BooleanArray | None = None


def parse(cells: pa.Array, column: Column, file: FileFormat) -> Parsed:
    """Cells of text (each, or as a dictionary), or cells that have the column's type, as values of `column.arrow`."""
    if not (pa.types.is_string(cells.type) or pa.types.is_dictionary(cells.type)):
        return _ready(cells)
    if column.kind in NUMBERS and has_notation(file):
        cells, file = plain_numbers(_clean(cells, file), file), PLAIN
    match column.kind:
        case Kind.STRING:
            return Parsed(_clean(cells, file))
        case Kind.INTEGER:
            return _integers(cells, file)
        case Kind.DECIMAL:
            return _decimals(cells, column, file)
        case _:
            return _distinct(cells, column, file)


def _ready(cells: pa.Array) -> Parsed:
    """Typed cells: dates and times are held to the years that texts are held to."""
    if not (pa.types.is_date(cells.type) or pa.types.is_timestamp(cells.type)):
        return Parsed(cells)
    fine = in_years(cells)
    if pc.all(fine, min_count=0).as_py():
        return Parsed(cells)
    return Parsed(pc.if_else(fine, cells, None), pc.fill_null(pc.invert(fine), False))


def _clean(cells: pa.StringArray, file: FileFormat) -> pa.StringArray:
    if not file.trim:
        return with_nulls(cells, set(file.null_tokens))
    return with_nulls(trim(cells), {token.strip() for token in file.null_tokens})


def _integers(cells: pa.StringArray, file: FileFormat) -> Parsed:
    plain = with_nulls(cells, set(file.null_tokens))
    if bytes_between(plain, "-", "9"):  # - . / and digits; a cast refuses what is no number
        try:
            return Parsed(pc.cast(plain, pa.int64()))
        except pa.ArrowInvalid:
            pass
    return careful_integers(cells, file)


def careful_integers(cells: pa.StringArray, file: FileFormat) -> Parsed:
    """Cell by cell: an optional sign and digits that fit 64 bits."""
    text = _clean(cells, file)
    number = _ungrouped(text, file)
    shaped = pc.if_else(full_match(number, r"[+-]?0*[0-9]{1,19}"), number, None)
    wide = pc.cast(_normal(shaped), pa.decimal128(19, 0))
    low, high = (pa.scalar(bound).cast(pa.decimal128(19, 0)) for bound in _INT64)
    fits = pc.and_(pc.greater_equal(wide, low), pc.less_equal(wide, high))
    return _parsed(text, pc.cast(pc.if_else(fits, wide, None), pa.int64()))


def _decimals(cells: pa.StringArray, column: Column, file: FileFormat) -> Parsed:
    plain = with_nulls(cells, set(file.null_tokens))
    short = short_decimals(plain, column.arrow)
    if short is not None:
        return Parsed(short)
    if bytes_between(plain, "+", "9") and longest(plain) <= _MAX_DIGITS:
        try:
            return Parsed(pc.cast(plain, column.arrow))
        except pa.ArrowInvalid:
            pass
    return careful_decimals(cells, column, file)


def careful_decimals(cells: pa.StringArray, column: Column, file: FileFormat) -> Parsed:
    """Cell by cell: an optional sign, digits, an optional point; it must fit precision and scale without rounding."""
    text = _clean(cells, file)
    number = _ungrouped(text, file)
    whole, fraction = column.precision - column.scale, column.scale
    fits = pc.and_(
        full_match(number, rf"[+-]?0*[0-9]{{0,{whole}}}(?:\.[0-9]{{0,{fraction}}}0*)?"),
        pc.match_substring_regex(number, "[0-9]"),
    )
    return _parsed(text, pc.cast(_normal(pc.if_else(fits, number, None)), column.arrow))


def _ungrouped(text: pa.StringArray, file: FileFormat) -> pa.StringArray:
    """Numbers without the declared thousands separator, where it stands between groups of three."""
    if not file.thousands:
        return text
    mark = _quoted(file.thousands)
    grouped = full_match(text, rf"[+-]?[0-9]{{1,3}}(?:{mark}[0-9]{{3}})+(?:\.[0-9]*)?")
    return pc.if_else(grouped, pc.replace_substring(text, file.thousands, ""), text)


def _quoted(literal: str) -> str:
    return "".join(rf"\x{{{ord(character):x}}}" for character in literal)


def _normal(number: pa.StringArray) -> pa.StringArray:
    """The same numbers without plus sign, leading zeros, and trailing zeros of a fraction."""
    unsigned = pc.replace_substring_regex(number, r"\A(?:\+|(-))?0*", r"\10")
    return pc.replace_substring_regex(unsigned, r"(\.[0-9]*?)0+\z", r"\1")


def _distinct(cells: pa.StringArray, column: Column, file: FileFormat) -> Parsed:
    encoded = cells if pa.types.is_dictionary(cells.type) else pc.dictionary_encode(cells)
    parsed = careful_distinct(encoded.dictionary, column, file)
    bad = None if parsed.bad is None else pc.take(parsed.bad, encoded.indices)
    return Parsed(pc.take(parsed.values, encoded.indices), bad)


def careful_distinct(cells: pa.StringArray, column: Column, file: FileFormat) -> Parsed:
    """Cell by cell: what `column.formats` declare, in their order."""
    text = _clean(cells, file)
    match column.kind:
        case Kind.DATE:
            return _parsed(text, parse_dates(text, column.formats))
        case Kind.TIMESTAMP:
            return _parsed(text, parse_timestamps(text, column.formats))
        case _:
            return _parsed(text, _booleans(text, column.formats or BOOLEANS))


def _booleans(text: pa.StringArray, formats: tuple[str, ...]) -> pa.BooleanArray:
    folded = pc.utf8_lower(text)
    true, false = ([pair.split("/", 1)[side].strip().lower() for pair in formats] for side in (0, 1))
    known = pc.is_in(folded, pa.array([*true, *false], pa.string()))
    return pc.if_else(known, pc.is_in(folded, pa.array(true, pa.string())), None)


def _parsed(text: pa.StringArray, values: pa.Array) -> Parsed:
    """A cell with text but without a value is bad."""
    if values.null_count == text.null_count:
        return Parsed(values)
    return Parsed(values, pc.and_(pc.is_valid(text), pc.is_null(values)))
