"""The ledger: what is known of every upload, and the one transaction that numbers it.

A DynamoDB table, and a cache with a transaction in it: everything but the next number can be made again from raw
(`ingestion/rebuild.py`). A missing counter means that the ledger was lost; its dataset is rebuilt before anything is
accepted. Item attributes: `docs/design.md`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ingestion.items import acceptance, granting, typed
from ingestion.row import Item, Row
from ingestion.values import Grant, Rejection
from ledgerlake.aws import Aws, ClientError, error_code, transient
from ledgerlake.clock import to_text
from ledgerlake.errors import RejectedError, TransientError
from ledgerlake.events import Manifest
from ledgerlake.layout import counter_item, delivery_item, listing_item, upload_item
from ledgerlake.settings import Settings

ATTEMPTS = 40
"""Each attempt loses only to an acceptance that succeeded, so this many rivals at once are served."""

_PAGE = 100
"""BatchGetItem's limit."""

_NIL = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Ledger:
    """Reads and conditional writes of the ledger table; every write may be repeated."""

    aws: Aws
    settings: Settings

    def read(self, upload_id: str) -> Row | None:
        """The upload's row as of now; None if nothing is known of it."""
        item = self._get(upload_item(upload_id))
        return Row.of(upload_id, item) if item else None

    def read_many(self, upload_ids: list[str]) -> list[Row]:
        """Rows of those uploads that are known, in the order asked for."""
        found: dict[str, Row] = {}
        for start in range(0, len(upload_ids), _PAGE):
            asked = {
                "Keys": [typed(upload_item(each)) for each in upload_ids[start : start + _PAGE]],
                "ConsistentRead": True,
            }
            while asked:
                with transient("read uploads"):
                    answer = self.aws.dynamodb.batch_get_item(RequestItems={self.settings.ledger_table: asked})
                for item in answer["Responses"].get(self.settings.ledger_table, []):
                    upload_id = item["pk"]["S"].partition("#")[2]
                    found[upload_id] = Row.of(upload_id, item)
                asked = answer.get("UnprocessedKeys", {}).get(self.settings.ledger_table)
        return [found[each] for each in upload_ids if each in found]

    def add_grant(self, grant: Grant) -> None:
        """Records who may send what; what is known of the upload already, stays."""
        if not self._transact("record a grant", granting(self.settings.ledger_table, grant)):
            msg = f"somebody else is recording {grant.upload_id}; try again"
            raise TransientError(msg)

    def accept(  # noqa: PLR0913  # what, how to number it, and whether it may have come before
        self,
        upload_id: str,
        dataset: str,
        manifest: Callable[[int], Manifest],
        restore: Callable[[], object],
        *,
        returns: bool = False,
        decided: bool = False,
    ) -> Row:
        """Gives the upload the next number of its dataset, unless it has one or was rejected; returns its row.

        One transaction puts the manifest on the row, advances the counter from the value just read and puts the
        acceptance, so numbers are gapless and each upload has one. `manifest` makes the manifest of a number; `restore`
        is called where the counter is missing, and makes it. `returns`: as of `refuse_redelivery`; what was `decided`
        to be accepted is no redelivery.

        Raises:
            RejectedError: the same delivery has a number already.
            TransientError: rivals were faster `ATTEMPTS` times, or the ledger was lost this very moment.
        """
        for attempt in range(ATTEMPTS):
            last = self.counter(dataset)
            if last is None:
                restore()
                continue
            below = last + 1 if decided else last if returns else 0
            self._transact(f"accept {upload_id}", acceptance(self.settings.ledger_table, manifest(last + 1), below))
            row = self.read(upload_id)
            if row is None or row.grant is None:
                msg = f"the ledger lost {upload_id}; deliver again, and it is restored from its grant first"
                raise TransientError(msg)
            if row.decided:
                return row
            if not decided:
                self.refuse_redelivery(manifest(last + 1), returns=returns)
            time.sleep(random.uniform(0, 0.01 * min(attempt + 1, 10)))  # noqa: S311  # spreads rivals, guards nothing
        msg = f"{dataset}: {ATTEMPTS} attempts to number {upload_id} lost to others; try again"
        raise TransientError(msg)

    def refuse_redelivery(self, manifest: Manifest, *, returns: bool = False) -> None:
        """Raises `RejectedError` if another upload was accepted that brought the very same delivery.

        A dataset whose files are full states `returns` to what it was: there only the last upload counts.
        """
        item = self._get(delivery_item(manifest.dataset, manifest.fingerprint))
        if item and item["upload_id"]["S"] != manifest.upload_id:
            if returns and int(item["seq"]["N"]) < (self.counter(manifest.dataset) or 0):
                return
            first = item["upload_id"]["S"]
            row = self.read(first)
            raise RejectedError(
                "duplicate",
                f"this file was accepted before, as upload {first}: the same bytes under the same contract and "
                f"declaration. Nothing is lost, and nothing needs to be sent again{_unless_to_return(row)}",
            )

    def delivered(self, manifest: Manifest) -> str | None:
        """The upload that brought the very same delivery last, if one was accepted."""
        item = self._get(delivery_item(manifest.dataset, manifest.fingerprint))
        return str(item["upload_id"]["S"]) if item else None

    def reject(self, rejection: Rejection) -> Row | None:
        """Decides that the file is refused, unless it was accepted or rejected before; returns its row."""
        values = {
            ":rejection": rejection.to_json(),
            ":state": "rejected",
            ":landed": to_text(rejection.landed_at),
            ":rejected": to_text(rejection.rejected_at),
        }
        self.update(
            upload_item(rejection.upload_id),
            "SET rejection = :rejection, #state = :state, stages.landed = :landed, stages.rejected = :rejected",
            typed(values),
            "attribute_exists(#grant) AND attribute_not_exists(manifest) AND attribute_not_exists(rejection)",
            {"#grant": "grant", "#state": "state"},
        )
        return self.read(rejection.upload_id)

    def counter(self, dataset: str) -> int | None:
        """The last number given in the dataset; None where the ledger knows nothing of it."""
        item = self._get(counter_item(dataset))
        return int(item["last_seq"]["N"]) if item else None

    def pending(self, dataset: str) -> list[Row]:
        """Accepted uploads that no table has applied, in order. Applied uploads have no gap, so the last ends it."""
        pending: list[Row] = []
        for upload_ids in self.pages(counter_item(dataset)["pk"], "begins_with(sk, :sk)", "seq#"):
            rows = self.read_many(upload_ids)
            pending += [row for row in rows if row.state == "accepted" or (row.waited_for and row.is_over)]
            if any("outcome" in row.texts and not row.waited_for for row in rows):
                break
        return sorted(pending, key=lambda row: row.manifest.seq if row.manifest else 0)

    def listing(self, dataset: str, tenant: str, limit: int, before: str | None = None) -> list[Row]:
        """A tenant's latest uploads to a dataset, the latest first; `before` continues after the last one shown."""
        pk = listing_item(dataset, tenant, before or _NIL)["pk"]
        return self.read_many(next(iter(self.pages(pk, "sk < :sk", before or "~")), [])[:limit])

    def update(
        self,
        key: Mapping[str, str],
        expression: str,
        values: Item,
        condition: str,
        names: Mapping[str, str] | None = None,
    ) -> bool:
        """One conditional update; False where the condition does not hold."""
        named = {"ExpressionAttributeNames": dict(names)} if names else {}
        try:
            with transient(f"update {key['pk']}"):
                self.aws.dynamodb.update_item(
                    TableName=self.settings.ledger_table,
                    Key=typed(key),
                    UpdateExpression=expression,
                    ExpressionAttributeValues=values,
                    ConditionExpression=condition,
                    **named,
                )
        except ClientError as error:
            if error_code(error) == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def _transact(self, step: str, items: list[dict[str, Any]]) -> bool:
        """All of the writes, or none; False where a condition does not hold or another transaction is at an item."""
        try:
            with transient(step):
                self.aws.dynamodb.transact_write_items(TransactItems=items)
        except ClientError as error:
            if error_code(error) == "TransactionCanceledException":
                return False
            raise
        return True

    def _get(self, key: Mapping[str, str]) -> Item | None:
        with transient(f"read {key['pk']}"):
            answer: dict[str, Item] = self.aws.dynamodb.get_item(
                TableName=self.settings.ledger_table,
                Key=typed(key),
                ConsistentRead=True,
            )
        return answer.get("Item")

    def pages(self, pk: str, condition: str, sk: str) -> Iterator[list[str]]:
        """Upload ids of a partition's items whose sort key meets the condition, the last first, a page at a time."""
        start: dict[str, Any] = {}
        while True:
            with transient(f"list {pk}"):
                answer = self.aws.dynamodb.query(
                    TableName=self.settings.ledger_table,
                    KeyConditionExpression=f"pk = :pk AND {condition}",
                    ExpressionAttributeValues=typed({":pk": pk, ":sk": sk}),
                    ScanIndexForward=False,
                    ConsistentRead=True,
                    Limit=_PAGE,
                    **start,
                )
            yield [item["upload_id"]["S"] if "upload_id" in item else item["sk"]["S"] for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def _unless_to_return(row: Row | None) -> str:
    by = row.superseded_by if row else None
    return f"; upload {by.as_upload_id} has superseded it: to go back, send it to supersede that one" if by else ""
