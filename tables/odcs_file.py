"""How a dataset's files are written: the custom property `fileFormat` of a contract."""

from __future__ import annotations

import codecs
from dataclasses import fields
from typing import Any

from tables.contract import FileFormat, Trailer
from tables.known_names import FORMAT_NAMES
from tables.odcs_values import linear_pattern
from tables.place import Place

MEMBERS = {
    "format",
    "delimiter",
    "quote",
    "encodings",
    "header",
    "nullTokens",
    "trim",
    "thousands",
    "trailers",
    "unknownColumns",
}
_CSV_ONLY = ("delimiter", "quote", "header", "trailers")
_DEFAULT = FileFormat()


def file_format(place: Place | None) -> FileFormat:
    """The format stated at `place`; what it leaves out is as in `FileFormat`."""
    if place is None:
        return _DEFAULT
    place.only(MEMBERS)
    name = place.child("format").choice(FORMAT_NAMES, _DEFAULT.name)
    stated = place.value if isinstance(place.value, dict) else {}
    for member in _CSV_ONLY:
        if name != "csv" and member in stated:
            place.child(member).refuse(f"{member!r} belongs to csv, not to {name}", "Remove it.", key=True)
    found: dict[str, Any] = {
        "name": name,
        "delimiter": _character(place.child("delimiter"), _DEFAULT.delimiter),
        "quote": None if "quote" in stated and stated["quote"] is None else _character(place.child("quote"), '"'),
        "encodings": tuple(_encoding(each) for each in place.child("encodings").each()) or _DEFAULT.encodings,
        "header": _from_one(place.child("header")),
        "trim": place.child("trim").flag(default=_DEFAULT.trim),
        "null_tokens": place.child("nullTokens").texts() if "nullTokens" in stated else _DEFAULT.null_tokens,
        "thousands": _character(place.child("thousands"), "") or None,
        "trailers": tuple(_trailer(each) for each in place.child("trailers").each()),
        "unknown_columns": place.child("unknownColumns").choice(("reject", "ignore"), _DEFAULT.unknown_columns),
    }
    if found["delimiter"] == found["quote"]:
        place.child("quote").refuse("quote and delimiter are the same character", "Write `quote: null` for no quoting.")
    return FileFormat(**{each.name: found[each.name] for each in fields(FileFormat)})


def _character(place: Place, default: str) -> str:
    text = place.text(default)
    if place.value is not None and (len(text) != 1 or text in "\r\n" or ord(text) > 127):  # noqa: PLR2004  # ASCII
        place.refuse(f"expected one ASCII character, found {text!r}", 'For a tab write "\\t".')
        return default
    return text


def _from_one(place: Place) -> int:
    line = place.whole(_DEFAULT.header)
    if line < 1:
        place.refuse(f"the header cannot be on line {line}", "Lines count from 1.")
    return line


def _encoding(place: Place) -> str:
    try:
        found = codecs.lookup(place.text())
    except LookupError:
        place.refuse(f"unknown encoding {place.value!r}", "Known are for example utf-8, cp1252, iso8859-15, utf-16.")
        return "utf-8"
    if not found._is_text_encoding:  # noqa: SLF001  # the codecs module offers no public way to ask
        place.refuse(f"{place.value!r} is no encoding of text", "Write for example utf-8.")
    return found.name


def _trailer(place: Place) -> Trailer:
    place.only({"pattern", "total", "column"})
    pattern = linear_pattern(place.child("pattern"), groups=1)
    total = place.child("total").choice(("count", "sum"), "count")
    column = place.child("column").text() or None
    if total == "sum" and column is None:
        place.refuse("a sum needs its column", "Add `column: ...`, the name of a money column.")
    if total == "count" and column is not None:
        place.child("column").refuse("a count has no column", "Remove it, or write `total: sum`.", key=True)
    return Trailer(pattern, total, column)
