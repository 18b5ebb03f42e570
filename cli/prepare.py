"""Tables before uploads: brings every table to what its contract says, and registers it in the catalog."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from ledgerlake.aws import Aws
from ledgerlake.errors import ConfigurationError
from ledgerlake.layout import table_uri
from ledgerlake.settings import Settings
from streaming_jobs.lake import Lake
from streaming_jobs.lease import held
from tables import catalog
from tables.contract import Contract
from tables.contract_store import ContractStore
from tables.delta import open_table, schema
from tables.plan import Plan, apply, plan, tables_of
from tables.system_tables import SYSTEM_TABLES


def contracts(settings: Settings, aws: Aws, datasets: Sequence[str] = ()) -> tuple[Contract, ...]:
    """The contracts of these datasets, or of all.

    Raises:
        ConfigurationError: there is none of that name.
        ContractError: one has problems.
    """
    store = ContractStore(settings, aws)
    names = store.names()
    unknown = [name for name in datasets if name not in names]
    if unknown or not names:
        raise ConfigurationError(
            f"no contract for {', '.join(unknown) or 'any dataset'} in {settings.contracts}; "
            f"there are: {', '.join(names) or 'none'}",
        )
    return tuple(store.current(name) for name in datasets or names)


def plans(settings: Settings, wanted: Sequence[Contract]) -> tuple[Plan, ...]:
    """What would change, contract by contract; the shared tables appear with the first."""
    made: list[Plan] = []
    for contract in wanted:
        planned = plan(contract, settings)
        said = {change.table for each in made for change in each.changes}
        made.append(Plan(contract.dataset, tuple(change for change in planned.changes if change.table not in said)))
    return tuple(made)


def prepare(settings: Settings, aws: Aws, wanted: Sequence[Contract]) -> tuple[Plan, ...]:
    """Makes the changes and registers every table; returns what was changed.

    Raises:
        TransientError: a driver is writing to a table that has to be rewritten, or a system is away: try again.
    """
    made = plans(settings, wanted)
    for contract, planned in zip(wanted, made, strict=True):
        _change(settings, aws, contract, planned)
        for each in tables_of(contract, settings):
            catalog.register(aws, settings, each.table, columns(each.uri, settings), each.uri, each.description)
    for name in SYSTEM_TABLES:
        uri = table_uri(settings.tables_bucket, name)
        catalog.register(aws, settings, name, columns(uri, settings), uri)
    return made


def _change(settings: Settings, aws: Aws, contract: Contract, planned: Plan) -> None:
    """A table is rewritten while no driver writes to it, as it is then; everything else goes on beside them."""
    if not planned.rewrites:
        apply(planned)
        return
    with held(Lake(settings, aws, ContractStore(settings, aws)), contract.dataset):
        apply(plan(contract, settings))


def columns(uri: str, settings: Settings) -> pa.Schema:
    """The table's columns in its own order: a column that a later contract added stands last."""
    handle = open_table(uri, settings)
    if handle is None:
        raise ConfigurationError(f"there is no table {uri}: run `ledgerlake tables apply`")
    return schema(handle)
