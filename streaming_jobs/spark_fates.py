"""The rules of `fold` once more, as windows over rows that are too many for one machine."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F  # noqa: N812  # the name everybody knows it by

from tables.mode import Fate
from tables.mode import Mode
from tables import sql
from tables.contract import Contract


def with_fates(accepted: DataFrame, contract: Contract, mode: Mode, table: DataFrame | None) -> DataFrame:
    """Adds `_fate` (a `Fate`) and `_change` (whether to merge it) to the accepted rows of a run.

    `table` has the key columns and the business ordering column of the table as it is before the run; None where
    the mode's order begins with `_seq`.
    """
    if not mode.keyed:
        return accepted.withColumns({"_fate": F.lit(int(Fate.MERGED)), "_change": F.lit(True)})  # a value
    key = [column(name) for name in contract.primary_key]
    business = column(contract.sequence_by) if contract.sequence_by else F.lit(0)
    in_file = Window.partitionBy(*key, "_seq").orderBy(business.desc_nulls_last(), F.col("_row").desc())
    earlier = Window.partitionBy(*key).orderBy("_seq").rangeBetween(Window.unboundedPreceding, -1)
    newest_before = F.max(business).over(earlier)
    if table is not None and contract.sequence_by:
        accepted = _with_newest_of_table(accepted, contract.primary_key, contract.sequence_by, table)
        newest_before = F.greatest(newest_before, F.col("_newest"))
    late = newest_before.isNotNull() & F.coalesce(newest_before > business, F.lit(True))  # a value
    fate = (
        F.when(~F.col("_best"), int(Fate.DUPLICATE))
        .when(F.col("_late"), int(Fate.SUPERSEDED))
        .otherwise(int(Fate.MERGED))
    )
    merged = F.col("_fate") == int(Fate.MERGED)
    last = Window.partitionBy(*key).orderBy(merged.desc(), F.col("_seq").desc())
    return (
        accepted.withColumns({"_best": F.row_number().over(in_file) == 1, "_late": late})
        .withColumn("_fate", fate)
        .withColumn("_change", merged & (F.row_number().over(last) == 1))
        .drop("_best", "_late", "_newest")
    )


def column(name: str) -> Column:
    """The column of that name, whatever characters it has."""
    return F.col(sql.portable_identifier(name))


def _with_newest_of_table(accepted: DataFrame, key: tuple[str, ...], business: str, table: DataFrame) -> DataFrame:
    other = table.select(*(column(name).alias(f"_t_{name}") for name in key), column(business).alias("_newest"))
    same = reduce(Column.__and__, [column(name).eqNullSafe(column(f"_t_{name}")) for name in key])
    return accepted.join(other, same, "left").drop(*(f"_t_{name}" for name in key))
