"""An upsert of values of every type, folded and then merged by deltalake on a folder."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from tables import delta
from tables.contract import Column, Contract, Kind
from tables.merge import merge_of
from tables.mode import OP, UPSERT, Fate, Turn
from tables.modes import MODES, table_schema

VALUES = {
    Kind.STRING: (None, "", "10", "9", "ä"),
    Kind.INTEGER: (None, -(2**63), 9, 10, 2**63 - 1),
    Kind.DECIMAL: (None, Decimal("-9.00"), Decimal("9.00"), Decimal("10.00")),
    Kind.DATE: (None, date.min, date(2026, 3, 31), date.max),
    Kind.TIMESTAMP: (None, datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)),
    Kind.BOOLEAN: (None, False, True),
}
"""Each ascending; as text, 10 would stand before 9."""


def a_contract(kind: Kind) -> Contract:
    columns = (Column("id", Kind.INTEGER), Column("newest_by", kind, 38, 2), Column("amount", Kind.INTEGER))
    return Contract("books", "1.0.0", "0" * 64, columns, ("id",), "upsert", "newest_by")


def merged(folder: Path, contract: Contract, there: list[dict[str, Any]], run: list[dict[str, Any]]) -> pa.Table:
    """The table after one more run, by the fold and the merge of the contract's mode."""
    schema, mode = table_schema(contract), MODES[contract.mode]
    write_deltalake(folder, pa.Table.from_pylist(there, schema=schema))
    handle, rows = DeltaTable(folder), pa.Table.from_pylist(run, schema=contract.row_schema)
    known = delta.select(handle, "SELECT * FROM t").append_column(OP, pa.array([UPSERT] * len(there)))
    found = mode.fold(rows, known, contract, Turn(2, "2", datetime(2026, 3, 31, tzinfo=UTC)))
    assert {Fate(fate) for fate in found.fates} <= {Fate.MERGED, Fate.SUPERSEDED}
    spec = merge_of(contract, mode, schema.names, deletes=False)
    delta.merge(handle, found.changes, spec, app_id="a", version=1, metadata=None)
    return delta.select(handle, "SELECT * FROM t")


@pytest.mark.parametrize("kind", list(Kind))
def test_an_older_row_never_overwrites_and_a_tie_goes_to_the_later_upload(tmp_path: Path, kind: Kind) -> None:
    contract, pairs = a_contract(kind), list(product(VALUES[kind], repeat=2))
    there = [_row(key, old, 1) for key, (old, _) in enumerate(pairs)]
    run = [_row(key, new, 2) for key, (_, new) in enumerate(pairs)]
    winners = {row["id"]: row["_seq"] for row in merged(tmp_path, contract, there, run).to_pylist()}
    order = VALUES[kind].index
    assert winners == {key: 2 if order(new) >= order(old) else 1 for key, (old, new) in enumerate(pairs)}


def test_rows_without_a_key_are_one_row(tmp_path: Path) -> None:
    contract = a_contract(Kind.DATE)
    rows = merged(tmp_path, contract, [_row(None, None, 1)], [_row(None, date.min, 2)])
    assert rows["_seq"].to_pylist() == [2]


def _row(key: int | None, newest_by: Any, seq: int) -> dict[str, Any]:
    return {"id": key, "newest_by": newest_by, "amount": seq, "_upload_id": str(seq), "_seq": seq, "_row": 2}
