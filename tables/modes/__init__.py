"""The merge modes. Each is one module here that defines `MODE`; nothing else needs to know of it."""

from __future__ import annotations

import importlib
import pkgutil

import pyarrow as pa

from tables.believed import believing
from tables.contract import Contract
from tables.mode import OP, Mode

MODES: dict[str, Mode] = {
    mode.name: believing(mode)
    for found in pkgutil.iter_modules(__path__)
    for mode in [importlib.import_module(f"{__name__}.{found.name}").MODE]
}
"""Name, as a contract's `mode` says it, to mode."""


def table_schema(contract: Contract) -> pa.Schema:
    """Schema of the Delta table: the stored columns and lineage of a row, then what its mode adds."""
    return pa.schema([*contract.stored_schema, *MODES[contract.mode].adds(contract)])


def change_schema(contract: Contract) -> pa.Schema:
    """Schema of `Fold.changes`: a deletion has no more than the identity of its row."""
    return pa.schema([*(each.with_nullable(True) for each in table_schema(contract)), OP])  # the name says it
