"""SQL text from names and values, for deltalake's DataFusion and for CHECKs that Spark reads as well.

All SQL of this product is made of these and of fixed words; nothing that a user or a file wrote is ever pasted.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa


def identifier(name: str) -> str:
    """A column or table name for DataFusion, whatever characters it has."""
    return '"' + name.replace('"', '""') + '"'


def portable_identifier(name: str) -> str:
    """A name as both engines take it."""
    return "`" + name.replace("`", "``") + "`"


def literal(value: Any, kind: pa.DataType) -> str:
    """A value as a literal of exactly that Arrow type; None is a null of it.

    Raises:
        ValueError: the type has no literal here, or the value does not fit it.
    """
    if value is None:
        return f"arrow_cast(NULL, {_quoted(_arrow_name(kind))})"
    text = _text(pa.scalar(value, kind).as_py())
    if pa.types.is_boolean(kind):
        return text.upper()
    if pa.types.is_string(kind):
        return _quoted(text)
    return f"arrow_cast({_quoted(text)}, {_quoted(_arrow_name(kind))})"


def portable_literal(value: Any, kind: pa.DataType) -> str | None:
    """As `literal`, for both engines alike; None where they would not agree (times of day, backslashes)."""
    if pa.types.is_timestamp(kind) or (isinstance(value, str) and ("\\" in value or "'" in value)):
        return None
    text = _text(pa.scalar(value, kind).as_py())
    if pa.types.is_string(kind):
        return _quoted(text)
    name = (
        f"DECIMAL({kind.precision},{kind.scale})"
        if pa.types.is_decimal(kind)
        else "DATE"
        if pa.types.is_date(kind)
        else "BIGINT"
    )
    return f"CAST({_quoted(text)} AS {name})"


def between(column: str, low: Any, high: Any, kind: pa.DataType, *, or_null: bool = False) -> str:
    """`low <= column <= high`, on literals, which is what prunes files; with `or_null` nulls as well."""
    inside = f"{column} BETWEEN {literal(low, kind)} AND {literal(high, kind)}"
    return f"({inside} OR {column} IS NULL)" if or_null else inside


def one_of(column: str, values: list[Any], kind: pa.DataType) -> str:
    """`column` is one of the values; a null among them stands for null."""
    found = [literal(value, kind) for value in values if value is not None]
    parts = [f"{column} IN ({', '.join(found)})"] if found else []
    parts += [f"{column} IS NULL"] if len(found) < len(values) else []
    return f"({' OR '.join(parts)})" if parts else "FALSE"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _text(value: Any) -> str:
    match value:
        case datetime():
            naive = value.astimezone(UTC).replace(tzinfo=None)
            return f"{naive.isoformat(timespec='microseconds')}Z"
        case date():
            return value.isoformat()
        case Decimal():
            return f"{value:f}"
        case _:
            return str(value)


def _arrow_name(kind: pa.DataType) -> str:
    if pa.types.is_decimal128(kind):
        return f"Decimal128({kind.precision}, {kind.scale})"
    if kind == pa.timestamp("us", tz="UTC"):
        return 'Timestamp(Microsecond, Some("UTC"))'
    names = {pa.string(): "Utf8", pa.int64(): "Int64", pa.date32(): "Date32", pa.bool_(): "Boolean"}
    if kind not in names:
        msg = f"no literal of type {kind}; known are {', '.join(map(str, names))}, decimal128 and timestamp[us, tz=UTC]"
        raise ValueError(msg)
    return names[kind]
