"""The one home of deltalake: open, read, append, merge. Functions over a handle; a handle belongs to one thread.

Every write of an upload carries `txn` (application, version) in the commit that holds its rows, and is compared with
the very handle it commits with, because deltalake itself never skips an applied version and even lets it go back.
A commit is put-if-absent: who comes second gets `TransientError`.
Checkpoints are left to Spark: Trino and Athena do not read those of deltalake (trinodb/trino#18760).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, QueryBuilder, Transaction, write_deltalake
from deltalake import Schema as DeltaSchema
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from ledgerlake.errors import HistoryError, LedgerlakeError, TransientError
from ledgerlake.settings import Settings
from tables import sql
from tables.merge import Merge
from tables.mode import OP
from tables.types import plain, plain_type

__all__ = [
    "HOOKS",
    "DeltaSchema",
    "DeltaTable",
    "Merge",
    "append",
    "applied",
    "changes",
    "fit",
    "merge",
    "open_table",
    "options_of",
    "query",
    "record_progress",
    "refresh",
    "refusals",
    "replace",
    "schema",
    "select",
    "select_all",
    "storage_options",
    "widened",
]

HOOKS = PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)
_READ = re.compile(r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*(?:select|with)\b", re.IGNORECASE | re.DOTALL)


# Open


def storage_options(settings: Settings) -> dict[str, str]:
    """Where S3 is. Credentials are found by delta-rs as by boto3: environment, profile, role."""
    endpoint = settings.s3_endpoint_url or settings.endpoint_url
    options = {"AWS_REGION": settings.region, "aws_conditional_put": "etag"}
    if endpoint is None:
        return options
    return {
        **options,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "false",
        "AWS_ALLOW_HTTP": str(endpoint.startswith("http://")).lower(),
    }


def open_table(uri: str, settings: Settings, version: int | None = None) -> DeltaTable | None:
    """The table at its newest or that version; None if there is no table.

    Raises:
        HistoryError: it never had that version.
        TransientError: the storage cannot be reached.
    """
    try:
        with refusals(f"open {uri}"):
            return DeltaTable(uri, version=version, storage_options=options_of(uri, settings))
    except LedgerlakeError as error:
        if isinstance(error.__cause__, TableNotFoundError):
            return None
        if version is not None and not isinstance(error, TransientError):
            newest = open_table(uri, settings)
            known = f"0..{newest.version()}" if newest is not None else "none: there is no table"
            msg = f"{uri} has no version {version}; its versions are {known}"
            raise HistoryError(msg) from error
        raise


def refresh(handle: DeltaTable) -> None:
    """Brings the handle to the newest version; reads only what was committed since."""
    with refusals("read the log"):
        handle.update_incremental()


def applied(handle: DeltaTable, app_id: str) -> int:
    """Last version that the application committed, as of the handle; 0 if none."""
    return handle.transaction_version(app_id) or 0


def schema(handle: DeltaTable) -> pa.Schema:
    """The table's columns as Arrow types, strings as `string`."""
    return pa.schema(
        [pa.field(each.name, plain_type(each.type), each.nullable) for each in pa.schema(handle.schema().to_arrow())],
    )


# Write


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
    exact = _source(handle, changes, spec)
    bounds = [_bounds(name, exact[name]) for name in spec.identity if exact.num_rows]
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


def _source(handle: DeltaTable, changes: pa.Table, spec: Merge) -> pa.Table:
    """The changes in the table's columns; what a deletion does not have is null, whatever the table says."""
    exact = fit(handle, changes.drop_columns([OP.name]))
    if not spec.deletes:
        return exact
    lax = pa.schema([each.with_nullable(True) for each in exact.schema])  # the name of the method says it
    return pa.Table.from_arrays(exact.columns, schema=lax).append_column(OP, changes[OP.name])


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
    """The rows in the table's exact schema: its order of columns, nulls for columns that the rows do not have.

    Raises:
        LedgerlakeError: a column is unknown to the table or of another type; deltalake would round it silently.
    """
    wanted = schema(handle)
    unknown = [name for name in rows.column_names if name not in wanted.names]
    other = [
        f"{each.name} is {rows.schema.field(each.name).type}, the table has {each.type}"
        for each in wanted
        if each.name in rows.column_names and rows.schema.field(each.name).type != each.type
    ]
    if unknown or other:
        found = "; ".join([*(f"{name} is unknown" for name in unknown), *other])
        raise LedgerlakeError(f"rows do not fit the table: {found}; run `ledgerlake tables plan`")
    columns = [
        rows[each.name] if each.name in rows.column_names else pa.nulls(rows.num_rows, each.type) for each in wanted
    ]
    return pa.Table.from_arrays(columns, schema=wanted)


def widened(handle: DeltaTable, rows: pa.Table) -> pa.Table:
    """The rows with the types of the table's columns of the same name, where no value can be lost.

    Raises:
        LedgerlakeError: as `fit`.
    """
    wanted = schema(handle)
    fields = [
        each.with_type(wanted.field(each.name).type) if each.name in wanted.names else each for each in rows.schema
    ]
    if all(new.type == old.type for new, old in zip(fields, rows.schema, strict=True)):
        return rows
    try:
        return rows.cast(pa.schema(fields))
    except pa.ArrowInvalid as error:
        raise LedgerlakeError(f"rows do not fit the table: {error}; run `ledgerlake tables plan`") from error


# Read


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


def changes(handle: DeltaTable, where: str) -> pa.Table:
    """All row changes from the first version on, `_change_type` and `_commit_version` included (change data feed)."""
    with refusals("read changes"):
        found = handle.load_cdf(predicate=where)
        return plain(pa.RecordBatchReader.from_stream(found).read_all())


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


def options_of(uri: str, settings: Settings) -> dict[str, str]:
    """Storage options of a table: none where it is a folder."""
    return storage_options(settings) if uri.startswith(("s3://", "s3a://")) else {}


def _bounds(name: str, values: pa.ChunkedArray) -> str:
    ends = pc.min_max(values)
    if not ends["min"].is_valid:
        return f"t.{sql.identifier(name)} IS NULL"
    return sql.between(
        f"t.{sql.identifier(name)}",
        ends["min"].as_py(),
        ends["max"].as_py(),
        values.type,
        or_null=values.null_count > 0,
    )


def _properties(app_id: str, version: int, metadata: str | None) -> CommitProperties:
    custom: dict[str, Any] = {} if metadata is None else {"userMetadata": metadata}
    return CommitProperties(custom_metadata=custom, app_transactions=[Transaction(app_id, version)])


@contextmanager
def refusals(step: str) -> Iterator[None]:
    """Another commit came first, or the storage is away: try again. Anything else deltalake refuses is a failure."""
    try:
        yield
    except CommitFailedError as error:
        msg = f"{step}: another commit came first: {error}"
        raise TransientError(msg) from error
    except OSError as error:
        msg = f"{step}: {error}"
        raise TransientError(msg) from error
    except (DeltaError, ValueError, RuntimeError) as error:
        msg = f"{step}: {error}"
        kind = TransientError if "Generic S3 error" in msg else LedgerlakeError
        raise kind(msg) from error
