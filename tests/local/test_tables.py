"""Tables, contracts and catalog on a real S3 server and the emulator."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from ledgerlake.errors import ContractError, LedgerlakeError, TransientError
from ledgerlake.layout import app_id, table_uri
from tables import catalog, define, delta
from tables.contract import Contract
from tables.contract_store import ContractStore
from tables.modes import table_schema
from tables.odcs import load
from tables.plan import apply, assert_safe, plan
from tests.conftest import Cloud

HEAD = "apiVersion: v3.2.0\nkind: DataContract\nid: x\nversion: 1.0.0\nstatus: active\n"
PROPERTIES = """\
      - {name: id, logicalType: integer, primaryKey: true, required: true}
      - {name: day, logicalType: date, required: true, partitioned: true, logicalTypeOptions: {minimum: '0001-01-01'}}
      - {name: amount, logicalType: number, physicalType: 'decimal(38,2)', required: true, \
logicalTypeOptions: {minimum: 0.01}}
      - {name: status, logicalType: string, enum: [{value: NEW}, {value: DONE}]}
"""


def a_text(properties: str = PROPERTIES, days: int = 3660) -> str:
    return (
        f"{HEAD}slaProperties: [{{property: retention, value: {days}, unit: d}}]\nschema:\n  - name: trades\n"
        f"    properties:\n{properties}"
    )


def a_contract(properties: str = PROPERTIES, days: int = 3660) -> Contract:
    return load(a_text(properties, days), "trades.yaml")


def planned(cloud: Cloud, contract: Contract) -> list[str]:
    return [f"{change.table}: {change.words}" for change in plan(contract, cloud.settings).changes]


def opened(cloud: Cloud) -> delta.DeltaTable:
    handle = delta.open_table(table_uri(cloud.settings.tables_bucket, "trades"), cloud.settings)
    assert handle is not None
    return handle


def rows(contract: Contract, *found: dict[str, object]) -> pa.Table:
    lineage = {"_upload_id": "u", "_seq": 1, "_row": 2}
    return pa.Table.from_pylist([{**lineage, **each} for each in found], schema=table_schema(contract))


A_ROW = {"id": 1, "day": date(1, 1, 1), "amount": Decimal("0.01"), "status": None}


def test_a_plan_creates_three_safe_tables_and_then_has_nothing_to_do(fresh_cloud: Cloud) -> None:
    contract = a_contract()
    assert delta.open_table(table_uri(fresh_cloud.settings.tables_bucket, "trades"), fresh_cloud.settings) is None
    first = plan(contract, fresh_cloud.settings)
    assert [change.table for change in first.changes] == ["uploads", "quarantine", "trades"]
    apply(first)
    apply(first)  # a second operator at the same time
    assert planned(fresh_cloud, contract) == []
    handle = opened(fresh_cloud)
    assert_safe(handle)
    assert delta.schema(handle).equals(table_schema(contract))
    found = handle.metadata().configuration
    assert found["delta.deletedFileRetentionDuration"] == found["delta.logRetentionDuration"] == "interval 3660 days"
    assert found["delta.enableExpiredLogCleanup"] == "false"
    assert handle.metadata().partition_columns == ["day"]


@pytest.mark.parametrize("bad", [{"amount": Decimal("0.00")}, {"status": "OLD"}])
def test_a_row_that_breaks_a_rule_is_refused_by_the_table_too(fresh_cloud: Cloud, bad: dict[str, object]) -> None:
    contract = a_contract()
    apply(plan(contract, fresh_cloud.settings))
    handle = opened(fresh_cloud)
    delta.append(handle, rows(contract, A_ROW), app_id="a", version=1, metadata=None)
    with pytest.raises(LedgerlakeError):
        delta.append(handle, rows(contract, {**A_ROW, **bad}), app_id="a", version=2, metadata=None)
    assert delta.applied(opened(fresh_cloud), "a") == 1


def test_a_table_is_widened_and_never_narrowed(fresh_cloud: Cloud) -> None:
    apply(plan(a_contract(days=100), fresh_cloud.settings))
    old = a_contract()
    delta.append(opened(fresh_cloud), rows(old, A_ROW), app_id="a", version=1, metadata=None)
    new = a_contract(
        PROPERTIES.replace("0.01", "1000").replace(
            "status, logicalType: string",
            ("status, logicalType: string, required: true"),
        )
        + "      - {name: fee, logicalType: number, physicalType: "
        "'decimal(9,2)', required: true, logicalTypeOptions: {minimum: 0}}\n",
    )
    assert planned(fresh_cloud, new) == [
        "trades: add fee decimal128(9, 2) (earlier rows have none)",
        "trades: drop CHECK amount_valid: its rule changed",
        "trades: add CHECK fee_valid",
        "trades: keep bounds of every file for its columns, where they are exact",
        "trades: keep history for 3660 days instead of 100",
    ]
    apply(plan(new, fresh_cloud.settings))
    assert planned(fresh_cloud, new) == []
    handle = opened(fresh_cloud)
    assert_safe(handle)
    late = {**A_ROW, "id": 2}
    delta.append(handle, rows(old, late), app_id="a", version=2, metadata=None)  # accepted under the earlier contract
    found = delta.select(handle, "SELECT id, fee FROM t ORDER BY id").to_pylist()
    assert found == [{"id": 1, "fee": None}, {"id": 2, "fee": None}]
    with pytest.raises(LedgerlakeError):
        delta.append(handle, rows(new, {**late, "fee": Decimal(-1)}), app_id="a", version=3, metadata=None)


def test_a_column_may_become_optional(fresh_cloud: Cloud) -> None:
    apply(plan(a_contract(), fresh_cloud.settings))
    relaxed = a_contract(PROPERTIES.replace("'decimal(38,2)', required: true", "'decimal(38,2)'"))
    assert "trades: let amount be null" in planned(fresh_cloud, relaxed)
    apply(plan(relaxed, fresh_cloud.settings))
    delta.append(opened(fresh_cloud), rows(relaxed, {**A_ROW, "amount": None}), app_id="a", version=1, metadata=None)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("decimal(38,2)", "decimal(38,3)", "column 'amount' is now"),
        (", partitioned: true", "", "partitioned by nothing"),
        (", primaryKey: true", "", "primary key nothing"),
    ],
)
def test_what_would_lose_or_falsify_rows_is_refused_with_the_way_out(
    fresh_cloud: Cloud,
    old: str,
    new: str,
    words: str,
) -> None:
    apply(plan(a_contract(), fresh_cloud.settings))
    with pytest.raises(ContractError, match=words) as caught:
        plan(a_contract(PROPERTIES.replace(old, new)), fresh_cloud.settings)
    assert "trades_2" in str(caught.value)


def test_a_table_with_features_that_some_engine_lacks_is_refused(fresh_cloud: Cloud) -> None:
    apply(plan(a_contract(), fresh_cloud.settings))
    define.set_properties(opened(fresh_cloud), {"delta.enableDeletionVectors": "true"})
    with pytest.raises(LedgerlakeError, match="at most reader 1"):
        plan(a_contract(), fresh_cloud.settings)


def test_of_two_writers_of_the_same_progress_one_is_told_to_try_again(fresh_cloud: Cloud) -> None:
    contract = a_contract()
    apply(plan(contract, fresh_cloud.settings))
    handles = [opened(fresh_cloud) for _ in range(4)]

    def write(number: int) -> bool:
        try:
            delta.append(
                handles[number],
                rows(contract, {**A_ROW, "id": number}),
                app_id=app_id("trades"),
                version=1,
                metadata=None,
            )
        except TransientError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(write, range(4))) == 1
    assert delta.select(opened(fresh_cloud), "SELECT count(*) AS n FROM t")["n"].to_pylist() == [1]


def test_the_catalog_follows_the_schema_and_is_else_left_alone(fresh_cloud: Cloud) -> None:
    contract, uri = a_contract(), table_uri(fresh_cloud.settings.tables_bucket, "trades")
    schema = table_schema(contract)
    assert catalog.register(fresh_cloud.aws, fresh_cloud.settings, "trades", schema, uri)
    assert not catalog.register(fresh_cloud.aws, fresh_cloud.settings, "trades", schema, uri)
    wider = schema.append(pa.field("note", pa.string()))
    assert catalog.register(fresh_cloud.aws, fresh_cloud.settings, "trades", wider, uri)
    found = fresh_cloud.aws.glue.get_table(DatabaseName=fresh_cloud.settings.database, Name="trades")["Table"]
    assert [(each["Name"], each["Type"]) for each in found["StorageDescriptor"]["Columns"]] == [
        ("id", "bigint"),
        ("day", "date"),
        ("amount", "decimal(38,2)"),
        ("status", "string"),
        ("_upload_id", "string"),
        ("_seq", "bigint"),
        ("_row", "bigint"),
        ("note", "string"),
    ]
    assert found["Parameters"]["spark.sql.sources.provider"] == "delta"
    assert found["StorageDescriptor"]["SerdeInfo"]["Parameters"]["path"] == uri
    assert found["PartitionKeys"] == []


def test_a_changed_contract_is_seen_without_restart(fresh_cloud: Cloud, tmp_path: Path) -> None:
    store = ContractStore(replace(fresh_cloud.settings, contracts=str(tmp_path)), fresh_cloud.aws)
    with pytest.raises(KeyError):
        store.current("trades")
    (tmp_path / "trades.yaml").write_text(a_text(), encoding="utf-8")
    assert store.names() == ("trades",)
    first = store.current("trades")
    assert store.current("trades") is first
    (tmp_path / "trades.yaml").write_text(a_text(days=4000), encoding="utf-8")
    assert store.current("trades").audit_days == 4000
    (tmp_path / "orders.yaml").write_text(a_text(), encoding="utf-8")
    with pytest.raises(ContractError, match=r"Rename the file to trades\.yaml"):
        store.current("orders")


def test_contracts_under_an_s3_prefix_are_followed_too(fresh_cloud: Cloud) -> None:
    bucket = fresh_cloud.settings.tables_bucket
    store = ContractStore(replace(fresh_cloud.settings, contracts=f"s3://{bucket}/contracts/"), fresh_cloud.aws)
    assert store.names() == ()
    with pytest.raises(KeyError):
        store.current("trades")
    fresh_cloud.aws.s3.put_object(Bucket=bucket, Key="contracts/trades.yaml", Body=a_text().encode())
    first = store.current("trades")
    assert store.names() == ("trades",)
    assert store.current("trades") is first
    fresh_cloud.aws.s3.put_object(Bucket=bucket, Key="contracts/trades.yaml", Body=a_text(days=4000).encode())
    assert store.current("trades").audit_days == 4000


def test_a_pinned_contract_is_the_text_of_its_hash_for_ever(fresh_cloud: Cloud, tmp_path: Path) -> None:
    settings = replace(fresh_cloud.settings, contracts=str(tmp_path))
    contract = a_contract()
    with pytest.raises(KeyError):
        ContractStore(settings, fresh_cloud.aws).pinned("trades", contract.sha256)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: ContractStore(settings, fresh_cloud.aws).pin(contract), range(4)))
    assert ContractStore(settings, fresh_cloud.aws).pinned("trades", contract.sha256) == contract
    with pytest.raises(KeyError):
        ContractStore(settings, fresh_cloud.aws).pinned("trades", "no hash")
