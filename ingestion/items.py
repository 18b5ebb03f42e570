"""Items of the ledger as DynamoDB takes them, and the writes that a transaction puts together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ingestion.row import Item
from ingestion.values import Grant
from ledgerlake.clock import to_text
from ledgerlake.events import Manifest
from ledgerlake.layout import acceptance_item, counter_item, delivery_item, listing_item, upload_item

Write = dict[str, Any]


def granting(table: str, grant: Grant) -> list[Write]:
    """A row for the upload, which keeps what is known of it already, and its place in the tenant's listing."""
    values = {":grant": grant.to_json(), ":state": "granted"}
    stages = {":stages": {"M": typed({"granted": to_text(grant.granted_at)})}}
    row = {
        "TableName": table,
        "Key": typed(upload_item(grant.upload_id)),
        "UpdateExpression": "SET #grant = if_not_exists(#grant, :grant), "
        "#state = if_not_exists(#state, :state), stages = if_not_exists(stages, :stages)",
        "ExpressionAttributeNames": {"#grant": "grant", "#state": "state"},
        "ExpressionAttributeValues": typed(values) | stages,
    }
    listing = typed(listing_item(grant.dataset, grant.tenant, grant.upload_id))
    return [{"Update": row}, {"Put": {"TableName": table, "Item": listing}}]


def acceptance(table: str, manifest: Manifest, below: int) -> list[Write]:
    """The manifest on its row, the counter one further, the acceptance, and the delivery as that of this upload.

    All depend on the number before being the last, on the row being granted and undecided, and on the delivery being a
    new one; or one that came with a number `below` that it may come again.
    """
    values = {
        ":manifest": manifest.to_json(),
        ":state": "accepted",
        ":landed": to_text(manifest.landed_at),
        ":accepted": to_text(manifest.accepted_at),
    }
    row = {
        "TableName": table,
        "Key": typed(upload_item(manifest.upload_id)),
        "UpdateExpression": "SET manifest = :manifest, #state = :state, "
        "stages.landed = :landed, stages.accepted = :accepted",
        "ConditionExpression": "attribute_exists(#grant) AND attribute_not_exists(manifest) "
        "AND attribute_not_exists(rejection)",
        "ExpressionAttributeNames": {"#grant": "grant", "#state": "state"},
        "ExpressionAttributeValues": typed(values),
    }
    counter = {
        "TableName": table,
        "Key": typed(counter_item(manifest.dataset)),
        "UpdateExpression": "SET last_seq = :next",
        "ConditionExpression": "last_seq = :last",
        "ExpressionAttributeValues": {":next": number(manifest.seq), ":last": number(manifest.seq - 1)},
    }
    accepted = {
        "TableName": table,
        "Item": typed({**acceptance_item(manifest.dataset, manifest.seq), "upload_id": manifest.upload_id}),
        "ConditionExpression": "attribute_not_exists(pk)",
    }
    brought = {**delivery_item(manifest.dataset, manifest.fingerprint), "upload_id": manifest.upload_id}
    delivery = {
        "TableName": table,
        "Item": {**typed(brought), "seq": number(manifest.seq)},
        "ConditionExpression": "attribute_not_exists(pk) OR upload_id = :id OR seq < :below",
        "ExpressionAttributeValues": {**typed({":id": manifest.upload_id}), ":below": number(below)},
    }
    return [{"Update": row}, {"Update": counter}, {"Put": accepted}, {"Put": delivery}]


def typed(values: Mapping[str, str]) -> Item:
    """Texts as DynamoDB takes them."""
    return {name: {"S": value} for name, value in values.items()}


def number(value: int) -> dict[str, str]:
    """A whole number as DynamoDB takes it."""
    return {"N": str(value)}
