"""Bounds of files, by which readers leave them out: a row is found and merged whatever digits its key has."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tables import delta, sql
from tables.contract import Column, Contract, Kind
from tables.evolve import Wanted, create
from tables.merge import merge_of
from tables.mode import changes
from tables.modes import MODES, table_schema
from tests.unit.test_delta import SETTINGS

KEYS = (
    (Column("id", Kind.DECIMAL, 18, 2), Decimal("1234567890123456.79")),
    (Column("id", Kind.DECIMAL, 38, 2), Decimal("123456789012345678901234567890123456.97")),
    (Column("id", Kind.DECIMAL, 15, 2), Decimal("1234567890123.79")),
    (Column("id", Kind.TIMESTAMP), datetime(2026, 1, 1, 12, 0, 0, 1, tzinfo=UTC)),
    (Column("id", Kind.TIMESTAMP), datetime.max.replace(tzinfo=UTC)),
    (Column("id", Kind.DATE), date.min),
    (Column("id", Kind.INTEGER), 2**63 - 1),
    (Column("id", Kind.STRING), "ä" * 100),
    (Column("id", Kind.BOOLEAN), True),
    (Column("a`b, c.d", Kind.STRING), "it's"),
)


@pytest.mark.parametrize(("column", "value"), KEYS, ids=[str(value)[:30] for _, value in KEYS])
def test_a_row_is_found_again_by_its_key_and_by_any_comparison_with_it(
    tmp_path: Path, column: Column, value: Any
) -> None:
    contract = Contract("books", "1.0.0", "0" * 64, (column, Column("amount", Kind.INTEGER)), (column.name,), "upsert")
    create(Wanted("books", str(tmp_path), table_schema(contract), days=1), SETTINGS).run()
    handle = delta.open_table(str(tmp_path), SETTINGS)
    assert handle is not None
    spec = merge_of(contract, MODES["upsert"], delta.schema(handle).names, deletes=False)
    for seq in (1, 2):
        row = {column.name: value, "amount": seq, "_upload_id": str(seq), "_seq": seq, "_row": 2}
        rows = pa.Table.from_pylist([row], schema=contract.row_schema)
        delta.merge(handle, changes(rows, contract), spec, app_id="a", version=seq, metadata=None)
    name, literal = sql.identifier(column.name), sql.literal(value, column.arrow)
    for only in ("TRUE", *(f"{name} {operator} {literal}" for operator in ("=", "<=", ">="))):
        found = delta.select(handle, f"SELECT _seq FROM t WHERE {only}")  # noqa: S608  # quoted
        assert found.to_pylist() == [{"_seq": 2}]
