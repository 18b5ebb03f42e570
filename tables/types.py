"""Arrow types as the Glue Catalog names them (Hive's spelling, which Athena, Trino and Spark share)."""

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
    """The name of a type, nested ones included.

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
