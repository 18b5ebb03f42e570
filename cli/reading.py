"""Reads tables for the command line: SQL over all of them, as they are or as of a version or time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa
from rich.table import Table

from cli.shell import Shell, table
from ledgerlake.clock import from_text
from ledgerlake.errors import ConfigurationError
from ledgerlake.layout import table_uri
from tables.contract import Contract
from tables.contract_store import ContractStore
from tables.delta import query
from tables.history import version_as_of
from tables.system_tables import SYSTEM_TABLES


def known_tables(shell: Shell) -> tuple[str, ...]:
    """Every dataset, then the tables they share."""
    return (*ContractStore(shell.settings, shell.aws).names(), *SYSTEM_TABLES)


def uri(shell: Shell, name: str) -> str:
    """Where a table lies.

    Raises:
        ConfigurationError: there is no contract of that name.
    """
    names = known_tables(shell)
    if name not in names:
        raise ConfigurationError(
            f"no dataset {name!r}; known are {', '.join(names)}. A dataset is one YAML file in "
            f"{shell.settings.contracts}",
        )
    return table_uri(shell.settings.tables_bucket, name)


def contract_of(shell: Shell, dataset: str) -> Contract:
    """The dataset's contract as it is now.

    Raises:
        ConfigurationError: there is none of that name.
    """
    uri(shell, dataset)
    try:
        return ContractStore(shell.settings, shell.aws).current(dataset)
    except KeyError as error:
        raise ConfigurationError(f"{dataset} has no contract, and so no key") from error


def select(shell: Shell, statement: str, as_of: Iterable[str] = ()) -> pa.Table:
    """The answer to a SELECT over the tables it names; `as_of` as in `versions_as_of`."""
    named = [name for name in known_tables(shell) if re.search(rf"\b{name}\b", statement)]
    uris = {name: uri(shell, name) for name in named}
    return query(statement, uris, shell.settings, versions_as_of(shell, tuple(as_of), uris))


def versions_as_of(shell: Shell, as_of: tuple[str, ...], uris: Mapping[str, str]) -> dict[str, int]:
    """The version of each table meant by `7`, `payments=7`, `2026-03-31T00:00:00Z` or `payments=2026-...`.

    Without a name it means every dataset of the statement; `uploads` and `quarantine` must be named.
    """
    found = {}
    for text in as_of:
        name, given, moment = text.rpartition("=")
        if given and name not in uris:
            raise ConfigurationError(f"--as-of {text}: the statement does not read {name}")
        for each in [name] if given else [each for each in uris if each not in SYSTEM_TABLES]:
            found[each] = version_of(shell, uris[each], moment)
    return found


def version_of(shell: Shell, where: str, text: str) -> int:
    """The version that a person means by `7` or by `2026-03-31T00:00:00Z`."""
    asked = moment_of(text)
    return asked if isinstance(asked, int) else version_as_of(where, shell.settings, asked)


def moment_of(text: str) -> int | datetime:
    """A number or a time, as a person writes it.

    Raises:
        ConfigurationError: it is neither.
    """
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        return from_text(text)
    except ValueError as error:
        raise ConfigurationError(
            f"{text!r} is neither number nor time: give a number (7) or a time with its zone "
            f"(2026-03-31T00:00:00Z); {error}",
        ) from error


def records(rows: pa.Table) -> list[dict[str, Any]]:
    """Rows as JSON-able values, Arrow's maps as objects."""
    return [
        {name: _plain(value, rows.schema.field(name).type) for name, value in row.items()} for row in rows.to_pylist()
    ]


def shown(rows: pa.Table, title: str = "", limit: int = 50) -> Table:
    """The first rows as a readable table."""
    more = f"{title} (first {limit} of {rows.num_rows:,} rows)".strip() if rows.num_rows > limit else title
    return table(more, rows.column_names, [tuple(row.values()) for row in records(rows.slice(0, limit))])


def _plain(value: Any, kind: pa.DataType) -> Any:
    if pa.types.is_map(kind) and value is not None:
        return {key: _plain(each, kind.item_type) for key, each in value}
    return value
