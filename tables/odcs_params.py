"""The parameters of a rule that a contract names: each read as its form wants it, or refused in its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ledgerlake.layout import DATASET
from tables.contract import Column
from tables.odcs_schema import suggest
from tables.odcs_values import linear_pattern, typed
from tables.place import Place
from tables.reference.calendars import calendars, is_calendar
from tables.rule_names import Form, Param

_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Known:
    """Where a rule stands (None: at the table), and the columns that it may speak of."""

    own: Column | None
    columns: Sequence[Column]

    def column(self, place: Place, wanted: Param) -> Column | None:
        """The column that is named there."""
        by_name, name = {each.name: each for each in self.columns}, place.text()
        if name not in by_name:
            place.refuse(f"there is no column {name!r}", suggest(name, by_name))
        elif by_name[name].kind not in wanted.kinds:
            place.refuse(
                f"{name!r} is a {by_name[name].kind} column", f"Name one of {', '.join(sorted(wanted.kinds))}."
            )
        elif self.own is not None and name == self.own.name:
            place.refuse(f"{name!r} is the column of this rule", "Name another one.")
        else:
            return by_name[name]
        return None


def param(use: Place, name: str, wanted: Param, known: Known) -> Any:
    """The parameter `name` of the rule stated at `use`."""
    place = use.child(name)
    if place.value is None:
        if wanted.needed:
            use.refuse(f"the rule needs {name!r}, {wanted.form}", f"Add `{name}: ...`.")
        return wanted.default
    return _READ[wanted.form](place, wanted, known, use)


def _pattern(place: Place, *_: Any) -> str:
    return linear_pattern(place)


def _count(place: Place, *_: Any) -> int:
    found = place.whole()
    if found < 0:
        place.refuse(f"{found} is below 0", "Write a whole number from 0.")
    return found


def _number(place: Place, *_: Any) -> Decimal:
    given = place.value
    if isinstance(given, bool) or not isinstance(given, int | Decimal) or given < 0:
        place.refuse(f"{given!r} is no number from 0", "Write for example 0.01.")
    elif given >= 10**_DIGITS or int(Decimal(given).as_tuple().exponent) < -_DIGITS:
        place.refuse(f"{given} has too many digits", f"Write at most {_DIGITS} on either side of the point.")
    else:
        return Decimal(given)
    return Decimal(0)


def _value(place: Place, _: Param, known: Known, __: Place) -> Any:
    own = known.own
    return own and typed(place, own.kind, own.precision, own.scale)


def _values(place: Place, wanted: Param, known: Known, use: Place) -> tuple[Any, ...]:
    return tuple(_value(each, wanted, known, use) for each in place.each())


def _choice(place: Place, wanted: Param, *_: Any) -> str:
    if str(place.value) in wanted.choices:
        return str(place.value)
    place.refuse(f"{place.value!r} is not possible", suggest(str(place.value), wanted.choices))
    return str(wanted.default)


def _calendar(place: Place, *_: Any) -> str:
    name = place.text()
    if not is_calendar(name):
        place.refuse(f"there is no calendar {name!r}", _nearest(name))
    return name


def _nearest(name: str) -> str:
    near = suggest(name, calendars())
    return near if near.startswith("Did") else "Write a market such as XNYS or XECB, a country such as DE, or US-NY."


def _dataset(place: Place, *_: Any) -> str:
    name = place.text()
    if not DATASET.fullmatch(name):
        place.refuse(f"{name!r} is no dataset name", "Name the dataset whose table has the key.")
    return name


def _name(place: Place, *_: Any) -> str:
    return place.text()


def _column(place: Place, wanted: Param, known: Known, _: Place) -> str:
    known.column(place, wanted)
    return place.text()


def _columns(place: Place, wanted: Param, known: Known, use: Place) -> tuple[str, ...]:
    names = tuple(_column(each, wanted, known, use) for each in place.each())
    if not names or len(set(names)) < len(names):
        place.refuse("the list is empty, or names a column twice", "Name each column once.")
    return names


def _values_there(place: Place, wanted: Param, known: Known, use: Place) -> tuple[Any, ...]:
    """Values of the column that the parameter `column` names."""
    named = {each.name: each for each in known.columns}.get(str(use.child("column").value))
    return _values(place, wanted, Known(named, known.columns), use) if named else ()


_READ: dict[Form, Callable[[Place, Param, Known, Place], Any]] = {
    Form.PATTERN: _pattern,
    Form.COUNT: _count,
    Form.NUMBER: _number,
    Form.VALUE: _value,
    Form.VALUES: _values,
    Form.CHOICE: _choice,
    Form.CALENDAR: _calendar,
    Form.DATASET: _dataset,
    Form.NAME: _name,
    Form.COLUMN: _column,
    Form.COLUMNS: _columns,
    Form.VALUES_THERE: _values_there,
}
