"""The emulator keeps DynamoDB's promise on which acceptance rests: transactions of many clients leave no gap.

This is the test that chose the emulator (ADR 5): the bare moto server fails it.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from ledgerlake.aws import Aws, ClientError, error_code
from ledgerlake.layout import acceptance_item, counter_item
from tests.conftest import Cloud

CLIENTS, EACH = 8, 12


def _key(item: dict[str, str]) -> dict[str, dict[str, str]]:
    return {name: {"S": value} for name, value in item.items()}


def _take_number(aws: Aws, upload_id: str) -> int:
    """The accept protocol's transaction: advance the counter on its read value and keep the number, or try again."""
    table = aws.settings.ledger_table
    while True:
        found = aws.dynamodb.get_item(TableName=table, Key=_key(counter_item("ducks")), ConsistentRead=True)
        last = int(found.get("Item", {}).get("last_seq", {"N": "0"})["N"])
        condition = "last_seq = :last" if last else "attribute_not_exists(last_seq)"
        values = {":next": {"N": str(last + 1)}, **({":last": {"N": str(last)}} if last else {})}
        acceptance = {**_key(acceptance_item("ducks", last + 1)), "upload_id": {"S": upload_id}}
        try:
            aws.dynamodb.transact_write_items(
                TransactItems=[
                    {
                        "Update": {
                            "TableName": table,
                            "Key": _key(counter_item("ducks")),
                            "ConditionExpression": condition,
                            "UpdateExpression": "SET last_seq = :next",
                            "ExpressionAttributeValues": values,
                        },
                    },
                    {
                        "Put": {
                            "TableName": table,
                            "Item": acceptance,
                            "ConditionExpression": "attribute_not_exists(pk)",
                        },
                    },
                ],
            )
        except ClientError as error:
            if error_code(error) != "TransactionCanceledException":
                raise
        else:
            return last + 1


@pytest.mark.timeout(120)
def test_eight_clients_at_once_leave_no_gap_and_lose_no_confirmed_number(fresh_cloud: Cloud) -> None:
    def client(number: int) -> list[tuple[int, str]]:
        aws = Aws(fresh_cloud.settings)
        return [(_take_number(aws, f"{number}-{each}"), f"{number}-{each}") for each in range(EACH)]

    with ThreadPoolExecutor(CLIENTS) as pool:
        confirmed = [pair for pairs in pool.map(client, range(CLIENTS)) for pair in pairs]

    stored = fresh_cloud.aws.dynamodb.query(
        TableName=fresh_cloud.settings.ledger_table,
        ConsistentRead=True,
        ExpressionAttributeValues={":pk": {"S": "dataset#ducks"}, ":seq": {"S": "seq#"}},
        KeyConditionExpression="pk = :pk AND begins_with(sk, :seq)",
    )["Items"]
    kept = [(int(item["sk"]["S"].removeprefix("seq#")), item["upload_id"]["S"]) for item in stored]
    assert kept == sorted(confirmed)
    assert [number for number, _ in kept] == list(range(1, CLIENTS * EACH + 1))
