"""Commits of an upload: append, replace, merge, or progress alone.

Every one carries `txn` (application, version) in the commit that holds its rows, and is compared with the very handle
it commits with, because deltalake itself never skips an applied version and even lets it go back. A commit is
put-if-absent: who comes second gets `TransientError`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake

from ledgerlake.errors import LedgerlakeError
from tables import sql
from tables.delta.handles import HOOKS, applied, refresh, refusals, schema
from tables.delta.reads import stream
from tables.merge import Merge
from tables.mode import DELETE, OP
from tables.order import codes
from tables.widening import widens


def append(handle: DeltaTable, rows: pa.Table, *, app_id: str, version: int, metadata: str | None) -> int:
    """Commits the rows and the progress; returns the table version. If the progress is already there: nothing."""
    if applied(handle, app_id) >= version:
        return handle.version()
    return _write(handle, rows, "append", app_id=app_id, version=version, metadata=metadata)


def replace(handle: DeltaTable, rows: pa.Table, *, app_id: str, version: int, metadata: str | None) -> int:
    """Commits the rows in place of all that the table has, and the progress; as `append`."""
    if applied(handle, app_id) >= version:
        return handle.version()
    return _write(handle, rows, "overwrite", app_id=app_id, version=version, metadata=metadata)


def _write(  # noqa: PLR0913  # as append, with how
    handle: DeltaTable,
    rows: pa.Table,
    how: Literal["append", "overwrite"],
    *,
    app_id: str,
    version: int,
    metadata: str | None,
) -> int:
    exact = fit(handle, rows)
    with refusals(how):
        write_deltalake(
            handle,
            exact,
            mode=how,
            commit_properties=_properties(app_id, version, metadata),
            post_commithook_properties=HOOKS,
        )
    return handle.version()


def merge(  # noqa: PLR0913  # as append, with what to do
    handle: DeltaTable,
    changes: pa.Table,
    spec: Merge,
    *,
    app_id: str,
    version: int,
    metadata: str | None,
) -> int:
    """Commits the changes (`tables.mode.Fold.changes`) and the progress; as `append`.

    A merge that changes nothing makes no commit in deltalake: then the progress is committed alone.
    """
    if applied(handle, app_id) >= version:
        return handle.version()
    exact = _source(handle, _reaching(handle, changes, spec), spec)
    bounds = _within(exact, spec.identity, "t.")
    with refusals("merge"):
        merger = handle.merge(
            exact,
            " AND ".join([f"({spec.same(sql.identifier)})", *bounds]),
            source_alias="s",
            target_alias="t",
            streamed_exec=False,
            commit_properties=_properties(app_id, version, metadata),
            post_commithook_properties=HOOKS,
        )
        if spec.deletes:
            merger = merger.when_matched_delete(spec.when_deleted(sql.identifier))
        values = spec.values(sql.identifier)
        merger = merger.when_matched_update(values, predicate=spec.when_changed(sql.identifier))
        merger.when_not_matched_insert(values, predicate=spec.when_new(sql.identifier)).execute()
    if applied(handle, app_id) < version:
        return record_progress(handle, app_id=app_id, version=version, metadata=metadata)
    return handle.version()


def _reaching(handle: DeltaTable, changes: pa.Table, spec: Merge) -> pa.Table:
    """The changes without deletions of what is not there.

    Where others are inserted, deltalake 1.6 puts a row of nulls into the change feed for each such deletion, and then
    refuses the commit as the columns of the lineage must not be null.
    """
    deletes = changes.filter(pc.equal(changes[OP.name], DELETE))
    if deletes.num_rows in {0, changes.num_rows}:
        return changes
    listed, first = ", ".join(map(sql.identifier, spec.identity)), spec.identity[0]
    where = " AND ".join(_within(deletes, spec.identity))
    sought = deletes.select(list(spec.identity))
    found = [
        rows.cast(sought.schema).filter(pc.is_in(rows[first], value_set=sought[first].combine_chunks()))
        for rows in stream(handle, f"SELECT {listed} FROM t WHERE {where}")  # noqa: S608  # identifiers and literals
    ]
    code = codes(pa.concat_tables([sought, *found]))
    there = np.isin(code[: sought.num_rows], code[sought.num_rows :])
    others = changes.filter(pc.not_equal(changes[OP.name], DELETE))
    return pa.concat_tables([others, deletes.filter(pa.array(there))])


def _source(handle: DeltaTable, changes: pa.Table, spec: Merge) -> pa.Table:
    """The changes in the table's columns; what a deletion does not have is null, whatever the table says."""
    exact = fit(handle, changes.drop_columns([OP.name]))
    if spec.deletes:
        lax = pa.schema([each.with_nullable(True) for each in exact.schema])  # the name of the method says it
        exact = pa.Table.from_arrays(exact.columns, schema=lax)
    return exact.append_column(OP, changes[OP.name])


def record_progress(handle: DeltaTable, *, app_id: str, version: int, metadata: str | None) -> int:
    """Commits the progress with no rows; as `append`."""
    if applied(handle, app_id) >= version:
        return handle.version()
    with refusals("record progress"):
        handle.create_write_transaction(
            [],
            "append",
            handle.schema(),
            commit_properties=_properties(app_id, version, metadata),
            post_commithook_properties=HOOKS,
        )
    refresh(handle)
    return handle.version()


def fit(handle: DeltaTable, rows: pa.Table) -> pa.Table:
    """The rows in the table's exact schema: its order and types of columns, nulls for those that the rows do not have.

    Raises:
        LedgerlakeError: a column is unknown to the table, or could lose digits in it; deltalake would round silently.
    """
    wanted = schema(handle)
    unknown = [name for name in rows.column_names if name not in wanted.names]
    other = [
        f"{each.name} is {rows.schema.field(each.name).type}, the table has {each.type}"
        for each in wanted
        if each.name in rows.column_names and not widens(rows.schema.field(each.name).type, each.type)
    ]
    if unknown or other:
        found = "; ".join([*(f"{name} is unknown" for name in unknown), *other])
        raise LedgerlakeError(f"rows do not fit the table: {found}; run `ledgerlake tables plan`")
    columns = [
        rows[each.name].cast(each.type) if each.name in rows.column_names else pa.nulls(rows.num_rows, each.type)
        for each in wanted
    ]
    return pa.Table.from_arrays(columns, schema=wanted)


def _within(rows: pa.Table, names: Sequence[str], table: str = "") -> list[str]:
    """SQL: each of the columns lies in the range that it has in the rows."""
    return [_bounds(f"{table}{sql.identifier(name)}", rows[name]) for name in names if rows.num_rows]


def _bounds(column: str, values: pa.ChunkedArray) -> str:
    ends = pc.min_max(values)
    if not ends["min"].is_valid:
        return f"{column} IS NULL"
    return sql.between(
        column,
        ends["min"].as_py(),
        ends["max"].as_py(),
        values.type,
        or_null=values.null_count > 0,
    )


def _properties(app_id: str, version: int, metadata: str | None) -> CommitProperties:
    custom: dict[str, Any] = {} if metadata is None else {"userMetadata": metadata}
    return CommitProperties(custom_metadata=custom, app_transactions=[Transaction(app_id, version)])
