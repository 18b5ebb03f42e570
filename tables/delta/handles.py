"""Opens tables and says what they are. A handle belongs to one thread."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
from deltalake import DeltaTable, PostCommitHookProperties
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from ledgerlake.errors import HistoryError, LedgerlakeError, TransientError
from ledgerlake.settings import Settings
from tables.types import plain_type

HOOKS = PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)
"""Checkpoints are left to Spark: Trino and Athena do not read those of deltalake (trinodb/trino#18760)."""

_applied: dict[int, dict[str, tuple[int, int]]] = {}
"""For each handle and application: a version of the table, and what was applied there."""


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
    """Last version that the application committed, as of the handle; 0 if none.

    To find it, delta-rs reads every commit since the last checkpoint, a request each: so it is looked for only once
    for each version that the handle comes to.
    """
    known, version = _known(handle), handle.version()
    if app_id not in known or known[app_id][0] != version:
        known[app_id] = (version, handle.transaction_version(app_id) or 0)
    return known[app_id][1]


def _known(handle: DeltaTable) -> dict[str, tuple[int, int]]:
    """What `applied` found, for as long as the handle lives; handles are values to deltalake and have no hash."""
    if id(handle) not in _applied:
        _applied[id(handle)] = {}
        weakref.finalize(handle, _applied.pop, id(handle))
    return _applied[id(handle)]


def schema(handle: DeltaTable) -> pa.Schema:
    """The table's columns as Arrow types, strings as `string`."""
    return pa.schema(
        [pa.field(each.name, plain_type(each.type), each.nullable) for each in pa.schema(handle.schema().to_arrow())],
    )


def size(handle: DeltaTable) -> int:
    """Bytes of the files that hold the rows."""
    return sum(pa.table(handle.get_add_actions())["size_bytes"].to_pylist())


def files(handle: DeltaTable) -> int:
    """How many files hold the rows."""
    return int(pa.table(handle.get_add_actions()).num_rows)


def options_of(uri: str, settings: Settings) -> dict[str, str]:
    """Storage options of a table: none where it is a folder."""
    return storage_options(settings) if uri.startswith(("s3://", "s3a://")) else {}


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
