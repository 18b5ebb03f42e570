"""Rows that enter again as cells say the same to executors as to a driver."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from pyspark.sql import SparkSession

from tables.odcs import load
from tests.books import Books, a_contract
from tests.conftest import Cloud

CAUSE = {"kind": "correct", "upload_id": "x", "decision": "1", "reason": "typing", "by": "ann"}
CELLS = (
    b'{"id": "a", "branch": "1", "as_of": "2026-03-31", "at": "2026-03-31T12:00:00Z", "amount": "1.50"}\n'
    b'{"id": "b", "branch": "1", "as_of": "2026-02-30", "at": null, "amount": "2.50"}\n'
)


def test_both_sizes_read_cells_where_files_are_no_text(fresh_cloud: Cloud, spark: SparkSession) -> None:
    said = []
    for dataset, size in (("small", 1 << 40), ("large", 1)):
        text = a_contract(dataset, mode="append").text
        parquet = "      - {property: fileFormat, value: {format: parquet}}\n    properties:"
        contract = load(text.replace("    properties:", parquet), f"{dataset}.yaml")
        books = Books(fresh_cloud.settings, fresh_cloud.aws, contract, spark)
        books.accept(CELLS, cause=CAUSE, declared_rows=2)
        (outcome,) = books.apply(1, 1, settings=replace(books.settings, small_batch_bytes=size))
        said.append((outcome.state, outcome.rows, outcome.merged, outcome.quarantined, outcome.money))
        assert [(row["id"], row["amount"]) for row in books.rows()] == [("a", Decimal("1.50"))]
    assert said[0] == said[1]
