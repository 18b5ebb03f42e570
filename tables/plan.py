"""What must change so that a dataset's table is what its contract says; then does it. A batch never does.

Tables keep to reader 1 and writer at most 4 (change data feed, CHECK, NOT NULL), which every engine reads and writes.
A table is only ever widened: uploads accepted under an earlier contract are still to come, so a new rule never
becomes a new CHECK of an old column, and a rule that changes takes its CHECK away. Validation enforces them all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import pyarrow as pa

from ledgerlake.errors import ConfigurationError, ContractError, Problem
from ledgerlake.layout import events_table, table_uri
from ledgerlake.settings import Settings
from tables import define, delta
from tables.checks import checks
from tables.contract import Contract
from tables.mode import event_schema
from tables.modes import MODES, table_schema
from tables.system_tables import PARTITIONS, SYSTEM_TABLES

READER, WRITER = 1, 4
"""The versions of the Delta protocol that Athena, Trino, pandas, Spark and deltalake share."""
AUDIT_DAYS = 3660
"""Retention of `uploads` and `quarantine`."""
_KEY = "ledgerlake.primaryKey"
_CHECK = "delta.constraints."
_RETENTIONS = ("delta.logRetentionDuration", "delta.deletedFileRetentionDuration")


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to do to a table, in words and as a step that does it."""

    table: str
    words: str
    run: Callable[[], None] = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """Changes in the order in which they are to be made; none if everything is as it should be."""

    dataset: str
    changes: tuple[Change, ...]


def plan(contract: Contract, settings: Settings) -> Plan:
    """What `apply` would do for the dataset's table, `uploads` and `quarantine`.

    Raises:
        ContractError: the contract asks for something that would lose or falsify rows; says the way out.
        ConfigurationError: a table there has features that not every engine can read.
        TransientError: the storage cannot be reached.
    """
    changes = [change for name in SYSTEM_TABLES for change in _system(name, settings)]
    changes += _events(contract, settings)
    uri = table_uri(settings.tables_bucket, contract.dataset)
    handle = delta.open_table(uri, settings)
    if handle is None:
        columns = [f"{each.name} {each.type}" for each in table_schema(contract)]
        create = partial(
            define.create,
            uri,
            table_schema(contract),
            settings,
            partition_by=contract.partition_by,
            properties=properties(contract),
            description=contract.description,
        )
        changes.append(Change(contract.dataset, f"create with {', '.join(columns)}", create))
    else:
        assert_safe(handle)
        changes += _evolve(handle, contract)
    return Plan(contract.dataset, tuple(changes))


def apply(planned: Plan) -> None:
    """Makes the changes. Safe to repeat: plan again after a failure."""
    for change in planned.changes:
        change.run()


def assert_safe(handle: delta.DeltaTable) -> None:
    """Refuses a table that Athena, pandas, Spark and deltalake cannot all read and write.

    Raises:
        ConfigurationError: names the versions and features found.
    """
    found = handle.protocol()
    features = sorted({*(found.reader_features or ()), *(found.writer_features or ())})
    if found.min_reader_version > READER or found.min_writer_version > WRITER or features:
        msg = (
            f"{handle.table_uri} needs reader {found.min_reader_version}, writer {found.min_writer_version}, features "
            f"{features}; at most reader {READER} and writer {WRITER} without features are used here. "
            "Something else changed the table: rebuild it from raw"
        )
        raise ConfigurationError(msg)


def properties(contract: Contract) -> dict[str, str]:
    """Table properties of a new table, CHECKs included."""
    return {
        **_retention(contract.audit_days),
        "delta.enableChangeDataFeed": "true",
        # Else Spark puts files under their partition's value, and what is not ASCII in it deltalake writes differently
        # into a `remove` than Spark into its `add`: the file would stay, and its rows twice.
        "delta.randomizeFilePrefixes": "true",
        _KEY: ",".join(contract.primary_key),
        **{f"{_CHECK}{name}": text for name, text in checks(contract.columns).items()},
    }


def _retention(days: int) -> dict[str, str]:
    """Delta refuses time travel beyond either retention, even if nothing was removed."""
    return {**dict.fromkeys(_RETENTIONS, f"interval {days} days"), "delta.enableExpiredLogCleanup": "false"}


def _system(name: str, settings: Settings) -> list[Change]:
    uri = table_uri(settings.tables_bucket, name)
    if delta.open_table(uri, settings) is not None:
        return []
    create = partial(
        define.create,
        uri,
        SYSTEM_TABLES[name],
        settings,
        partition_by=PARTITIONS,
        properties=_retention(AUDIT_DAYS),
    )
    return [Change(name, "create", create)]


def _events(contract: Contract, settings: Settings) -> list[Change]:
    """The table of what the mode has to remember, where it has to."""
    name = events_table(contract.dataset)
    uri = table_uri(settings.tables_bucket, name)
    if not MODES[contract.mode].remembers(contract) or delta.open_table(uri, settings) is not None:
        return []
    create = partial(
        define.create,
        uri,
        event_schema(contract),
        settings,
        partition_by=(),
        properties=_retention(contract.audit_days),
    )
    return [Change(name, "create", create)]


def _evolve(handle: delta.DeltaTable, contract: Contract) -> list[Change]:
    there, wanted = delta.schema(handle), table_schema(contract)
    configuration = handle.metadata().configuration
    _refuse_loss(handle, contract, there, configuration)
    changes = []
    added = [each for each in wanted if each.name not in there.names]
    if added:
        words = ", ".join(f"{each.name} {each.type}" for each in added)
        changes.append(
            Change(
                contract.dataset,
                f"add {words} (earlier rows have none)",
                partial(define.add_columns, handle, added),
            ),
        )
    changes += [
        Change(contract.dataset, f"let {each.name} be null", partial(define.drop_not_null, handle, each.name))
        for each in wanted
        if each.nullable and not _nullable(there, each.name)
    ]
    changes += _evolve_checks(handle, contract, configuration, {each.name for each in added})
    days = max((int(configuration.get(name, "interval 0 days").split()[1]) for name in _RETENTIONS), default=0)
    if days < contract.audit_days:
        changes.append(
            Change(
                contract.dataset,
                f"keep history for {contract.audit_days} days instead of {days}",
                partial(define.set_properties, handle, _retention(contract.audit_days)),
            ),
        )
    return changes


def _evolve_checks(
    handle: delta.DeltaTable,
    contract: Contract,
    configuration: dict[str, str],
    added: set[str],
) -> list[Change]:
    wanted = checks(contract.columns)
    fresh = checks(tuple(each for each in contract.columns if each.name in added))
    changes = [
        Change(contract.dataset, f"drop CHECK {name}: its rule changed", partial(define.drop_check, handle, name))
        for name, text in (
            (key.removeprefix(_CHECK), value) for key, value in sorted(configuration.items()) if key.startswith(_CHECK)
        )
        if wanted.get(name) != text
    ]
    if fresh:
        changes.append(
            Change(
                contract.dataset,
                f"add CHECK {', '.join(fresh)}",
                partial(define.set_properties, handle, {f"{_CHECK}{name}": text for name, text in fresh.items()}),
            ),
        )
    return changes


def _refuse_loss(handle: delta.DeltaTable, contract: Contract, there: pa.Schema, configuration: dict[str, str]) -> None:
    wanted, where = table_schema(contract), f"contract of {contract.dataset}"
    new = f"Or start a new dataset, for example {contract.dataset}_2, and load it from the files of this one."
    problems = [
        Problem(
            where,
            f"column {name!r} is gone, but the table has it",
            f"Keep it, without `required` and with no rules. {new}",
        )
        for name in there.names
        if name not in wanted.names
    ]
    types = [(each.name, each.type, there.field(each.name).type) for each in wanted if each.name in there.names]
    problems += [
        Problem(
            where,
            f"column {name!r} is now {ours}, but the table has {theirs}",
            f"Keep the type and add a column of another name. {new}",
        )
        for name, ours, theirs in types
        if ours != theirs
    ]
    stated = (
        ("is partitioned by", contract.partition_by, tuple(handle.metadata().partition_columns)),
        (
            "has the primary key",
            contract.primary_key,
            tuple(filter(None, configuration.get(_KEY, ",".join(contract.primary_key)).split(","))),
        ),
    )
    problems += [
        Problem(
            where,
            f"it now {words} {_listed(ours)}, but the table {words} {_listed(theirs)}",
            f"Change it back. {new}",
        )
        for words, ours, theirs in stated
        if ours != theirs
    ]
    if problems:
        raise ContractError(tuple(problems))


def _nullable(there: pa.Schema, name: str) -> bool:
    return name not in there.names or bool(there.field(name).nullable)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "nothing"
