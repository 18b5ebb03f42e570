"""What became of each row between two versions of a table: inserted, deleted, or changed."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from ledgerlake.settings import Settings
from tables import delta, sql
from tables.contract import LINEAGE
from tables.history import opened

_COPY = "_copy"
_SILENT = frozenset(each.name for each in LINEAGE)


@dataclass(frozen=True, slots=True)
class Difference:
    """Rows by key between two versions. `before` and `after` are the changed rows, in the same order (that of the key).

    A row counts as changed if a column of the table changed; lineage (`_upload_id`, `_seq`, `_row`) alone does not.
    """

    inserted: pa.Table
    deleted: pa.Table
    before: pa.Table
    after: pa.Table


def diff(uri: str, settings: Settings, before: int, after: int, key: tuple[str, ...]) -> Difference:
    """What became of each row between two versions, by key.

    Without a key rows are told apart by all that they say: none is changed, but one more of the same is inserted.

    Raises:
        HistoryError: the table never had one of the versions.
    """
    tables = {"was": opened(uri, settings, before), "is": opened(uri, settings, after)}
    then, now = (delta.schema(handle) for handle in tables.values())
    both = pa.schema([*now, *(each for each in then if each.name not in now.names)])
    a, b = _side("was", "a", then, both, key), _side("is", "b", now, both, key)
    same = " AND ".join(f"(a.{name} IS NOT DISTINCT FROM b.{name})" for name in _identity(both, key))
    changed = [f"(a.{name} IS DISTINCT FROM b.{name})" for name in _content(both, key)] if key else []

    def ask(side: str, join: str, where: str = "TRUE") -> pa.Table:
        columns = ", ".join(f"{side}.{sql.identifier(name)}" for name in both.names)
        order = ", ".join(f"{side}.{name}" for name in _identity(both, key))
        return delta.select_all(tables, f"SELECT {columns} FROM {join} ON {same} WHERE {where} ORDER BY {order}")  # noqa: S608  # quoted names

    where = " OR ".join(changed) or "FALSE"
    return Difference(
        inserted=ask("b", f"{b} LEFT ANTI JOIN {a}"),
        deleted=ask("a", f"{a} LEFT ANTI JOIN {b}"),
        before=ask("a", f"{a} INNER JOIN {b}", where),
        after=ask("b", f"{a} INNER JOIN {b}", where),
    )


def _side(table: str, name: str, there: pa.Schema, both: pa.Schema, key: tuple[str, ...]) -> str:
    """One of the versions with the columns of both; what it does not have is null."""
    columns = [
        sql.identifier(each.name)
        if each.name in there.names
        else f"{sql.literal(None, each.type)} AS {sql.identifier(each.name)}"
        for each in both
    ]
    if not key:  # the n-th of equal rows
        equal = ", ".join(sql.identifier(each) for each in there.names if each not in _SILENT)
        columns.append(f"row_number() OVER (PARTITION BY {equal} ORDER BY _seq, _row) AS {_COPY}")
    return f'(SELECT {", ".join(columns)} FROM "{table}") {name}'  # noqa: S608  # quoted names


def _content(both: pa.Schema, key: tuple[str, ...]) -> list[str]:
    return [sql.identifier(name) for name in both.names if name not in _SILENT and name not in key]


def _identity(both: pa.Schema, key: tuple[str, ...]) -> list[str]:
    return [sql.identifier(name) for name in key] if key else [*_content(both, ()), _COPY]
