"""Finds the rows of a table that may share a key with a run, reading key and ordering columns only."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from streaming_jobs.open_tables import Handle
from tables import delta, sql
from tables.contract import Contract


def rows_of_keys(table: Handle, keys: pa.Table, contract: Contract, columns: tuple[str, ...]) -> pa.Table:
    """`columns` of every row of the table whose key is in `keys`, and perhaps of others.

    The range of the first key column lets the engine leave out files; what it reads is thinned out batch by batch, as
    an `IN` over thousands of literals would take longer to plan than the answer takes to read.
    """
    schema = pa.schema([contract.table_schema.field(name) for name in columns])
    first = contract.primary_key[0]
    sought = keys[first].combine_chunks().unique()
    names = ", ".join(sql.identifier(name) for name in columns)
    statement = f"SELECT {names} FROM t WHERE {_range(first, sought)}"  # noqa: S608  # identifiers and literals only
    found = [
        rows.filter(pc.is_in(rows[first], value_set=sought)).cast(schema) for rows in delta.stream(table, statement)
    ]
    return pa.concat_tables([schema.empty_table(), *found])


def _range(column: str, values: pa.Array) -> str:
    ends, name = pc.min_max(values), sql.identifier(column)
    if not ends["min"].is_valid:
        return f"{name} IS NULL"
    return sql.between(name, ends["min"].as_py(), ends["max"].as_py(), values.type, or_null=values.null_count > 0)
