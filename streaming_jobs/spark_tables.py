"""What Spark reads from Delta tables and commits to them: progress, rows and metadata always in one commit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from typing import Any, Literal

import pyarrow as pa
from delta.tables import DeltaTable
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812  # the name everybody knows it by
from pyspark.sql.pandas.types import from_arrow_schema

from tables import sql
from tables.merge import Merge

TXN_APP = "spark.databricks.delta.write.txnAppId"
TXN_VERSION = "spark.databricks.delta.write.txnVersion"
USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"

_PRUNING = {pa.string(), pa.int64(), pa.date32()}
"""Types whose values PySpark turns into literals without a conversion, which is what Delta leaves out files by."""


def column(name: str, table: str | None = None) -> Column:
    """The column of that name, whatever characters it has; of one table of a join, if that is named."""
    quoted = sql.portable_identifier(name)
    return F.col(quoted if table is None else f"{table}.{quoted}")


def fitted(rows: DataFrame, wanted: pa.Schema) -> DataFrame:
    """The rows with exactly these columns and types; null where they do not have one."""
    types = {each.name: each.dataType for each in from_arrow_schema(wanted)}
    there = set(rows.columns)
    return rows.select(
        *((column(name) if name in there else F.lit(None)).cast(kind).alias(name) for name, kind in types.items())
    )


def within(rows: DataFrame, shape: pa.Schema, names: Sequence[str], table: str | None = None) -> Column:
    """Of columns with these names: whether they lie in the range that `rows` have. Narrow enough to leave out files.

    Delta leaves out files of a table by literals only, never by values of the rows it is joined with.
    """
    names = [name for name in names if shape.field(name).type in _PRUNING]
    if not names:
        return F.lit(True)
    ends = rows.agg(
        *(F.struct(F.min(column(each)), F.max(column(each)), F.bool_or(column(each).isNull())) for each in names)
    ).collect()[0]
    return reduce(Column.__and__, [_between(column(each, table), *ends[at]) for at, each in enumerate(names)])


def _between(values: Column, low: Any, high: Any, nulls: bool | None) -> Column:  # noqa: FBT001  # a fact, not a switch
    if low is None:
        return values.isNull()
    inside = values.between(F.lit(low), F.lit(high))
    return inside | values.isNull() if nulls else inside


def read(spark: SparkSession, uri: str, version: int | None = None) -> DataFrame:
    """A table at a version, or as it is."""
    reader = spark.read.format("delta")
    return (reader if version is None else reader.option("versionAsOf", version)).load(uri)


def write(  # noqa: PLR0913  # what, where, how, and the progress
    rows: DataFrame,
    uri: str,
    how: Literal["append", "overwrite"],
    *,
    app_id: str,
    version: int,
    metadata: str | None,
) -> None:
    """Appends the rows, or puts them in place of all others; does nothing where that progress is reached already."""
    writer = rows.write.format("delta").mode(how).option("txnAppId", app_id).option("txnVersion", version)
    (writer if metadata is None else writer.option("userMetadata", metadata)).save(uri)


def merge(  # noqa: PLR0913  # as write, with what to do
    changes: DataFrame,
    uri: str,
    spec: Merge,
    shape: pa.Schema,
    *,
    app_id: str,
    version: int,
    metadata: str,
) -> None:
    """Merges changes that were staged (it reads them twice) with columns of `shape` and `_op`; else as `write`."""
    spark, quote = changes.sparkSession, sql.portable_identifier
    same = within(changes, shape, spec.identity, "t") & F.expr(spec.same(quote))
    merger = DeltaTable.forPath(spark, uri).alias("t").merge(changes.alias("s"), same)
    if spec.deletes:
        merger = merger.whenMatchedDelete(spec.when_deleted(quote))
    values: Any = spec.values(quote)
    new: Any = spec.when_new(quote)
    merger = merger.whenMatchedUpdate(spec.when_changed(quote), values).whenNotMatchedInsert(new, values)
    with _transaction(spark, app_id, version, metadata):
        merger.execute()


@contextmanager
def _transaction(spark: SparkSession, app_id: str, version: int, metadata: str) -> Iterator[None]:
    """MERGE takes its transaction from the session only, where it would stick and silence the next MERGE."""
    conf = {TXN_APP: app_id, TXN_VERSION: str(version), USER_METADATA: metadata}
    try:
        for key, value in conf.items():
            spark.conf.set(key, value)
        yield
    finally:
        for key in conf:
            spark.conf.unset(key)
