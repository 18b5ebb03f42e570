"""Finds the rows of a table that may share a key with a run, reading key and ordering columns only."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from streaming_jobs.open_tables import Handle
from tables import delta, sql
from tables.contract import Contract

FEW = 1000
"""Up to so many key values are asked for one by one, more as a range."""


def rows_of_keys(table: Handle, keys: pa.Table, contract: Contract, columns: tuple[str, ...]) -> pa.Table:
    """`columns` of every row of the table whose key is in `keys`, and perhaps of others."""
    names = ", ".join(sql.identifier(name) for name in columns)
    first = contract.primary_key[0]
    statement = f"SELECT {names} FROM t WHERE {_condition(first, keys[first])}"  # noqa: S608  # identifiers and literals
    return delta.select(table, statement)


def _condition(column: str, values: pa.ChunkedArray) -> str:
    """SQL: the column has one of the values, or lies in their range; literals let the engine leave out files."""
    name, distinct = sql.identifier(column), values.unique()
    if len(distinct) <= FEW:
        return sql.one_of(name, distinct.to_pylist(), values.type)
    ends = pc.min_max(values)
    return sql.between(name, ends["min"].as_py(), ends["max"].as_py(), values.type, or_null=values.null_count > 0)
