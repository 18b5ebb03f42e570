"""What the ledger says of decisions: on the row of a held upload, and in the list of holds that wait for one."""

from __future__ import annotations

from ingestion.ledger import Ledger, typed
from ingestion.row import Row
from ledgerlake.aws import transient
from ledgerlake.decisions import ENDS_HOLD, PROPOSE, Decision
from ledgerlake.layout import hold_item, upload_item

_NIL = "00000000-0000-0000-0000-000000000000"


def add_decision(ledger: Ledger, decision: Decision) -> None:
    """Records what was decided about a held upload, and takes it off the list of holds if that ended its hold."""
    if decision.kind not in {*ENDS_HOLD, PROPOSE}:
        return
    final = decision.kind in ENDS_HOLD
    name = "decision" if final else "proposal"
    ledger.update(
        upload_item(decision.upload_id),
        "SET #name = :text",
        typed({":text": decision.to_json()}),
        "attribute_exists(#grant) AND attribute_not_exists(#name)",
        {"#grant": "grant", "#name": name},
    )
    if final:
        close_hold(ledger, decision.dataset, decision.upload_id)


def open_hold(ledger: Ledger, dataset: str, upload_id: str) -> None:
    """Puts a held upload on the list."""
    with transient("list a hold"):
        item = typed(hold_item(dataset, upload_id))
        ledger.aws.dynamodb.put_item(TableName=ledger.settings.ledger_table, Item=item)


def close_hold(ledger: Ledger, dataset: str, upload_id: str) -> None:
    """Takes an upload off the list."""
    with transient("close a hold"):
        key = typed(hold_item(dataset, upload_id))
        ledger.aws.dynamodb.delete_item(TableName=ledger.settings.ledger_table, Key=key)


def listed_holds(ledger: Ledger, dataset: str) -> list[Row]:
    """Held uploads, the latest first; some of them may have been decided about already."""
    pages = ledger.pages(hold_item(dataset, _NIL)["pk"], "sk < :sk", "~")
    return [row for page in pages for row in ledger.read_many(page)]
