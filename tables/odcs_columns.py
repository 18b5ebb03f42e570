"""One ODCS property becomes one `Column`: its type, its rules, its names in files.

What ODCS can state and this product does not enforce is refused, so that no rule of a contract is silently idle.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tables.contract import Column, Kind, RuleUse
from tables.odcs_values import linear_pattern, strptime_format, typed
from tables.place import Place
from tables.rule_names import NUMBERS, TIMES, Signature

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


def column(place: Place, rules: Mapping[str, Signature]) -> Column:
    """The column that the property at `place` describes; what is wrong with it is noted in `place.problems`."""
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
    uses, required = _uses(place, _Typing(kind, precision, scale, rules))
    return Column(
        name=_name(place.child("name")),
        kind=kind,
        precision=precision,
        scale=scale,
        required=required or place.child("required").value is True or place.child("primaryKey").value is True,
        aliases=own["aliases"].texts() if "aliases" in own else (),
        formats=tuple(strptime_format(each) for each in [*formats, *further]) if kind in TIMES else (),
        rules=tuple(dict.fromkeys(uses)),
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


class _Typing:
    """What typing a rule's parameters needs to know of its column."""

    def __init__(self, kind: Kind, precision: int, scale: int, rules: Mapping[str, Signature]) -> None:
        self.kind, self.precision, self.scale, self.rules = kind, precision, scale, rules

    def value(self, place: Place) -> Any:
        return None if place.value is None else typed(place, self.kind, self.precision, self.scale)

    def values(self, places: list[Place]) -> tuple[Any, ...]:
        return tuple(self.value(each) for each in places)


def _uses(place: Place, typing: _Typing) -> tuple[list[RuleUse], bool]:
    """The rules of a column, and whether one of its checks makes it required."""
    options, uses, required = place.child("logicalTypeOptions"), [], False
    if place.child("unique").value is True:
        uses.append(RuleUse("unique"))
    if options.child("pattern").value is not None and typing.kind is Kind.STRING:
        uses.append(RuleUse("pattern", (("pattern", linear_pattern(options.child("pattern"))),)))
    uses += _bounds(options, typing)
    if place.child("enum").value is not None:
        values = [each.child("value") for each in place.child("enum").each()]
        uses += _enum(place.child("enum"), values, typing)
    for check in place.child("quality").each():
        further, needed = _check(check, typing)
        uses, required = uses + further, required or needed
    return uses, required


def _bounds(options: Place, typing: _Typing) -> list[RuleUse]:
    if typing.kind is Kind.STRING:
        name, low, high = "length", options.child("minLength"), options.child("maxLength")
        ends = (low.value if low.value is None else low.whole(), high.value if high.value is None else high.whole())
    elif typing.kind in NUMBERS | TIMES:
        name = "between" if typing.kind in NUMBERS else "date_range"
        low, high = options.child("minimum"), options.child("maximum")
        ends = (typing.value(low), typing.value(high))
    else:
        return []
    return _range(name, options, ends)


def _range(name: str, place: Place, ends: tuple[Any, Any]) -> list[RuleUse]:
    if ends == (None, None):
        return []
    if None not in ends and ends[0] > ends[1]:
        place.refuse(f"nothing lies between {ends[0]} and {ends[1]}", "Exchange the two bounds.")
    return [RuleUse(name, (("low", ends[0]), ("high", ends[1])))]


def _enum(place: Place, values: list[Place], typing: _Typing) -> list[RuleUse]:
    if typing.kind not in typing.rules["enum"].kinds:
        place.refuse(f"a {typing.kind} column has no list of values", "Remove it.")
        return []
    found = typing.values(values)
    if len(set(found)) < len(found):
        place.refuse("a value is listed twice", "Keep one.")
    return [RuleUse("enum", (("values", found),))]


def _check(check: Place, typing: _Typing) -> tuple[list[RuleUse], bool]:
    """The rules of one ODCS quality check. Rows are judged one by one, so a check must hold for each of them."""
    kind, metric = check.child("type").text("library"), check.child("metric")
    if kind == "text":
        return [], False
    if kind == "custom":
        return _named(check, typing), False
    if kind != "library" or metric.value not in ("invalidValues", "nullValues", "duplicateValues"):
        check.refuse(
            f"a check of type {kind} ({metric.value or 'no metric'}) is not enforced on rows",
            "Use metric invalidValues, nullValues or duplicateValues with `mustBe: 0`, or `type: text`.",
        )
        return [], False
    if check.child("mustBe").value != 0:
        check.refuse("rows are judged one by one: only 0 can be demanded", "Write `mustBe: 0`.")
    if metric.value == "nullValues":
        return [], True
    if metric.value == "duplicateValues":
        return [RuleUse("unique")], False
    arguments = check.child("arguments")
    arguments.only({"validValues", "pattern"})
    uses = []
    if arguments.child("validValues").value is not None:
        uses += _enum(arguments.child("validValues"), arguments.child("validValues").each(), typing)
    if arguments.child("pattern").value is not None and typing.kind is Kind.STRING:
        uses.append(RuleUse("pattern", (("pattern", linear_pattern(arguments.child("pattern"))),)))
    if not uses:
        check.refuse("invalidValues does not say what is valid", "Add `arguments: {validValues: [...]}`.")
    return uses, False


def _named(check: Place, typing: _Typing) -> list[RuleUse]:
    """A rule by its own name: `engine: ledgerlake, implementation: {rule: NAME, PARAMETER: ...}`."""
    if check.child("engine").value != "ledgerlake":
        check.child("engine").refuse(
            f"engine {check.child('engine').value!r} does not run here",
            "Write `engine: ledgerlake`.",
        )
        return []
    use = check.child("implementation")
    name = use.child("rule").choice(typing.rules, "")
    if name not in typing.rules:
        return []
    signature = typing.rules[name]
    use.only({"rule", *signature.params})
    if typing.kind not in signature.kinds:
        use.child("rule").refuse(
            f"rule {name!r} is not for a {typing.kind} column",
            f"It is for {', '.join(sorted(signature.kinds))}.",
        )
        return []
    params = tuple((param, _param(use.child(param), form, typing)) for param, form in signature.params.items())
    if {"low", "high"} == set(signature.params):
        return _range(name, use, (dict(params)["low"], dict(params)["high"]))
    return [RuleUse(name, params)]


def _param(place: Place, form: str, typing: _Typing) -> Any:
    match form:
        case "text":
            return linear_pattern(place) if place.path[-1] == "pattern" else place.text()
        case "count":
            return None if place.value is None else place.whole()
        case "values":
            return typing.values(place.each())
        case _:
            return typing.value(place)
