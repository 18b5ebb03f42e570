"""Which columns of a table have their bounds in its log, by which readers leave out files: those that are exact there.

deltalake writes the bounds of decimals as floats: 1234567890123456.79 becomes 1234567890123456.8, above the value. Who
looks for the value then leaves out the very file that has it, and a MERGE inserts its row once more.
"""

from __future__ import annotations

from collections.abc import Collection

import pyarrow as pa

from tables import sql

COLUMNS = "delta.dataSkippingStatsColumns"
FLOAT_DIGITS = 15
"""So many digits of a decimal any float gives back."""


def statistics(schema: pa.Schema, partition_by: Collection[str]) -> dict[str, str]:
    """The table property that says so; Spark takes neither partitions nor booleans."""
    names = [each.name for each in schema if each.name not in partition_by and _is_exact(each.type)]
    return {COLUMNS: ",".join(map(sql.portable_identifier, names))}


def _is_exact(kind: pa.DataType) -> bool:
    if pa.types.is_decimal(kind):
        return bool(kind.precision <= FLOAT_DIGITS)
    return bool(
        pa.types.is_string(kind) or pa.types.is_integer(kind) or pa.types.is_date(kind) or pa.types.is_timestamp(kind),
    )
