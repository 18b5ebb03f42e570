"""How a dataset's files are written: the custom property `fileFormat` of a contract."""

from __future__ import annotations

import codecs
from dataclasses import fields
from typing import Any

from tables.contract import Contract, ControlTotal, FileFormat, Kind, Trailer, Unpivot
from tables.known_names import FORMAT_NAMES, TOTAL_NAMES
from tables.odcs_schema import suggest
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
    "decimalMark",
    "negatives",
    "units",
    "skipRows",
    "trailers",
    "controlTotals",
    "positions",
    "path",
    "sheet",
    "unknownColumns",
    "unpivot",
    "raggedRows",
}
"""Members of `fileFormat`; those of `FileFormat`."""
UNKNOWN_COLUMNS = ("reject", "ignore", "rescue")
RAGGED_ROWS = ("refuse", "fill")
MAX_WIDTH = 65_536
SKIP_ROWS = ("blank", "header")
NEGATIVES = ("parentheses", "trailing")
_ROWS = ("csv", "fixed", "json", "jsonl", "xlsx", "parquet")
_FOR = {
    **dict.fromkeys(("delimiter", "quote"), ("csv",)),
    **dict.fromkeys(("header", "trailers"), ("csv", "fixed", "xlsx")),
    "skipRows": ("csv", "xlsx"),
    "raggedRows": ("csv", "fixed"),
    "positions": ("fixed",),
    "path": ("json",),
    "sheet": ("xlsx",),
    **dict.fromkeys(("thousands", "decimalMark", "negatives", "units"), _ROWS),
    "unpivot": ("csv", "json", "jsonl", "xlsx", "parquet"),
    "encodings": tuple(name for name in FORMAT_NAMES if name not in ("camt.053", "xlsx")),
}
"""The formats that a member is for, if not for all."""
_MARKS = frozenset("+-()0123456789")
_DEFAULT = FileFormat()


def file_format(place: Place | None) -> FileFormat:
    """The format stated at `place`; what it leaves out is as in `FileFormat`."""
    if place is None:
        return _DEFAULT
    place.only(MEMBERS)
    name = place.child("format").choice(FORMAT_NAMES, _DEFAULT.name)
    stated = place.value if isinstance(place.value, dict) else {}
    for member, formats in _FOR.items():
        if name not in formats and member in stated:
            place.child(member).refuse(
                f"{member!r} belongs to {', '.join(formats)}, not to {name}", "Remove it.", key=True
            )
    found: dict[str, Any] = {
        "name": name,
        "delimiter": _character(place.child("delimiter"), _DEFAULT.delimiter),
        "quote": None if "quote" in stated and stated["quote"] is None else _character(place.child("quote"), '"'),
        "encodings": tuple(_encoding(each) for each in place.child("encodings").each()) or _DEFAULT.encodings,
        "header": _header(place.child("header"), 0 if name == "fixed" else 1),
        "skip_rows": _choices(place.child("skipRows"), SKIP_ROWS),
        "trim": place.child("trim").flag(default=_DEFAULT.trim),
        "null_tokens": place.child("nullTokens").texts() if "nullTokens" in stated else _DEFAULT.null_tokens,
        "thousands": _mark(place.child("thousands"), "") or None,
        "decimal_mark": _mark(place.child("decimalMark"), _DEFAULT.decimal_mark),
        "negatives": _choices(place.child("negatives"), NEGATIVES),
        "units": tuple(_unit(each) for each in place.child("units").each()),
        "trailers": tuple(_trailer(each) for each in place.child("trailers").each()),
        "control_totals": tuple(_control_total(each) for each in place.child("controlTotals").each()),
        "positions": _positions(place.child("positions")) if name == "fixed" else (),
        "path": tuple(each for each in place.child("path").text().split(".") if each),
        "sheet": place.child("sheet").text() or None,
        "unknown_columns": place.child("unknownColumns").choice(UNKNOWN_COLUMNS, _DEFAULT.unknown_columns),
        "ragged_rows": place.child("raggedRows").choice(RAGGED_ROWS, _DEFAULT.ragged_rows),
        "unpivot": _unpivot(place.child("unpivot")) if "unpivot" in stated else None,
    }
    if found["delimiter"] == found["quote"]:
        place.child("quote").refuse("quote and delimiter are the same character", "Write `quote: null` for no quoting.")
    if found["thousands"] == found["decimal_mark"]:
        fix = "State `decimalMark: ','` too, or another character for the groups."
        place.child("thousands").refuse("thousands and decimal mark are the same character", fix)
    return FileFormat(**{each.name: found[each.name] for each in fields(FileFormat)})


def _character(place: Place, default: str) -> str:
    text = place.text(default)
    if place.value is not None and (len(text) != 1 or text in "\r\n" or ord(text) > 127):  # noqa: PLR2004  # ASCII
        place.refuse(f"expected one ASCII character, found {text!r}", 'For a tab write "\\t".')
        return default
    return text


def _mark(place: Place, default: str) -> str:
    mark = _character(place, default)
    if mark in _MARKS:
        place.refuse(f"{mark!r} is part of a number", "Write for example ',', '.' or ' '.")
        return default
    return mark


def _unit(place: Place) -> str:
    unit = place.text().strip()
    if not unit or set(unit) & (_MARKS | set(".,")):
        place.refuse(f"{place.value!r} cannot stand beside a number", "Write for example '£', EUR or '%'.")
    return unit


def _choices(place: Place, known: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.choice(known, known[0]) for each in place.each()))


def _header(place: Place, least: int) -> int | None:
    """A line; of a fixed-width file, that above the data, if any."""
    if place.value == "found" and least:
        return None
    line = place.whole(least)
    if line < least:
        place.refuse(f"the header cannot be on line {line}", "Lines count from 1; `found` looks for the names.")
        return least
    return line


def _positions(place: Place) -> tuple[tuple[str, int, int], ...]:
    """`{id: [1, 9], amount: [10, 20]}`: first and last character of each column."""
    found = []
    if not isinstance(place.value, dict) or not place.value:
        place.refuse("a fixed-width file needs its columns", "Write `positions: {id: [1, 9], amount: [10, 20]}`.")
        return (("", 1, 1),)
    for name in place.value:
        child = place.child(name)
        bounds = [each.whole() for each in child.each()]
        if len(bounds) != 2 or not 1 <= bounds[0] <= bounds[1] <= MAX_WIDTH:  # noqa: PLR2004  # first and last
            child.refuse(
                f"{child.value!r} is no first and last character", f"Write two of 1 to {MAX_WIDTH:,}: `[10, 20]`."
            )
            bounds = [1, 1]
        found.append((str(name), bounds[0], bounds[1]))
    return tuple(found)


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
    place.only({"pattern", "total", "column", "optional"})
    total = place.child("total").choice((*TOTAL_NAMES, "none"), "count")
    pattern = linear_pattern(place.child("pattern"), groups=0 if total == "none" else 1)
    column = place.child("column").text() or None
    if total not in ("count", "none") and column is None:
        place.refuse(f"a {total} needs its column", "Add `column: ...`, the name of a column.")
    if total in ("count", "none") and column is not None:
        place.child("column").refuse(f"a {total} has no column", "Remove it, or write `total: sum`.", key=True)
    return Trailer(pattern, total, column, place.child("optional").flag(default=total == "none"))


def _control_total(place: Place) -> ControlTotal:
    place.only({"total", "column"})
    total, column = place.child("total").choice(TOTAL_NAMES[2:], TOTAL_NAMES[2]), place.child("column").text()
    if not column:
        place.refuse(f"a total {total} needs its column", "Add `column: ...`, the name of a column.")
    return ControlTotal(total, column)


def _unpivot(place: Place) -> Unpivot | None:
    place.only({"name", "value", "columns", "keepNulls"})
    for member in ("name", "value"):
        if not place.child(member).text():
            place.refuse(f"unpivot needs its {member!r}", f"Add `{member}: ...`, a column of the contract.")
            return None
    columns, unpivot = place.child("columns"), (place.child("name").text(), place.child("value").text())
    for each in columns.each():
        if not each.text().strip():
            each.refuse("a column without a name cannot be unpivoted", "Remove it.")
    if columns.value == []:
        columns.refuse(
            "no column is listed", "List them; without `columns` all that have no column here are unpivoted."
        )
    return Unpivot(*unpivot, tuple(each.strip() for each in columns.texts()), place.child("keepNulls").flag())


def check_totals(file: Place, contract: Contract) -> None:
    """Notes each total of what has none: sums are of money, hashes of texts and whole numbers."""
    for place, trailer in zip(file.child("trailers").each(), contract.file.trailers, strict=False):
        if trailer.column:
            _check_total(place.child("column"), trailer.total, trailer.column, contract)
    for place, each in zip(file.child("controlTotals").each(), contract.file.control_totals, strict=False):
        _check_total(place.child("column"), each.total, each.column, contract)


def _check_total(place: Place, total: str, column: str, contract: Contract) -> None:
    if total != "hash" and column not in contract.money:
        mark = "Mark the column with the custom property `money: true`."
        place.refuse(f"{column!r} is no money column", suggest(column, contract.money) if contract.money else mark)
    identifiers = [each.name for each in contract.columns if each.kind in (Kind.STRING, Kind.INTEGER)]
    if total == "hash" and column not in identifiers:
        place.refuse(f"{column!r} is no text or whole number", suggest(column, identifiers))


def check_positions(file: Place, contract: Contract) -> None:
    """Notes each position of what is no column."""
    known = [each.name for each in contract.columns]
    for name, _, _ in contract.file.positions:
        if name not in known:
            file.child("positions").child(name).refuse(f"there is no column {name!r}", suggest(name, known), key=True)


def check_unpivot(file: Place, contract: Contract) -> None:
    """Notes what keeps a wide file from becoming rows that can be told apart."""
    unpivot, place = contract.file.unpivot, file.child("unpivot")
    if unpivot is None:
        return
    known = {each.name: each for each in contract.columns}
    for member, name in (("name", unpivot.name), ("value", unpivot.value)):
        if name not in known:
            place.child(member).refuse(f"there is no column {name!r}", suggest(name, known))
    if unpivot.name not in contract.primary_key or unpivot.value in contract.primary_key:
        fix = f"Make {unpivot.name!r}, and not {unpivot.value!r}, part of the primary key."
        place.refuse("the rows from one line are told apart by their name", fix)
    elif known[unpivot.name].kind is not Kind.STRING:
        place.child("name").refuse("the name of a column is a text", f"Make {unpivot.name!r} a string.")
    if not unpivot.columns and file.child("unknownColumns").value is not None:
        file.child("unknownColumns").refuse("all other columns are unpivoted, none is unknown", "List `columns`.")
    feeding = [each for each in contract.columns if each.name not in (unpivot.name, unpivot.value)]
    _check_listed(place.child("columns"), {name for each in feeding for name in (each.name, *each.aliases)})


def _check_listed(place: Place, feeding: set[str]) -> None:
    taken = {name.strip().casefold() for name in feeding}
    for each in place.each():
        header = each.text().strip().casefold()
        if header in taken:
            each.refuse(f"{each.value!r} is listed twice, or feeds a column of the contract", "Keep one.")
        taken.add(header)
