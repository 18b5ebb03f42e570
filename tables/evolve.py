"""What must change so that a table that is there has the columns that its contract asks for. Only ever widened.

Uploads accepted under an earlier contract are still to come. So a column is never taken away, a new rule never becomes
a CHECK of an old column, and a rule that changes takes its CHECK away. Validation enforces them all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import pyarrow as pa

from ledgerlake.settings import Settings
from tables import define, delta, rewrite
from tables.checks import checks
from tables.contract import Column
from tables.statistics import COLUMNS, statistics
from tables.swap import files_in
from tables.widening import typed

CHECK = "delta.constraints."
UNUSED = "ledgerlake.unused"
"""Columns that the contract does not have any more."""

RETENTIONS = ("delta.logRetentionDuration", "delta.deletedFileRetentionDuration")


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to do to a table, in words and as a step that does it.

    What `rewrites` the table is not to be done while a driver writes to it: one of the two would have to start again.
    """

    table: str
    words: str
    run: Callable[[], None] = field(compare=False, repr=False)
    rewrites: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a table is to be. `columns` have the rules of those that get a CHECK; history is kept for `days`."""

    table: str
    uri: str
    schema: pa.Schema
    days: int
    columns: tuple[Column, ...] = ()
    partition_by: tuple[str, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)
    description: str = ""


def create(wanted: Wanted, settings: Settings) -> Change:
    """The table is not there."""
    run = partial(
        define.create,
        wanted.uri,
        wanted.schema,
        settings,
        partition_by=wanted.partition_by,
        properties={
            **_retention(wanted.days),
            **statistics(wanted.schema, wanted.partition_by),
            **wanted.properties,
            **_check_properties(wanted.columns),
        },
        description=wanted.description,
    )
    columns = ", ".join(f"{each.name} {each.type}" for each in wanted.schema)
    return Change(wanted.table, f"create with {columns}", run)


def evolve(handle: delta.DeltaTable, wanted: Wanted, settings: Settings) -> list[Change]:
    """The changes, in their order; nothing of it loses a value, see `tables.breaking`."""
    there = delta.schema(handle)
    configuration = handle.metadata().configuration
    wider = {
        each.name: each.type
        for each in wanted.schema
        if each.name in there.names and each.type != there.field(each.name).type
    }
    same = _same_rules(wanted, there, configuration, wider) | _same_bounds(wanted, there, wider)
    return [
        *_widen(handle, wanted, settings, wider, same),
        *_columns(handle, wanted, there, configuration),
        *_checks(handle, wanted, there, {**configuration, **same}),
        *_statistics(handle, wanted, there, {**configuration, **same}),
        *_properties(handle, wanted, configuration),
    ]


# Types


def _widen(
    handle: delta.DeltaTable,
    wanted: Wanted,
    settings: Settings,
    wider: Mapping[str, pa.DataType],
    same: Mapping[str, str],
) -> list[Change]:
    if not wider:
        return []
    there, files = delta.schema(handle), files_in(handle)
    types = ", ".join(f"{name} from {there.field(name).type} to {kind}" for name, kind in wider.items())
    rows, size = sum(each["num_records"] or 0 for each in files), sum(each["size_bytes"] for each in files)
    words = f"widen {types}: rewrites {rows:,} rows in {len(files):,} files ({size:,} bytes) in one commit"
    run = partial(rewrite.widen, handle, wanted.uri, settings, wider, same)
    return [Change(wanted.table, words, run, rewrites=True)]


def _same_rules(
    wanted: Wanted,
    there: pa.Schema,
    configuration: Mapping[str, str],
    wider: Mapping[str, pa.DataType],
) -> dict[str, str]:
    """CHECKs of columns that become wider, where the rule is the same but for the type."""
    found = {}
    for column in wanted.columns:
        if column.name in wider:
            before = _check_properties((typed(column, there.field(column.name).type),))
            after = _check_properties((column,))
            found.update({name: after[name] for name, text in before.items() if configuration.get(name) == text})
    return found


def _same_bounds(wanted: Wanted, there: pa.Schema, wider: Mapping[str, pa.DataType]) -> dict[str, str]:
    """Whose bounds files have once columns are wider: known in the commit that makes them so."""
    after = pa.schema([each.with_type(wider.get(each.name, each.type)) for each in there])
    return statistics(after, wanted.partition_by) if wider else {}


# Columns


def _columns(
    handle: delta.DeltaTable,
    wanted: Wanted,
    there: pa.Schema,
    configuration: Mapping[str, str],
) -> list[Change]:
    changes = []
    added = [each for each in wanted.schema if each.name not in there.names]
    if added:
        words = f"add {', '.join(f'{each.name} {each.type}' for each in added)} (earlier rows have none)"
        changes.append(Change(wanted.table, words, partial(define.add_columns, handle, added)))
    unused = [name for name in there.names if name not in wanted.schema.names]
    lax = [each.name for each in wanted.schema if each.nullable and each.name in there.names] + unused
    changes += [
        Change(wanted.table, f"let {name} be null", partial(define.drop_not_null, handle, name))
        for name in lax
        if not there.field(name).nullable
    ]
    return [*changes, *_unused(handle, wanted, unused, configuration)]


def _unused(
    handle: delta.DeltaTable,
    wanted: Wanted,
    unused: list[str],
    configuration: Mapping[str, str],
) -> list[Change]:
    known = [name for name in configuration.get(UNUSED, "").split(",") if name]
    words = [
        f"keep {name}, which the contract no longer stores: rows there keep their values, new ones have null"
        for name in unused
        if name not in known
    ] + [f"use {name} again" for name in known if name not in unused]
    note = partial(define.set_properties, handle, {UNUSED: ",".join(unused)})
    return [Change(wanted.table, "; ".join(words), note)] if words else []


# Properties


def _checks(
    handle: delta.DeltaTable,
    wanted: Wanted,
    there: pa.Schema,
    configuration: Mapping[str, str],
) -> list[Change]:
    ours = _check_properties(wanted.columns)
    changes = [
        Change(
            wanted.table,
            f"drop CHECK {name.removeprefix(CHECK)}: its rule changed",
            partial(define.drop_check, handle, name.removeprefix(CHECK)),
        )
        for name, text in sorted(configuration.items())
        if name.startswith(CHECK) and ours.get(name) != text
    ]
    fresh = _check_properties(tuple(each for each in wanted.columns if each.name not in there.names))
    if fresh:
        names = ", ".join(name.removeprefix(CHECK) for name in fresh)
        changes.append(Change(wanted.table, f"add CHECK {names}", partial(define.set_properties, handle, fresh)))
    return changes


def _statistics(
    handle: delta.DeltaTable,
    wanted: Wanted,
    there: pa.Schema,
    configuration: Mapping[str, str],
) -> list[Change]:
    added = [each for each in wanted.schema if each.name not in there.names]
    after = [wanted.schema.field(each.name) if each.name in wanted.schema.names else each for each in there]
    kept = statistics(pa.schema([*after, *added]), wanted.partition_by)
    if configuration.get(COLUMNS) == kept[COLUMNS]:
        return []
    words = "keep bounds of every file for its columns, where they are exact"
    return [Change(wanted.table, words, partial(define.set_properties, handle, kept))]


def _properties(handle: delta.DeltaTable, wanted: Wanted, configuration: Mapping[str, str]) -> list[Change]:
    """A property that is there stays; of those that must not change, `tables.breaking` has seen to it."""
    missing = {name: value for name, value in wanted.properties.items() if name not in configuration}
    changes = []
    if missing:
        note = partial(define.set_properties, handle, missing)
        changes.append(Change(wanted.table, f"note {', '.join(missing)}", note))
    days = max(int(configuration.get(name, "interval 0 days").split()[1]) for name in RETENTIONS)
    if days < wanted.days:
        keep = partial(define.set_properties, handle, _retention(wanted.days))
        changes.append(Change(wanted.table, f"keep history for {wanted.days} days instead of {days}", keep))
    return changes


def _retention(days: int) -> dict[str, str]:
    """Delta refuses time travel beyond either retention, even if nothing was removed."""
    return {**dict.fromkeys(RETENTIONS, f"interval {days} days"), "delta.enableExpiredLogCleanup": "false"}


def _check_properties(columns: tuple[Column, ...]) -> dict[str, str]:
    """CHECKs of these columns, as the table properties that they are."""
    return {f"{CHECK}{name}": text for name, text in checks(columns).items()}
