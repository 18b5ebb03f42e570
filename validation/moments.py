"""Dates and times from text: a text counts only if writing the value again gives the same text."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.compute as pc

from validation.text import full_match

DATE_FORMATS = ("%Y-%m-%d",)
_ISO = (
    r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])[T ](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    r"(?:\.[0-9]{1,6})?(?:Z|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9])"
)
_MOMENT = pa.timestamp("us", tz="UTC")
_PYTHON_ONLY = ("%f", "%z")
_EPOCH = date(1970, 1, 1)
_FIRST_DAY, _END = (date.min - _EPOCH).days, (date.max - _EPOCH).days + 1


def parse_dates(text: pa.StringArray, formats: tuple[str, ...]) -> pa.Date32Array:
    """Dates by the first format that fits; null where none does. Years 0001 to 9999."""
    values = pa.nulls(len(text), pa.date32())
    for form in formats or DATE_FORMATS:
        values = pc.coalesce(values, pc.cast(_round_trip(text, form), pa.date32()))
    return values


def parse_timestamps(text: pa.StringArray, formats: tuple[str, ...]) -> pa.TimestampArray:
    """Moments in UTC by ISO 8601 with zone, or else by the first declared format that fits; null where none does.

    A format names its zone with `%z`, or states UTC by ending in `Z` or `UTC`; any other gives no value.
    """
    if not formats:
        return _iso(text)
    values = pa.nulls(len(text), _MOMENT)
    for form in formats:
        if any(part in form for part in _PYTHON_ONLY):
            read = pa.array([_strptime(cell, form) for cell in text.to_pylist()], _MOMENT)
        elif states_utc(form):
            read = pc.cast(_round_trip(text, form), _MOMENT)
        else:
            continue
        values = pc.coalesce(values, read)
    return values


def states_utc(form: str) -> bool:
    """Whether a format says that its times are in UTC."""
    return form.endswith(("Z", "UTC")) and not form.endswith("%Z")


def _round_trip(text: pa.StringArray, form: str) -> pa.TimestampArray:
    """`strptime` rolls 30 February over and lets digits slide between fields: written again, such a text differs.

    A lone digit (of a day, month or hour) may lack its zero, but for years of two digits.
    """
    values = pc.strptime(text, format=form, unit="s", error_is_null=True)
    written = pc.strftime(values, format=form)
    same = pc.equal(written, text)
    if not pc.all(same, min_count=0).as_py():
        padded = text if "%y" in form else pc.replace_substring_regex(text, r"\b([0-9])\b", r"0\1")
        same = pc.equal(pc.utf8_lower(written), pc.utf8_lower(padded))
    return pc.if_else(pc.and_(same, in_years(values)), values, None)


def in_years(values: pa.Array) -> pa.BooleanArray:
    """Whether each date or moment lies in the years 0001 to 9999. It is compared: Arrow's years are of 16 bits."""
    first, end = (pc.cast(pa.scalar(day, pa.int32()).cast(pa.date32()), values.type) for day in (_FIRST_DAY, _END))
    return pc.and_(pc.greater_equal(values, first), pc.less(values, end))


def written(values: pa.Array) -> pa.StringArray:
    """Values as Arrow writes them; moments with a zone in UTC, but without Arrow's wrapping of years beyond 16 bits."""
    if not (pa.types.is_timestamp(values.type) and values.type.tz):
        return pc.cast(values, pa.string())
    text = pc.cast(pc.cast(values, pa.timestamp(values.type.unit)), pa.string())
    return pc.binary_join_element_wise(text, pa.scalar("Z"), "")


def _iso(text: pa.StringArray) -> pa.TimestampArray:
    shaped = pc.if_else(full_match(text, _ISO), text, None)
    days = pc.utf8_slice_codeunits(shaped, 0, 10)
    real = pc.is_valid(_round_trip(days, "%Y-%m-%d"))
    values = pc.cast(pc.if_else(real, shaped, None), _MOMENT)
    return pc.if_else(in_years(values), values, None)


def _strptime(cell: str | None, form: str) -> datetime | None:
    if cell is None:
        return None
    try:
        moment = datetime.strptime(cell, form)  # noqa: DTZ007  # a missing zone is handled in the next line
        if moment.tzinfo is None:
            return moment.replace(tzinfo=UTC) if states_utc(form) else None
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
