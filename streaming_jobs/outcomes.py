"""What became of each upload, told to those who ask: the ledger, and the `uploads` table.

The truth is the `userMetadata` of the data table's commits. The ledger and lineage are told first and `uploads` last,
so that its `txn` version says up to which upload everybody knows; `recover` tells the rest again, which changes nothing
that was already said.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from itertools import islice
from typing import Any

import pyarrow as pa

from ledgerlake.aws import ClientError, error_code, transient
from ledgerlake.clock import to_text
from ledgerlake.errors import HistoryError
from ledgerlake.events import Manifest, Outcome
from ledgerlake.layout import app_id, hold_item, upload_item
from streaming_jobs import lineage
from streaming_jobs.lake import Lake
from streaming_jobs.open_tables import Handle, newest
from streaming_jobs.runs import manifests
from tables import delta, system_tables

SCHEMA = "ledgerlake.commit/1"


def to_metadata(outcomes: Sequence[Outcome]) -> str:
    """The `userMetadata` of the commit that applies these uploads (ascending, one dataset)."""
    members = [json.loads(outcome.to_json()) for outcome in outcomes]
    return json.dumps(
        {
            "schema": SCHEMA,
            "dataset": outcomes[0].dataset,
            "first_seq": outcomes[0].seq,
            "last_seq": outcomes[-1].seq,
            "outcomes": members,
        },
        sort_keys=True,
        separators=(",", ":"),
    )


def from_metadata(text: str | None, version: int) -> tuple[Outcome, ...]:
    """The outcomes in a commit's `userMetadata`, at their version; none if the commit applied no upload."""
    try:
        members = json.loads(text or "null")
    except json.JSONDecodeError:
        return ()
    if not isinstance(members, dict) or members.get("schema") != SCHEMA:
        return ()
    return tuple(replace(Outcome.from_members(each), version=version) for each in members["outcomes"])


def recover(lake: Lake, dataset: str) -> tuple[Outcome, ...]:
    """Tells what a crash left untold between a commit and the `uploads` table; returns it. Safe to call at any time.

    Raises:
        ConfigurationError: a table does not exist.
        HistoryError: as `committed`.
        TransientError: try again.
    """
    uploads = newest(lake, dataset, "uploads")
    told = delta.applied(uploads, app_id(dataset))
    untold = committed(newest(lake, dataset, dataset), dataset, told)
    if untold:
        _tell(lake, uploads, untold, tuple(islice(manifests(lake, dataset, told + 1, len(untold)), len(untold))))
    return untold


def committed(data: Handle, dataset: str, after: int) -> tuple[Outcome, ...]:
    """Outcomes of all applied uploads above `after`, ascending, from the newest commits of the data table.

    Raises:
        HistoryError: the log does not hold them all any more.
    """
    applied = delta.applied(data, app_id(dataset))
    found: dict[int, Outcome] = {}
    limit = 4
    while len(found) < applied - after:
        entries = data.history(limit)
        for entry in entries:
            found.update(
                {
                    outcome.seq: outcome
                    for outcome in from_metadata(entry.get("userMetadata"), entry["version"])
                    if outcome.seq > after
                },
            )
        if len(entries) < limit:
            break
        limit *= 4
    if len(found) != max(applied - after, 0):
        missing = sorted(set(range(after + 1, applied + 1)) - set(found))
        msg = (
            f"{dataset}: the table's log does not say what became of upload {missing[0]}"
            f"{f' and {len(missing) - 1} more' if missing[1:] else ''}. Restore the log files, or rebuild the table"
        )
        raise HistoryError(msg)
    return tuple(found[seq] for seq in sorted(found))


def tell(lake: Lake, outcomes: Sequence[Outcome], uploads: Sequence[Manifest]) -> None:
    """Tells the ledger and `uploads` of a run that was just committed, and of what a crash left untold before it.

    Raises:
        TransientError: try again, or leave it to `recover`.
    """
    dataset = outcomes[0].dataset
    table = newest(lake, dataset, "uploads")
    if delta.applied(table, app_id(dataset)) == outcomes[0].seq - 1:
        _tell(lake, table, outcomes, uploads)
    else:
        recover(lake, dataset)


def _tell(lake: Lake, table: Handle, outcomes: Sequence[Outcome], uploads: Sequence[Manifest]) -> None:
    tell_ledger(lake, outcomes)
    for event in lineage.events(lake.settings, outcomes, uploads, lake.clock()):
        lake.lineage(event)
    rows = [
        {**{name: getattr(manifest, name) for name in system_tables.OF_MANIFEST}, **asdict(outcome)}
        for outcome, manifest in zip(outcomes, uploads, strict=True)
    ]
    dataset, last = outcomes[-1].dataset, outcomes[-1].seq
    there = [name for name in system_tables.UPLOADS.names if name in delta.schema(table).names]
    delta.append(
        table,
        pa.Table.from_pylist(rows, schema=system_tables.UPLOADS).select(there),
        app_id=app_id(dataset),
        version=last,
        metadata=None,
    )


def tell_ledger(lake: Lake, outcomes: Sequence[Outcome]) -> None:
    """Sets state, outcome and stage of each upload. An item that the ledger has lost is left to `ledger rebuild`."""
    client = lake.aws.dynamodb  # made here: boto3's session is not safe to share between threads
    with transient("tell the ledger"):
        if len(outcomes) == 1:
            _tell_item(client, lake.settings.ledger_table, outcomes[0])
            return
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda outcome: _tell_item(client, lake.settings.ledger_table, outcome), outcomes))


def _tell_item(client: Any, table: str, outcome: Outcome) -> None:
    """A file that is held without a version waits for a decision: it has not reached that stage for good."""
    stage = "" if outcome.version is None else ", stages.#stage = :at"
    names = {"#state": "state", **({"#stage": outcome.state} if stage else {})}
    values = {":state": outcome.state, ":outcome": outcome.to_json()}
    values |= {":at": to_text(outcome.applied_at)} if stage else {}
    try:
        now = client.update_item(
            TableName=table,
            Key=_typed(upload_item(outcome.upload_id)),
            UpdateExpression=f"SET #state = :state, outcome = :outcome{stage}",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=_typed(values),
            ReturnValues="ALL_NEW",
        )["Attributes"]
    except ClientError as error:
        if error_code(error) != "ConditionalCheckFailedException":
            raise
        return
    if outcome.state == "held" and not {"decision", "superseded_by"} & now.keys():
        client.put_item(TableName=table, Item=_typed(hold_item(outcome.dataset, outcome.upload_id)))


def _typed(values: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {name: {"S": value} for name, value in values.items()}
