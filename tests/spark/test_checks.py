"""A table that a plan made is fenced alike by both engines."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from ledgerlake.errors import LedgerlakeError
from ledgerlake.layout import table_uri
from tables import delta
from tables.modes import table_schema
from tables.odcs import load
from tables.plan import apply, plan
from tests.conftest import Cloud

CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: x
version: 1.0.0
status: active
schema:
  - name: trades
    properties:
      - {name: id, logicalType: integer, required: true, logicalTypeOptions: {minimum: -9223372036854775808}}
      - {name: day, logicalType: date, logicalTypeOptions: {minimum: 0001-01-02, maximum: 9999-12-30}}
      - {name: amount, logicalType: number, physicalType: 'decimal(38,2)', logicalTypeOptions: {minimum: 0.01}}
      - {name: status, logicalType: string, enum: [{value: NEW}, {value: 'a b'}]}
      - {name: note, logicalType: string, logicalTypeOptions: {maxLength: 2}}
"""
GOOD = {"id": -(2**63), "day": date(1, 1, 2), "amount": Decimal("9" * 36 + ".99"), "status": "a b", "note": "äß"}
NULLS = {"id": 1, "day": None, "amount": None, "status": None, "note": None}
BAD = (
    {"day": date(1, 1, 1)},
    {"day": date(9999, 12, 31)},
    {"amount": Decimal("0.00")},
    {"status": "a"},
    {"note": "abc"},
)


@pytest.mark.timeout(300)
def test_both_engines_accept_and_refuse_the_same_rows(fresh_cloud: Cloud, spark: SparkSession) -> None:
    contract = load(CONTRACT, "trades.yaml")
    apply(plan(contract, fresh_cloud.settings))
    uri = table_uri(fresh_cloud.settings.tables_bucket, "trades")

    def rows(found: dict[str, Any]) -> pa.Table:
        lineage = {"_upload_id": "u", "_seq": 1, "_row": 1}
        return pa.Table.from_pylist([{**found, **lineage}], schema=table_schema(contract))

    def by_spark(found: dict[str, Any]) -> bool:
        try:
            (
                spark.createDataFrame(rows(found))
                .write.format("delta")
                .mode("append")
                .save(uri.replace("s3://", "s3a://"))
            )
        except (PySparkException, Py4JJavaError):
            return False
        return True

    def by_deltalake(found: dict[str, Any]) -> bool:
        handle = delta.open_table(uri, fresh_cloud.settings)
        assert handle is not None
        version = delta.applied(handle, "a") + 1
        try:
            delta.append(handle, rows(found), app_id="a", version=version, metadata=None)
        except LedgerlakeError:
            return False
        return True

    for found in (GOOD, NULLS):
        assert by_spark(found)
        assert by_deltalake(found)
    for bad in BAD:
        assert not by_spark({**GOOD, **bad}), bad
        assert not by_deltalake({**GOOD, **bad}), bad
    handle = delta.open_table(uri, fresh_cloud.settings)
    assert handle is not None
    assert delta.select(handle, "SELECT DISTINCT id, day, amount, status, note FROM t").num_rows == 2
