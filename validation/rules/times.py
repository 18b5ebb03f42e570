"""Rules about days and moments."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tables.reference.calendars import working_days
from validation.rules.registry import Ask, rule


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


@rule()
def business_day(cells: pa.Date32Array, calendar: str) -> pa.BooleanArray:
    """{column} must be a business day of {calendar}"""
    days = cells.drop_null().to_numpy(zero_copy_only=False).astype("datetime64[D]")
    years = np.unique(days.astype("datetime64[Y]").astype(int) + 1970)
    working = [working_days(calendar, year) for year in years.tolist()]
    return pc.is_in(cells, pa.array(np.concatenate([np.zeros(0, "datetime64[D]"), *working]), pa.date32()))
