"""Rules about days and moments."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tables.reference import CALENDARS
from tables.reference.calendars import FIRST_YEAR, LAST_YEAR, working_days
from validation.rules.registry import Ask, rule
from validation.text import booleans


@rule()
def not_before(cells: pa.Array, column: pa.Array) -> pa.BooleanArray:
    """{column} must not be before {other}"""
    return pc.greater_equal(*_comparable(cells, column))


@rule()
def not_after(cells: pa.Array, column: pa.Array) -> pa.BooleanArray:
    """{column} must not be after {other}"""
    return pc.less_equal(*_comparable(cells, column))


def _comparable(first: pa.Array, second: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Both as moments if one is; a day begins at midnight UTC."""
    if first.type == second.type:
        return first, second
    moment = pa.timestamp("us")
    return pc.cast(first, moment), pc.cast(second, moment)


@rule(asks=Ask.TIME)
def not_future(cells: pa.Array, days: int, known: datetime) -> pa.BooleanArray:
    """{column} must not lie in the future when the file is accepted, but for {days} days"""
    latest = known + timedelta(days=days)
    return pc.less_equal(cells, pa.scalar(latest.date() if pa.types.is_date(cells.type) else latest, cells.type))


@rule(lists=(CALENDARS,))
def business_day(cells: pa.Date32Array, calendar: str) -> pa.BooleanArray:
    """{column} must be a business day of {calendar}"""
    ends = pc.min_max(pc.cast(cells, pa.int32())).as_py()
    if ends["min"] is None:
        return pc.is_valid(cells)
    low, high = (min(max(end, FIRST_DAY), LAST_DAY) for end in (ends["min"], ends["max"]))
    open_days = np.zeros(high - low + 3, bool)  # one on either side for days before and after
    for year in range(_year(low), _year(high) + 1):
        days = working_days(calendar, year).astype(np.int64) - low + 1
        open_days[days[(days > 0) & (days < len(open_days) - 1)]] = True
    cells = cells.fill_null(pa.scalar(low, pa.int32()).cast(pa.date32())) if cells.null_count else cells
    numbers = np.frombuffer(cells.buffers()[1], np.int32)[cells.offset : cells.offset + len(cells)]
    places = numbers - (low - 1)
    if (low, high) != (ends["min"], ends["max"]):
        places = np.clip(places, 0, len(open_days) - 1)
    return booleans(open_days.take(places))


FIRST_DAY, LAST_DAY = (
    int(np.datetime64(day, "D").astype(int)) for day in (f"{FIRST_YEAR}-01-01", f"{LAST_YEAR}-12-31")
)
"""The days that calendars know, counted from 1970."""


def _year(day: int) -> int:
    return int(np.datetime64(day, "D").astype("datetime64[Y]").astype(int)) + 1970
