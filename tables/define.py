"""Makes and changes tables: the steps of a plan, each one commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from ledgerlake.settings import Settings
from tables.delta import HOOKS, DeltaSchema, DeltaTable, options_of, refusals


def create(  # noqa: PLR0913  # what a table is made of
    uri: str,
    columns: pa.Schema,
    settings: Settings,
    *,
    partition_by: Sequence[str],
    properties: Mapping[str, str],
    description: str = "",
) -> None:
    """Creates the table unless it exists.

    CHECKs are given as properties: deltalake's own `add_constraint` turns `CAST('0.01' AS DECIMAL(18,2))` into 1.
    """
    with refusals(f"create {uri}"):
        DeltaTable.create(
            uri,
            columns,
            mode="ignore",
            partition_by=list(partition_by),
            description=description,
            configuration=dict(properties),
            storage_options=options_of(uri, settings),
            raise_if_key_not_exists=False,
            post_commithook_properties=HOOKS,
        )


def add_columns(handle: DeltaTable, columns: Sequence[pa.Field]) -> None:
    """Adds nullable columns at the end."""
    fields = DeltaSchema.from_arrow(pa.schema([each.with_nullable(True) for each in columns])).fields
    with refusals("add columns"):
        handle.alter.add_columns(fields, post_commithook_properties=HOOKS)


def drop_not_null(handle: DeltaTable, column: str) -> None:
    """Lets a column be null."""
    with refusals("drop NOT NULL"):
        handle.alter.drop_column_not_null(column, post_commithook_properties=HOOKS)


def drop_check(handle: DeltaTable, name: str) -> None:
    """Removes a CHECK."""
    with refusals("drop CHECK"):
        handle.alter.drop_constraint(name, post_commithook_properties=HOOKS)


def set_properties(handle: DeltaTable, properties: Mapping[str, str]) -> None:
    """Sets table properties."""
    with refusals("set properties"):
        handle.alter.set_table_properties(dict(properties), raise_if_not_exists=False)
