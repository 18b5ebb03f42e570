"""Values that a contract states in a column's own type: bounds, enumerations, date formats, patterns."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tables.contract import Kind
from tables.place import Place

_JDK = {
    "yyyy": "%Y",
    "uuuu": "%Y",
    "yy": "%y",
    "MM": "%m",
    "M": "%m",
    "MMM": "%b",
    "MMMM": "%B",
    "dd": "%d",
    "d": "%d",
    "HH": "%H",
    "H": "%H",
    "mm": "%M",
    "ss": "%S",
    "X": "%z",
    "XX": "%z",
    "XXX": "%z",
}
_JDK_TOKEN = re.compile(r"'([^']*)'|([A-Za-z])\2*|.", re.DOTALL)


def typed(place: Place, kind: Kind, precision: int, scale: int) -> Any:
    """The value as the column holds it: str, int, Decimal, bool, date, datetime in UTC; else None, and a problem."""
    value = place.value
    match kind:
        case Kind.STRING if isinstance(value, str):
            return value
        case Kind.INTEGER if isinstance(value, int) and not isinstance(value, bool):
            if not -(2**63) <= value < 2**63:
                place.refuse(f"{value} does not fit 64 bits", "Make it a number, `physicalType: decimal(38,0)`.")
            return value
        case Kind.DECIMAL if isinstance(value, int | Decimal) and not isinstance(value, bool):
            if not _fits(Decimal(value), precision, scale):
                place.refuse(f"{value} does not fit decimal({precision},{scale})", "Use fewer digits, or a wider type.")
            return Decimal(value)
        case Kind.BOOLEAN if isinstance(value, bool):
            return value
        case Kind.DATE | Kind.TIMESTAMP if isinstance(value, str):
            return _time(place, kind, value)
    wanted = {
        Kind.STRING: "a text; put it in quotes",
        Kind.INTEGER: "a whole number",
        Kind.DECIMAL: "a number",
        Kind.BOOLEAN: "true or false",
    }
    place.refuse(
        f"{value!r} is no value of a {kind} column",
        f"Write {wanted.get(kind, 'an ISO 8601 text such as 2026-03-31')}.",
    )
    return None


def _fits(value: Decimal, precision: int, scale: int) -> bool:
    if value == 0:
        return True
    digits = "".join(map(str, value.as_tuple().digits))  # not normalize(): it rounds to the 28 digits of its context
    exponent = int(value.as_tuple().exponent) + len(digits) - len(digits.rstrip("0"))
    return exponent >= -scale and value.adjusted() < precision - scale


def _time(place: Place, kind: Kind, text: str) -> date | datetime | None:
    try:
        if kind is Kind.DATE:
            return date.fromisoformat(text)
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            place.refuse(f"{text!r} names no zone", f"Write {text}Z for UTC.")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        place.refuse(f"{text!r} is no {kind}: {error}", "Write ISO 8601: 2026-03-31 or 2026-03-31T00:00:00Z.")
        return None


def strptime_format(place: Place) -> str:
    """strptime form of a date pattern of JDK's DateTimeFormatter (`dd/MM/yyyy`), as ODCS writes it."""
    pattern, parts = place.text(), []
    for token in _JDK_TOKEN.finditer(pattern):
        quoted, letter = token.group(1), token.group(2)
        if quoted is not None:
            parts.append((quoted or "'").replace("%", "%%"))
        elif letter is None:
            parts.append(token.group().replace("%", "%%"))
        elif token.group() in _JDK:
            parts.append(_JDK[token.group()])
        else:
            place.refuse(
                f"{token.group()!r} in {pattern!r} cannot be read",
                f"Use {', '.join(_JDK)}, and quote letters that stand for themselves.",
            )
    return "".join(parts)


def linear_pattern(place: Place, groups: int = 0) -> str:
    """A regular expression that RE2 takes, so that no text can make it slow; with at least so many groups."""
    pattern = place.text()
    try:
        pc.match_substring_regex(pa.array([""]), pattern=pattern)
    except pa.ArrowInvalid as error:
        place.refuse(
            f"the pattern is not RE2: {str(error).splitlines()[0]}",
            "RE2 has no lookaround and no back references; see https://github.com/google/re2/wiki/Syntax.",
        )
        return pattern
    if _groups(pattern) < groups:
        place.refuse(f"the pattern captures nothing: {pattern!r}", "Put the total in parentheses: (\\d+).")
    return pattern


def _groups(pattern: str) -> int:
    unescaped = re.sub(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", "", pattern)
    return len(re.findall(r"\((?!\?)|\(\?P?<", unescaped))
