"""Superseding: the rows of earlier uploads leave a table in the same commit that brings those of a corrected file.

Where a table has each row of each file, they go by their lineage: in mode `append`. Where rows have keys, a row of the
earlier file may have overwritten one of another file, kept it out, or said the same: some keys are folded again
(`tables.refold`).
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


def obstacle(contract: Contract) -> str | None:
    """Why no file of the dataset can take the place of another, and what to do instead; None if one can."""
    if MODES[contract.mode].alone:
        return f"each file of mode {contract.mode} is the whole state; send the corrected file as it is"
    return None


def by_lineage(contract: Contract) -> bool:
    """Whether the table has each row of each file, so that those of one upload just go; else keys are folded again."""
    return contract.mode == "append" and not contract.dedupe


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
