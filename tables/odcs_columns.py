"""One ODCS property becomes one `Column`: its type, its rules, its names in files.

What ODCS can state and this product does not enforce is refused, so that no rule of a contract is silently idle.
"""

from __future__ import annotations

import re

from tables.contract import Column, Kind, RuleUse
from tables.odcs_rules import enum, interval, value
from tables.odcs_values import linear_pattern, strptime_format
from tables.place import Place
from tables.rule_names import NUMBERS, TIMES

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_KINDS = {
    "string": Kind.STRING,
    "integer": Kind.INTEGER,
    "number": Kind.DECIMAL,
    "date": Kind.DATE,
    "timestamp": Kind.TIMESTAMP,
    "boolean": Kind.BOOLEAN,
}
_UNSUPPORTED = {"time", "object", "array", "map", "vector"}
_DECIMAL = re.compile(r"decimal\(\s*(\d{1,2})\s*,\s*(\d{1,2})\s*\)", re.IGNORECASE)
_PHYSICAL = {
    Kind.STRING: ("string",),
    Kind.INTEGER: ("bigint", "long"),
    Kind.DATE: ("date",),
    Kind.TIMESTAMP: ("timestamp",),
    Kind.BOOLEAN: ("boolean",),
}
_OPTIONS = {
    Kind.STRING: ("pattern", "minLength", "maxLength"),
    Kind.INTEGER: ("minimum", "maximum"),
    Kind.DECIMAL: ("minimum", "maximum"),
    Kind.DATE: ("format", "minimum", "maximum"),
    Kind.TIMESTAMP: ("format", "minimum", "maximum"),
    Kind.BOOLEAN: (),
}
CUSTOM = {"aliases", "formats", "money", "stored"}
"""Custom properties of a column."""
_MAX_DIGITS = 38


def column(place: Place) -> Column:
    """The column that the property at `place` describes; what is wrong with it is noted in `place.problems`.

    Its `quality` is left to `odcs_rules.checked`, which knows the other columns.
    """
    kind = _kind(place)
    precision, scale = _digits(place, kind)
    options = place.child("logicalTypeOptions")
    for name in options.value if isinstance(options.value, dict) else ():
        if name not in _OPTIONS[kind]:
            options.child(name).refuse(f"{name!r} of a {kind} column is not enforced", _instead(kind), key=True)
    own = place.custom(CUSTOM)
    formats = [place for place in (options.child("format"),) if place.value is not None and kind in TIMES]
    further = own["formats"].each() if "formats" in own else []
    if further and kind not in TIMES:
        own["formats"].refuse(f"a {kind} column has no formats", "Remove them.")
    uses = _uses(place, options, Column("", kind, precision, scale))
    return Column(
        name=_name(place.child("name")),
        kind=kind,
        precision=precision,
        scale=scale,
        required=place.child("required").value is True or place.child("primaryKey").value is True,
        aliases=own["aliases"].texts() if "aliases" in own else (),
        formats=tuple(strptime_format(each) for each in [*formats, *further]) if kind in TIMES else (),
        rules=tuple(uses),
        money=_money(own.get("money"), kind),
        stored=own["stored"].flag(default=True) if "stored" in own else True,
        description=place.child("description").text(),
    )


def _name(place: Place) -> str:
    name = place.text()
    if name.startswith("_"):
        place.refuse(f"{name!r} starts with '_', as only lineage columns do", f"Call it {name.lstrip('_')!r}.")
    elif name and not NAME.fullmatch(name):
        place.refuse(
            f"{name!r} is no column name",
            f"Use small letters, digits and '_', for example {_as_name(name)!r}; put the name that files use "
            "into `aliases`.",
        )
    return name


def _as_name(text: str) -> str:
    return re.sub(r"^[^a-z]+|_+$", "", re.sub(r"[^a-z0-9]+", "_", text.lower()))[:63] or "amount"


def _kind(place: Place) -> Kind:
    stated = place.child("logicalType")
    if stated.value is None:
        stated.refuse("a column needs its logicalType", f"Add one of {', '.join(_KINDS)}.")
    elif str(stated.value) in _UNSUPPORTED:
        stated.refuse(f"a column cannot be {stated.value!r}", f"Use one of {', '.join(_KINDS)}.")
    return _KINDS.get(str(stated.value), Kind.STRING)


def _digits(place: Place, kind: Kind) -> tuple[int, int]:
    physical = place.child("physicalType")
    if kind is not Kind.DECIMAL:
        if physical.value is not None and physical.value not in _PHYSICAL[kind]:
            physical.refuse(
                f"a {kind} column is stored as {_PHYSICAL[kind][0]}, not as {physical.value}",
                f"Write `physicalType: {_PHYSICAL[kind][0]}` or leave it out.",
            )
        return _MAX_DIGITS, 0
    found = _DECIMAL.fullmatch(physical.text().strip())
    precision, scale = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 0 < precision <= _MAX_DIGITS or scale > precision:
        physical.refuse(
            f"a number needs its digits, found {physical.value!r}",
            "Write `physicalType: decimal(18,2)`: at most 38 digits, so many of them after the point.",
        )
        return _MAX_DIGITS, 0
    return precision, scale


def _money(place: Place | None, kind: Kind) -> bool:
    if place is None or not place.flag():
        return False
    if kind is not Kind.DECIMAL:
        place.refuse(
            f"money is counted exactly, not as {kind}",
            "Make it `logicalType: number` with `physicalType: decimal(18,2)`.",
        )
    return True


def _instead(kind: Kind) -> str:
    known = ", ".join(_OPTIONS[kind]) or "nothing"
    return f"Enforced are: {known}. State the rest in words: `quality: [{{type: text, description: ...}}]`."


def _uses(place: Place, options: Place, own: Column) -> list[RuleUse]:
    """The rules that have a place of their own in ODCS."""
    uses = []
    if place.child("unique").value is True:
        uses.append(RuleUse("unique"))
    if options.child("pattern").value is not None and own.kind is Kind.STRING:
        uses.append(RuleUse("pattern", (("pattern", linear_pattern(options.child("pattern"))),)))
    uses += _bounds(options, own)
    if place.child("enum").value is not None:
        uses += enum(place.child("enum"), [each.child("value") for each in place.child("enum").each()], own)
    return list(dict.fromkeys(uses))


def _bounds(options: Place, own: Column) -> list[RuleUse]:
    if own.kind is Kind.STRING:
        name, low, high = "length", options.child("minLength"), options.child("maxLength")
        ends = (low.value if low.value is None else low.whole(), high.value if high.value is None else high.whole())
    elif own.kind in NUMBERS | TIMES:
        name = "between" if own.kind in NUMBERS else "date_range"
        low, high = options.child("minimum"), options.child("maximum")
        ends = (value(low, own), value(high, own))
    else:
        return []
    return interval(name, options, ends)
