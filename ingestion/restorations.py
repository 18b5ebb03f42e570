"""Writes that only a ledger that lost something needs; each may be repeated, none takes away what is newer."""

from __future__ import annotations

from ingestion.decided import open_hold
from ingestion.items import number, typed
from ingestion.ledger import Ledger
from ledgerlake.aws import transient
from ledgerlake.clock import to_text
from ledgerlake.events import Manifest, Outcome
from ledgerlake.layout import acceptance_item, counter_item, delivery_item, upload_item


def restore_acceptance(ledger: Ledger, manifest: Manifest, text: str) -> str | None:
    """Records what raw says of an acceptance; returns the upload that the ledger had under its number, if another.

    The row needs its grant first. An outcome that the row has already is not touched.
    """
    values = typed(
        {":manifest": text, ":landed": to_text(manifest.landed_at), ":accepted": to_text(manifest.accepted_at)},
    )
    expression = "SET manifest = :manifest, stages.landed = :landed, stages.accepted = :accepted"
    other = "(attribute_not_exists(manifest) OR manifest <> :manifest)"
    key = upload_item(manifest.upload_id)
    ledger.update(
        key,
        f"{expression}, #state = :state",
        values | typed({":state": "accepted"}),
        f"{other} AND attribute_not_exists(outcome)",
        {"#state": "state"},
    )
    ledger.update(key, expression, values, f"{other} AND attribute_exists(outcome)")
    acceptance = {**acceptance_item(manifest.dataset, manifest.seq), "upload_id": manifest.upload_id}
    ledger.update(
        delivery_item(manifest.dataset, manifest.fingerprint),
        "SET upload_id = :id, seq = :seq",
        {**typed({":id": manifest.upload_id}), ":seq": number(manifest.seq)},
        "attribute_not_exists(seq) OR seq <= :seq",
    )
    with transient("restore an acceptance"):
        old = ledger.aws.dynamodb.put_item(
            TableName=ledger.settings.ledger_table,
            Item=typed(acceptance),
            ReturnValues="ALL_OLD",
        ).get("Attributes")
    return str(old["upload_id"]["S"]) if old and old["upload_id"]["S"] != manifest.upload_id else None


def restore_outcome(ledger: Ledger, outcome: Outcome) -> None:
    """Records what became of an accepted upload, if the ledger does not know."""
    values = {":outcome": outcome.to_json(), ":state": outcome.state, ":at": to_text(outcome.applied_at)}
    ledger.update(
        upload_item(outcome.upload_id),
        "SET outcome = :outcome, #state = :state, stages.#stage = :at",
        typed(values),
        "attribute_exists(manifest) AND attribute_not_exists(outcome)",
        {"#state": "state", "#stage": outcome.state},
    )
    if outcome.state == "held":
        open_hold(ledger, outcome.dataset, outcome.upload_id)


def take_back(ledger: Ledger, upload_id: str, text: str) -> None:
    """The upload is only granted again: raw gave its number (in `text`, its manifest) to another upload."""
    ledger.update(
        upload_item(upload_id),
        "SET #state = :granted REMOVE manifest, stages.landed, stages.accepted",
        typed({":granted": "granted", ":manifest": text}),
        "manifest = :manifest",
        {"#state": "state"},
    )


def raise_counter(ledger: Ledger, dataset: str, seq: int) -> None:
    """The next number is above `seq`; a counter never goes back."""
    ledger.update(
        counter_item(dataset),
        "SET last_seq = :seq",
        {":seq": number(seq)},
        "attribute_not_exists(last_seq) OR last_seq < :seq",
    )
