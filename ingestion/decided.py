"""What the ledger says of decisions: on the row of a held upload, and in the list of holds that wait for one."""

from __future__ import annotations

from ingestion.items import typed
from ingestion.ledger import Ledger
from ingestion.row import Row
from ledgerlake.aws import transient
from ledgerlake.decisions import ENDS_HOLD, REJECT, Decision
from ledgerlake.layout import hold_item, upload_item

_NIL = "00000000-0000-0000-0000-000000000000"


def add_decision(ledger: Ledger, decision: Decision) -> None:
    """Records what was decided about a held or superseded upload, and takes it off the list of holds."""
    match decision.kind:
        case "release" | "reject":
            _note(ledger, decision, "decision")
        case "propose":
            _note(ledger, decision, "proposal")
        case "supersede":
            for upload_id in decision.replaces:
                _set(ledger, upload_id, "superseded_by", decision)
    if decision.kind == REJECT:
        _take_back(ledger, decision.upload_id)
    if decision.kind in ENDS_HOLD:
        close_hold(ledger, decision.dataset, decision.upload_id)


def _note(ledger: Ledger, decision: Decision, name: str) -> None:
    """The first of its kind stands."""
    _set(ledger, decision.upload_id, name, decision, " AND attribute_not_exists(#name)")


def _set(ledger: Ledger, upload_id: str, name: str, decision: Decision, only: str = "") -> None:
    ledger.update(
        upload_item(upload_id),
        "SET #name = :text",
        typed({":text": decision.to_json()}),
        f"attribute_exists(#grant){only}",
        {"#grant": "grant", "#name": name},
    )


def _take_back(ledger: Ledger, rejected: str) -> None:
    """The uploads in whose place a rejected file would have come are not superseded by it."""
    row = ledger.read(rejected)
    for upload_id in row.manifest.supersedes if row and row.manifest else ():
        old = ledger.read(upload_id)
        if old and old.superseded_by and old.superseded_by.as_upload_id == rejected:
            text = typed({":text": old.texts["superseded_by"]})
            ledger.update(upload_item(upload_id), "REMOVE superseded_by", text, "superseded_by = :text")


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
