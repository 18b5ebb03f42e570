"""ODCS `quality` becomes rules: the standard's library metrics, and rules by their own names.

A check stands at its column, or at the table if it is one of the whole row. Rows are judged one by one, so a check must
hold for each of them; its `severity` says what becomes of one that breaks it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tables.contract import Column, Kind, RuleUse, Severity
from tables.odcs_params import Known, param
from tables.odcs_schema import suggest
from tables.odcs_values import linear_pattern, typed
from tables.place import Place
from tables.rule_names import KEYS, Signature

ENGINE = "ledgerlake"
ADDING = ("sum_of", "running_balance")
_MOST_DIGITS = 76
METRICS = ("invalidValues", "nullValues", "duplicateValues")


def checked(place: Place, own: Column, columns: Sequence[Column], rules: Mapping[str, Signature]) -> Column:
    """The column with the rules of its `quality`."""
    uses, required = list(own.rules), own.required
    for check in place.child("quality").each():
        match check.child("type").text("library"):
            case "text":
                continue
            case "custom":
                uses += _named(check, Known(own, columns), rules)
            case kind:
                further, needed = _metric(check, own, kind)
                uses, required = uses + further, required or needed
    return replace(own, rules=tuple(dict.fromkeys(uses)), required=required)


def of_table(table: Place, columns: Sequence[Column], rules: Mapping[str, Signature]) -> tuple[RuleUse, ...]:
    """The rules of the whole row, from the `quality` of the table."""
    uses: list[RuleUse] = []
    for check in table.child("quality").each():
        kind = check.child("type").text("library")
        if kind == "custom":
            uses += _named(check, Known(None, columns), rules)
        elif kind != "text":
            check.refuse(
                f"a check of type {kind} is not enforced on the whole table",
                "State it at a column, as `type: custom` with a rule of the whole row, or as `type: text`.",
            )
    return tuple(dict.fromkeys(uses))


def value(place: Place, own: Column) -> Any:
    """A value of the column's own kind, or None."""
    return None if place.value is None else typed(place, own.kind, own.precision, own.scale)


def interval(name: str, place: Place, ends: tuple[Any, Any], severity: Severity = Severity.ERROR) -> list[RuleUse]:
    """A rule with two bounds, of which either may be open; none if both are."""
    if ends == (None, None):
        return []
    if None not in ends and ends[0] > ends[1]:
        place.refuse(f"nothing lies between {ends[0]} and {ends[1]}", "Exchange the two bounds.")
    return [RuleUse(name, (("low", ends[0]), ("high", ends[1])), severity)]


def enum(place: Place, values: Sequence[Place], own: Column, severity: Severity = Severity.ERROR) -> list[RuleUse]:
    """A list of values."""
    if own.kind not in KEYS:
        place.refuse(f"a {own.kind} column has no list of values", "Remove it.")
        return []
    found = tuple(value(each, own) for each in values)
    if len(set(found)) < len(found):
        place.refuse("a value is listed twice", "Keep one.")
    return [RuleUse("enum", (("values", found),), severity)]


def _severity(check: Place, default: Severity, only: frozenset[Severity] = frozenset(Severity)) -> Severity:
    place = check.child("severity")
    stated = Severity(place.choice([each.value for each in Severity], default.value))
    if stated not in only:
        place.refuse(f"this rule is no {stated}", f"Write {' or '.join(sorted(only))}.")
    return stated


def _metric(check: Place, own: Column, kind: str) -> tuple[list[RuleUse], bool]:
    """The rules of a metric of the standard's library, and whether it makes its column required."""
    metric = check.child("metric")
    if kind != "library" or metric.value not in METRICS:
        check.refuse(
            f"a check of type {kind} ({metric.value or 'no metric'}) is not enforced on rows",
            f"Use metric {', '.join(METRICS)} with `mustBe: 0`, or `type: text`.",
        )
        return [], False
    if check.child("mustBe").value != 0:
        check.refuse("rows are judged one by one: only 0 can be demanded", "Write `mustBe: 0`.")
    if metric.value == "nullValues":
        _severity(check, Severity.ERROR, frozenset({Severity.ERROR}))
        return [], True
    severity = _severity(check, Severity.ERROR)
    if metric.value == "duplicateValues":
        return [RuleUse("unique", (), severity)], False
    return _invalid(check, own, severity), False


def _invalid(check: Place, own: Column, severity: Severity) -> list[RuleUse]:
    arguments = check.child("arguments")
    arguments.only({"validValues", "pattern"})
    uses = []
    valid, pattern = arguments.child("validValues"), arguments.child("pattern")
    if valid.value is not None:
        uses += enum(valid, valid.each(), own, severity)
    if pattern.value is not None and own.kind is Kind.STRING:
        uses.append(RuleUse("pattern", (("pattern", linear_pattern(pattern)),), severity))
    if not uses:
        check.refuse("invalidValues does not say what is valid", "Add `arguments: {validValues: [...]}`.")
    return uses


def _named(check: Place, known: Known, rules: Mapping[str, Signature]) -> list[RuleUse]:
    """A rule by its own name: `engine: ledgerlake, implementation: {rule: NAME, PARAMETER: ...}`."""
    engine, use = check.child("engine"), check.child("implementation")
    if engine.value != ENGINE:
        engine.refuse(f"engine {engine.value!r} does not run here", f"Write `engine: {ENGINE}`.")
        return []
    stated = use.child("rule")
    name = stated.text()
    if name not in rules:
        stated.refuse(f"there is no rule {name!r}", suggest(name, rules))
        return []
    signature = rules[name]
    use.only({"rule", *signature.params})
    if not _stands_well(stated, name, signature, known.own):
        return []
    if signature.of_table:
        _check_stored(use, known)
    severity = _severity(check, signature.severity, signature.only)
    found = {each: param(use, each, form, known) for each, form in signature.params.items()}
    _check_digits(use, name, found, known)
    if found.keys() == {"low", "high"}:
        return interval(name, use, (found["low"], found["high"]), severity)
    return [RuleUse(name, tuple(found.items()), severity)]


def _check_digits(use: Place, name: str, found: Mapping[str, Any], known: Known) -> None:
    """Columns that are added up need digits for their sum, which is exact."""
    if name not in ADDING:
        return
    named = {found.get("amount"), *found.get("plus", ()), *found.get("minus", ())}
    added = [each for each in known.columns if each.name in named or each is known.own]
    scale = max((each.scale for each in added), default=0)
    whole = max((each.precision - each.scale for each in added), default=0)
    if scale + whole + len(added) > _MOST_DIGITS:
        use.refuse(f"a sum of these columns may have more than {_MOST_DIGITS} digits", "Make them narrower.")


def _check_stored(use: Place, known: Known) -> None:
    """What the table does not have cannot be compared with it."""
    places = {str(each.value): each for each in use.child("columns").each()}
    lost = [each for each in known.columns if not each.stored and (each is known.own or each.name in places)]
    for column in lost:
        place = places.get(column.name, use.child("rule"))
        place.refuse(f"{column.name!r} is not stored, and the rule asks the table for it", "Remove `stored: false`.")


def _stands_well(place: Place, name: str, signature: Signature, own: Column | None) -> bool:
    """Whether the rule may stand where it does."""
    if own is None and signature.kinds:
        place.refuse(f"rule {name!r} is one of a column", "State it in the `quality` of its column.")
    elif own is not None and not signature.kinds:
        place.refuse(f"rule {name!r} is one of the whole row", "State it in the `quality` of the table.")
    elif own is not None and own.kind not in signature.kinds:
        kinds = ", ".join(sorted(signature.kinds))
        place.refuse(f"rule {name!r} is not for a {own.kind} column", f"It is for {kinds}.")
    else:
        return True
    return False
