"""The one home of deltalake: functions over a handle, which belongs to one thread.

`handles` opens tables and knows which failures are worth another try, `writes` has the commits of an upload, `reads`
answers SELECT as of any version, `log` reads commits and the rows that they changed.
"""

from deltalake import DeltaTable
from deltalake import Schema as DeltaSchema

from tables.delta.handles import (
    HOOKS,
    applied,
    files,
    open_table,
    options_of,
    refresh,
    refusals,
    schema,
    size,
    storage_options,
)
from tables.delta.reads import query, select, select_all, stream
from tables.delta.writes import append, fit, merge, record_progress, replace
from tables.merge import Merge

__all__ = [
    "HOOKS",
    "DeltaSchema",
    "DeltaTable",
    "Merge",
    "append",
    "applied",
    "files",
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
    "size",
    "storage_options",
    "stream",
]
