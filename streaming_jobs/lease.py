"""A table's lease: one driver at a time may write it.

The ledger holds one item for each dataset: the driver that writes, until when, and the fencing number, which grows
with every change of hands. A lease is held only while something is written, so that a driver which was killed
elsewhere blocks nobody. Drivers compare the expiry with their own clocks; where those disagree, two drivers may
write at once, and then put-if-absent commits with their `txn` check still lose nothing: the lease saves work.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ledgerlake.aws import ClientError, error_code, transient
from ledgerlake.errors import TransientError
from ledgerlake.layout import lease_item
from streaming_jobs.lake import Lake

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lease:
    """The right of `lake.driver` to write the tables of `dataset`; `fence` is larger than that of any earlier lease."""

    lake: Lake
    dataset: str
    fence: int

    def check(self) -> None:
        """Makes sure, in the ledger, that the lease is still ours, and prolongs it; call it before every commit.

        Raises:
            TransientError: another driver took it over, or the ledger cannot be reached.
        """
        try:
            self._update(_expiry(self.lake))
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise
            msg = f"{self.dataset}: lease {self.fence} was lost: another driver holds a later one"
            raise TransientError(msg) from error

    def release(self) -> None:
        """Lets the next driver in at once; nothing happens if the lease is lost already."""
        try:
            self._update(0)
        except (ClientError, TransientError) as error:
            logger.info("%s: lease %d ends by itself: %s", self.dataset, self.fence, error)

    def _update(self, expires_millis: int) -> None:
        with transient(f"renew the lease of {self.dataset}"):
            self.lake.aws.dynamodb.update_item(
                TableName=self.lake.settings.ledger_table,
                Key=_key(self.dataset),
                UpdateExpression="SET expires_millis = :expires",
                ConditionExpression="driver = :driver AND fence = :fence",
                ExpressionAttributeValues={
                    ":expires": {"N": str(expires_millis)},
                    ":driver": {"S": self.lake.driver},
                    ":fence": {"N": str(self.fence)},
                },
            )


def acquire(lake: Lake, dataset: str) -> Lease:
    """The lease of a dataset for `lake.settings.lease_seconds`.

    Raises:
        TransientError: another driver holds it, or the ledger cannot be reached.
    """
    try:
        with transient(f"acquire the lease of {dataset}"):
            item = lake.aws.dynamodb.update_item(
                TableName=lake.settings.ledger_table,
                Key=_key(dataset),
                UpdateExpression="SET driver = :driver, expires_millis = :expires, "
                "fence = if_not_exists(fence, :zero) + :one",
                ConditionExpression="attribute_not_exists(pk) OR expires_millis <= :now OR driver = :driver",
                ExpressionAttributeValues={
                    ":driver": {"S": lake.driver},
                    ":expires": {"N": str(_expiry(lake))},
                    ":now": {"N": str(_millis(lake))},
                    ":zero": {"N": "0"},
                    ":one": {"N": "1"},
                },
                ReturnValues="ALL_NEW",
            )["Attributes"]
    except ClientError as error:
        if error_code(error) != "ConditionalCheckFailedException":
            raise
        msg = (
            f"{dataset}: another driver holds the lease; it is free when that driver is done, "
            f"or {lake.settings.lease_seconds} s after it was killed"
        )
        raise TransientError(msg) from error
    return Lease(lake, dataset, int(item["fence"]["N"]))


@contextmanager
def held(lake: Lake, dataset: str) -> Iterator[Lease]:
    """A lease for the length of a block, prolonged in the background however long the block takes."""
    lease = acquire(lake, dataset)
    done = threading.Event()
    keeper = threading.Thread(target=_keep, args=(lease, done), name=f"lease-{dataset}", daemon=True)
    keeper.start()
    try:
        yield lease
    finally:
        done.set()
        keeper.join()
        lease.release()


def _keep(lease: Lease, done: threading.Event) -> None:
    while not done.wait(lease.lake.settings.lease_seconds / 3):
        try:
            lease.check()
        except (ClientError, TransientError) as error:
            logger.warning("%s", error)  # the block finds out by its own check, before it commits


def _key(dataset: str) -> dict[str, Any]:
    return {name: {"S": value} for name, value in lease_item(dataset).items()}


def _millis(lake: Lake) -> int:
    return int(lake.clock().timestamp() * 1000)


def _expiry(lake: Lake) -> int:
    return _millis(lake) + lake.settings.lease_seconds * 1000
