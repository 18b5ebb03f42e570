"""Superseding: the rows of earlier uploads leave a table in the same commit that brings those of a corrected file.

Exact where a table has each row of each file, with its lineage: in mode `append`. In `upsert` a row of the earlier file
may have overwritten, or said the same as, a row of another file, so that some keys are folded again; elsewhere, what
would have to be known is remembered beside the table.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from tables import sql
from tables.contract import Contract
from tables.merge import Merge
from tables.mode import DELETE, OP
from tables.modes import MODES, change_schema

UPLOAD = "_upload_id"
_ROWS = "send the corrected rows as an upload, which replaces those of the same key"


def obstacle(contract: Contract) -> str | None:
    """Why no file of the dataset can take the place of another, and what to do instead; None if one can."""
    if MODES[contract.mode].alone:
        return f"each file of mode {contract.mode} is the whole state; send the corrected file as it is"
    if contract.mode == "upsert" and (contract.deletes or contract.ignore_nulls):
        option = "deletes" if contract.deletes else "ignoreNulls"
        return f"in mode upsert with {option} what it said is remembered for ever; {_ROWS}"
    if contract.mode == "upsert" and contract.engine == "spark":
        return f"in mode upsert that is done by the driver, and the contract wants engine spark; {_ROWS}"
    if contract.mode not in {"append", "upsert"}:
        return f"in mode {contract.mode} what it said is remembered for ever; {_ROWS}"
    if contract.dedupe:
        return "with dedupe a row of the earlier file may have kept out one of another; send the rows that are missing"
    return None


def departures(contract: Contract, uploads: Sequence[str]) -> pa.Table:
    """Changes (`tables.mode.Fold.changes`) that take away every row of these uploads."""
    said = {UPLOAD: pa.array(uploads, pa.string()), OP.name: pa.repeat(DELETE, len(uploads))}
    schema = change_schema(contract)
    columns = [said.get(each.name, pa.nulls(len(uploads), each.type)) for each in schema]
    return pa.table(columns, names=schema.names)


def merge_of_superseding(columns: Sequence[str]) -> Merge:
    """The merge that takes rows away by their upload, and puts those of an upload that the table does not know."""
    return Merge(identity=(UPLOAD,), compared=(), columns=tuple(columns), deletes=True)


def of_uploads(uploads: Sequence[str]) -> str:
    """SQL: the row came with one of these uploads."""
    return sql.one_of(sql.identifier(UPLOAD), list(uploads), pa.string())
