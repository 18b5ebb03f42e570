"""Arrow types as others see them: the Glue Catalog's names, and one kind of text where deltalake has several."""

from __future__ import annotations

import pyarrow as pa

_PLAIN = {
    pa.string(): "string",
    pa.int64(): "bigint",
    pa.int32(): "int",
    pa.date32(): "date",
    pa.bool_(): "boolean",
    pa.float64(): "double",
    pa.binary(): "binary",
}


def hive_type(kind: pa.DataType) -> str:
    """The name of a type in Hive's spelling, which Athena, Trino and Spark share; nested ones included.

    Raises:
        ValueError: the catalog has no such type, for example a time without zone.
    """
    if kind in _PLAIN:
        return _PLAIN[kind]
    if pa.types.is_decimal128(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if pa.types.is_timestamp(kind) and kind.tz == "UTC":
        return "timestamp"
    if pa.types.is_map(kind):
        return f"map<{hive_type(kind.key_type)},{hive_type(kind.item_type)}>"
    if pa.types.is_list(kind):
        return f"array<{hive_type(kind.value_type)}>"
    if pa.types.is_struct(kind):
        return f"struct<{','.join(f'{each.name}:{hive_type(each.type)}' for each in kind)}>"
    msg = f"the catalog has no type for {kind}; times need the zone UTC"
    raise ValueError(msg)


def plain(rows: pa.Table) -> pa.Table:
    """The same rows with `string` for every kind of Arrow string."""
    return rows.cast(pa.schema([pa.field(each.name, plain_type(each.type), each.nullable) for each in rows.schema]))


def plain_type(kind: pa.DataType) -> pa.DataType:
    """The type with `string` for every kind of Arrow string in it."""
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_struct(kind):
        return pa.struct([each.with_type(plain_type(each.type)) for each in kind])
    if pa.types.is_map(kind):
        return pa.map_(plain_type(kind.key_type), plain_type(kind.item_type))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.list_(pa.field("element", plain_type(kind.value_type), kind.value_field.nullable))
    return kind
