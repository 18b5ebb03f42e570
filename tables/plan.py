"""What must change so that a dataset's tables are what its contract says; then does it. A batch never does.

Tables keep to reader 1 and writer at most 4 (change data feed, CHECK, NOT NULL), which every engine reads and writes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ledgerlake.errors import ConfigurationError, ContractError
from ledgerlake.layout import events_table, table_uri
from ledgerlake.settings import Settings
from tables import delta
from tables.breaking import problems
from tables.contract import Contract
from tables.delta.upkeep import TARGET
from tables.evolve import Change, Wanted, create, evolve
from tables.mode import event_schema
from tables.modes import MODES, table_schema
from tables.stated import stated
from tables.system_tables import PARTITIONS, SYSTEM_TABLES

READER, WRITER = 1, 4
"""The versions of the Delta protocol that Athena, Trino, pandas, Spark and deltalake share."""
AUDIT_DAYS = 3660
"""Retention of `uploads` and `quarantine`."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Changes in the order in which they are to be made; none if everything is as it should be."""

    dataset: str
    changes: tuple[Change, ...]

    @property
    def rewrites(self) -> bool:
        """Whether a table is rewritten: see `Change`."""
        return any(each.rewrites for each in self.changes)


def plan(contract: Contract, settings: Settings) -> Plan:
    """What `apply` would do for the dataset's table, its events, `uploads` and `quarantine`.

    Raises:
        ContractError: the contract asks for something that would lose or falsify rows; says the way out.
        ConfigurationError: a table there has features that not every engine can read.
        TransientError: the storage cannot be reached.
    """
    *events, data = [(each, _opened(each, settings)) for each in tables_of(contract, settings)]
    broken = problems(contract, data[1], next((handle for _, handle in events), None)) if data[1] else ()
    if broken:
        raise ContractError(broken)
    changes = [change for name in SYSTEM_TABLES for change in _system(name, settings)]
    for wanted, handle in (*events, data):
        changes += evolve(handle, wanted, settings) if handle else [create(wanted, settings)]
    return Plan(contract.dataset, tuple(changes))


def tables_of(contract: Contract, settings: Settings) -> tuple[Wanted, ...]:
    """The tables that are the dataset's own: what its mode remembers, if it has to, then its rows."""
    return (*_events(contract, settings), _data(contract, settings))


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


def _opened(wanted: Wanted, settings: Settings) -> delta.DeltaTable | None:
    handle = delta.open_table(wanted.uri, settings)
    if handle is not None:
        assert_safe(handle)
    return handle


def _system(name: str, settings: Settings) -> list[Change]:
    uri = table_uri(settings.tables_bucket, name)
    properties = {TARGET: str(settings.target_file_bytes)}
    wanted = Wanted(name, uri, SYSTEM_TABLES[name], AUDIT_DAYS, partition_by=PARTITIONS, properties=properties)
    handle = delta.open_table(uri, settings)
    if handle is not None:
        return evolve(handle, wanted, settings)
    return [replace(create(wanted, settings), words="create")]


def _data(contract: Contract, settings: Settings) -> Wanted:
    return Wanted(
        table=contract.dataset,
        uri=table_uri(settings.tables_bucket, contract.dataset),
        schema=table_schema(contract),
        columns=tuple(each for each in contract.columns if each.stored),
        days=contract.audit_days,
        partition_by=contract.partition_by,
        properties={
            "delta.enableChangeDataFeed": "true",
            TARGET: str(settings.target_file_bytes),
            # Else Spark puts files under their partition's value, and what is not ASCII in it deltalake writes
            # differently into a `remove` than Spark into its `add`: the file would stay, and its rows twice.
            "delta.randomizeFilePrefixes": "true",
            **{each.property: each.value for each in stated(contract)},
        },
        description=contract.description,
    )


def _events(contract: Contract, settings: Settings) -> tuple[Wanted, ...]:
    """The table of what the mode has to remember, where it has to.

    It has no partitions: those of the dataset may change from event to event of one key, which are read together. The
    bounds of the keys in each file, which the log has, say which files to read.
    """
    if not MODES[contract.mode].remembers(contract):
        return ()
    name = events_table(contract.dataset)
    wanted = Wanted(
        table=name,
        uri=table_uri(settings.tables_bucket, name),
        schema=event_schema(contract),
        days=contract.audit_days,
        properties={TARGET: str(settings.target_file_bytes)},
        description=f"What {contract.dataset} remembers: rows as they were accepted, and what they delete",
    )
    return (wanted,)
