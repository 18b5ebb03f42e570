"""The fold of uploads into a table, against a model in plain Python that shares no code with it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streaming_jobs.fold import Fate, fold, sums, tallies
from streaming_jobs.modes import MODES
from tables.contract import Column, Contract, Kind
from tests.model import Model, Row

COLUMNS = (
    Column("id", Kind.STRING, required=True),
    Column("branch", Kind.INTEGER),
    Column("as_of", Kind.DATE),
    Column("amount", Kind.DECIMAL, 38, 2, money=True),
)
UPSERT = Contract(
    dataset="books",
    version="1.0.0",
    sha256="0" * 64,
    columns=COLUMNS,
    primary_key=("id", "branch"),
    mode="upsert",
    sequence_by="as_of",
)
BY_ARRIVAL = replace(UPSERT, sequence_by=None)
APPEND = replace(UPSERT, mode="append", primary_key=(), sequence_by=None)


ROW = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["a", "b", "10", "9"]),
        "branch": st.sampled_from([None, 0, 9, 10]),
        "as_of": st.sampled_from([None, date.min, date(2026, 3, 31), date(2026, 4, 1), date.max]),
        "amount": st.none() | st.integers(-(10**38) + 1, 10**38 - 1).map(lambda cents: Decimal(f"{cents}e-2")),
    },
)
UPLOADS = st.lists(st.lists(ROW, max_size=8), max_size=6).map(
    lambda uploads: [
        [{**row, "_upload_id": f"upload {seq}", "_seq": seq, "_row": line} for line, row in enumerate(rows, start=2)]
        for seq, rows in enumerate(uploads, start=1)
    ],
)


def _table(rows: list[Row], contract: Contract) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=contract.table_schema)


def _runs(uploads: list[list[Row]], cuts: set[int]) -> list[list[Row]]:
    runs: list[list[Row]] = [[]]
    for seq, rows in enumerate(uploads):
        if seq in cuts:
            runs.append([])
        runs[-1].extend(rows)
    return runs


@pytest.mark.parametrize("contract", [UPSERT, BY_ARRIVAL, APPEND], ids=["by business date", "by arrival", "append"])
@settings(deadline=None)
@given(uploads=UPLOADS, cuts=st.sets(st.integers(0, 6)), data=st.data())
def test_rows_and_counts_equal_a_plain_model_however_uploads_are_batched(
    contract: Contract,
    uploads: list[list[Row]],
    cuts: set[int],
    data: st.DataObject,
) -> None:
    model = Model(contract.primary_key, contract.sequence_by)
    for upload in uploads:
        model.apply(upload)
    table: dict[Any, Row] = {}
    counts: Counter[tuple[int, str]] = Counter()
    for run in _runs(uploads, cuts):
        rows = _table(data.draw(st.permutations(run)), contract)
        folded = fold(rows, contract, MODES[contract.mode], _table(list(table.values()), contract))
        counts.update(
            {
                (seq, fate.name.lower()): each.rows
                for (seq, fate), each in tallies(folded.fates, rows, contract.money).items()
            },
        )
        table.update({model.key_of(row): row for row in folded.changes.to_pylist()})
    assert table == model.table
    assert counts == model.fates


def _cents(amount: Decimal) -> int:
    whole, _, fraction = format(amount, "f").partition(".")
    return int(whole + fraction.ljust(2, "0"))


@settings(deadline=None)
@given(uploads=UPLOADS)
def test_money_of_all_fates_adds_up_to_the_cent(uploads: list[list[Row]]) -> None:
    everything = [row for upload in uploads for row in upload]
    rows = _table(everything, UPSERT)
    found = tallies(fold(rows, UPSERT, MODES["upsert"]).fates, rows, ["amount"])
    assert sum(_cents(tally.money["amount"]) for tally in found.values()) == sum(
        _cents(row["amount"]) for row in everything if row["amount"] is not None
    )


def test_sums_beyond_38_digits_do_not_wrap_around() -> None:
    highest = Decimal("9" * 38)
    assert sums(pa.table({"x": pa.array([highest] * 11, pa.decimal128(38, 0))})) == {
        "x": Decimal("10" + "9" * 36 + "89"),
    }


def test_a_row_that_ties_with_the_table_wins_because_it_came_later() -> None:
    row = {"id": "a", "branch": 1, "as_of": date(2026, 1, 1), "amount": None, "_upload_id": "u", "_seq": 2, "_row": 2}
    folded = fold(_table([row], UPSERT), UPSERT, MODES["upsert"], _table([{**row, "_seq": 1, "_row": 99}], UPSERT))
    assert list(folded.fates) == [Fate.MERGED]
    assert folded.changes.to_pylist() == [row]
