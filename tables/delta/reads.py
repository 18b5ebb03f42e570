"""Answers of tables: SELECT over one or several, at any version."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder

from ledgerlake.errors import LedgerlakeError
from ledgerlake.settings import Settings
from tables.delta.handles import open_table, refusals
from tables.types import plain

_READ = re.compile(r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*(?:select|with)\b", re.IGNORECASE | re.DOTALL)


def select(handle: DeltaTable, statement: str) -> pa.Table:
    """The answer to one SELECT over that handle's version of the table, which it calls `t`."""
    return _run(statement, {"t": handle})


def select_all(handles: Mapping[str, DeltaTable], statement: str) -> pa.Table:
    """As `select`, over several tables by name."""
    return _run(statement, handles)


def stream(handle: DeltaTable, statement: str) -> Iterator[pa.Table]:
    """As `select`, piece by piece, for answers that need not be kept whole."""
    with refusals("query"):
        for batch in pa.RecordBatchReader.from_stream(QueryBuilder().register("t", handle).execute(statement)):
            yield plain(pa.Table.from_batches([batch]))


def query(
    statement: str,
    uris: Mapping[str, str],
    settings: Settings,
    versions: Mapping[str, int] | None = None,
) -> pa.Table:
    """The answer to one SELECT over tables by name, each at its newest or given version. Nothing can be written.

    Raises:
        LedgerlakeError: it is no SELECT, or cannot be planned; the message is the engine's.
        HistoryError: a table never had the version asked for.
    """
    if not _READ.match(statement):  # DataFusion would also run COPY TO and CREATE EXTERNAL TABLE, on local files
        msg = f"only SELECT and WITH are answered, not {statement.strip()[:40]!r}"
        raise LedgerlakeError(msg)
    handles = {}
    for name, uri in uris.items():
        handle = open_table(uri, settings, (versions or {}).get(name))
        if handle is not None:
            handles[name] = handle
    return _run(statement, handles)


def _run(statement: str, handles: Mapping[str, DeltaTable]) -> pa.Table:
    with refusals("query"):
        builder = QueryBuilder()
        for name, handle in handles.items():
            builder.register(name, handle)
        return plain(pa.RecordBatchReader.from_stream(builder.execute(statement)).read_all())
