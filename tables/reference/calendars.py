"""Working days of countries and of financial markets, from the library `holidays`.

It is imported where a contract names a calendar: that takes longer than to read most contracts.
"""

# ruff: noqa: PLC0415  # as the docstring says

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

FIRST_YEAR, LAST_YEAR = 1900, 2200
"""A day outside these years is no working day of any calendar."""


@cache
def calendars() -> frozenset[str]:
    """Names: `XNYS`, `XECB` (TARGET), ... of markets, `DE`, `US`, ... of countries; parts of these are not listed."""
    from holidays.registry import EntityLoader

    return frozenset((*EntityLoader.get_country_codes(False), *EntityLoader.get_financial_codes(True)))


def is_calendar(name: str) -> bool:
    """Whether there is a calendar of that name; `US-NY` is that of a part of a country."""
    whole, _, part = name.partition("-")
    if whole not in calendars():
        return False
    try:
        _holidays(name, FIRST_YEAR)
    except NotImplementedError:
        return False
    return bool(part) == ("-" in name)


@cache
def working_days(name: str, year: int) -> npt.NDArray[np.datetime64]:
    """The working days of a year, ascending."""
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return np.zeros(0, "datetime64[D]")
    known, first = _holidays(name, year), date(year, 1, 1)
    days = (first + timedelta(days) for days in range((date(year + 1, 1, 1) - first).days))
    return np.array([day for day in days if known.is_working_day(day)], "datetime64[D]")


def _holidays(name: str, year: int) -> Any:
    import holidays

    whole, _, part = name.partition("-")
    is_market = whole in holidays.registry.EntityLoader.get_financial_codes(True)
    of = holidays.financial_holidays if is_market else holidays.country_holidays
    return of(whole, subdiv=part or None, years=year)
