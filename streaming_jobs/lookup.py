"""What a fold must know of the past, read in the driver: rows of the table, remembered events, or both."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from ledgerlake.layout import app_id, events_table
from streaming_jobs.lake import Lake
from streaming_jobs.open_tables import Handle, newest
from streaming_jobs.runs import Run
from tables import delta, sql
from tables.contract import Contract
from tables.mode import OP, UPSERT, Memory, Mode
from tables.modes import MODES, table_schema
from tables.widening import as_stored

OPEN = "_valid_to"
"""Null in the rows that are current, where a table keeps history."""

TIME = pa.timestamp("us", tz="UTC")


def stored_contract(lake: Lake, contract: Contract, data: Handle) -> Contract:
    """The contract with the columns and types that its tables have by now: what its rows are folded under."""
    remembers = MODES[contract.mode].remembers(contract)
    events = delta.schema(newest(lake, contract.dataset, events_table(contract.dataset))) if remembers else None
    return as_stored(contract, delta.schema(data), events)


def memory_of(lake: Lake, data: Handle, rows: pa.Table, run: Run, mode: Mode) -> pa.Table | None:
    """What `mode` asks to know before it folds the `rows` of a run; `data` is the table as it is before the run.

    Events are read up to the progress of `data` only: what a crash left beyond it is not true yet.
    """
    contract = run.contract
    memory = mode.memory(contract)
    if memory is None or not (rows.num_rows or memory.whole):
        return None
    found = []
    if memory.table:
        there = _read(data, rows, contract, memory, _still_open(run.turn.at) if memory.open_only else "TRUE")
        found.append(there.append_column(OP.name, pa.repeat(UPSERT, there.num_rows)))
    if memory.events:
        applied = delta.applied(data, app_id(contract.dataset))
        events = newest(lake, contract.dataset, events_table(contract.dataset))
        found.append(_read(events, rows, contract, memory, f"_seq <= {applied:d}", OP.name))
    return pa.concat_tables(found)


def live_rows(data: Handle, contract: Contract) -> int:
    """Rows of the table that are current."""
    only = f" WHERE {OPEN} IS NULL" if OPEN in table_schema(contract).names else ""
    return int(delta.select(data, f"SELECT count(*) AS n FROM t{only}")["n"][0].as_py())  # noqa: S608  # fixed words


def _still_open(at: datetime) -> str:
    return f"({OPEN} IS NULL OR {OPEN} > {sql.literal(at, TIME)})"


def _read(table: Handle, rows: pa.Table, contract: Contract, memory: Memory, only: str, *more: str) -> pa.Table:
    """The columns of every row whose key is in `rows` and, unless all are asked for, perhaps of others.

    The range of the first key column lets the engine leave out files; what it reads is thinned out batch by batch, as
    an `IN` over thousands of literals would take longer to plan than the answer takes to read.
    """
    names = [*memory.columns, *more]
    schema = pa.schema([delta.schema(table).field(name).with_nullable(True) for name in names])  # its name says it
    first = contract.primary_key[0]
    sought = rows[first].combine_chunks().unique()
    where = "TRUE" if memory.whole else key_range(first, sought)
    listed = ", ".join(sql.identifier(name) for name in names)
    statement = f"SELECT {listed} FROM t WHERE {where} AND {only}"  # noqa: S608  # identifiers and literals only
    found = (batch.cast(schema) for batch in delta.stream(table, statement))
    kept = [batch if memory.whole else batch.filter(pc.is_in(batch[first], value_set=sought)) for batch in found]
    return pa.concat_tables([schema.empty_table(), *kept])


def key_range(column: str, values: pa.Array) -> str:
    """SQL: the column lies in the range that it has in these values; what lets an engine leave out files."""
    ends, name = pc.min_max(values), sql.identifier(column)
    if not ends["min"].is_valid:
        return f"{name} IS NULL"
    return sql.between(name, ends["min"].as_py(), ends["max"].as_py(), values.type, or_null=values.null_count > 0)
