"""The wiring that AWS does by itself and a laptop lacks: S3 -> SQS, SQS -> Lambda, schedule -> Lambda.

It calls the real handlers with the events that AWS would send, in the way AWS sends them: at least once, in no order,
up to 10 messages a batch, with partial batch responses; their metrics reach CloudWatch. It even repeats itself on
purpose (`REPEAT_EVERY`), and every start announces again all that lies in landing. Kinesis needs no pump: the stream
reads it.

    python -m cli.pump        with the settings in the environment, until SIGTERM
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, TypeVar

from cli.emf import deliver
from cli.notifications import bucket_test_event, lambda_context, s3_event, scheduled_event, sqs_event
from ingestion.handlers import admit, sweep
from ingestion.handlers.entry import Handler
from ledgerlake.aws import Aws, BotoCoreError, ClientError
from ledgerlake.layout import LANDING_PREFIX
from ledgerlake.logs import structured
from ledgerlake.settings import Settings

LIST_SECONDS = 0.1
REPEAT_EVERY = 5
"""Every so-manieth object is announced twice, so that nobody comes to rely on once."""
SWEEP_SECONDS = 15.0
BATCH, CONCURRENCY = 10, 4

T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pump:
    """Dependencies of the three loops; `stop` ends them, `landed` wakes the delivery."""

    aws: Aws
    stop: threading.Event = field(default_factory=threading.Event)
    landed: threading.Event = field(default_factory=threading.Event)

    @cached_property
    def admit_function(self) -> Handler:
        """The admission function."""
        return admit.build(self.aws.settings, self.aws, emit=deliver(self.aws))

    @cached_property
    def sweep_function(self) -> Handler:
        """The sweeper."""
        return sweep.build(self.aws.settings, self.aws, emit=deliver(self.aws))

    def run(self) -> None:
        """Pumps until `stop` is set; what fails is logged and tried again."""
        loops = (self.notify, self.deliver, self.schedule)
        threads = [threading.Thread(target=loop, name=loop.__name__) for loop in loops]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def notify(self) -> None:
        """S3 -> SQS: announces each object in landing once this pump has not seen before, some twice."""
        bucket = self.aws.settings.landing_bucket
        seen: set[tuple[str, str]] = set()
        numbers = itertools.count(1)
        self._try("announce the bucket", lambda: self._send(bucket_test_event(bucket)))
        while not self.stop.is_set():
            began = time.monotonic()
            for item in self._try("list landing", lambda: list(self._landing())) or ():
                version = (item["Key"], item["ETag"])
                if version not in seen and self._announce(item, next(numbers)):
                    seen.add(version)
            self.stop.wait(max(LIST_SECONDS, 3 * (time.monotonic() - began)))  # a long listing must not fill the day

    def deliver(self) -> None:
        """SQS -> Lambda: batches to the admission handler; only what it does not report as failed is deleted."""
        with ThreadPoolExecutor(CONCURRENCY) as pool:
            slots = threading.Semaphore(CONCURRENCY)
            while not self.stop.is_set():
                messages = self._try("receive", self._receive) or []
                if messages:
                    slots.acquire()
                    pool.submit(self._invoke, messages).add_done_callback(lambda _: slots.release())
                else:
                    self.landed.wait(4 * LIST_SECONDS)
                    self.landed.clear()

    def schedule(self) -> None:
        """Schedule -> Lambda: the sweeper, soon after the start and then at its interval."""
        while not self.stop.wait(SWEEP_SECONDS):
            self._try("sweep", lambda: self.sweep_function(scheduled_event(), lambda_context("sweep")))

    def _landing(self) -> Iterator[dict[str, Any]]:
        pages = self.aws.s3.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self.aws.settings.landing_bucket, Prefix=LANDING_PREFIX):
            yield from page.get("Contents", ())

    def _announce(self, item: dict[str, Any], number: int) -> bool:
        """Whether it was sent, that is, whether it need not be sent again."""
        event = s3_event(self.aws.settings.landing_bucket, item, number)
        for _ in range(2 if number % REPEAT_EVERY == 0 else 1):
            if self._try("announce", lambda: self._send(event)) is None:
                return False
        self.landed.set()
        return True

    def _send(self, event: dict[str, Any]) -> Any:
        return self.aws.sqs.send_message(QueueUrl=self.aws.settings.landing_queue_url, MessageBody=json.dumps(event))

    def _receive(self) -> list[dict[str, Any]]:
        found = self.aws.sqs.receive_message(
            QueueUrl=self.aws.settings.landing_queue_url,
            MaxNumberOfMessages=BATCH,
            MessageSystemAttributeNames=["All"],
        )
        return list(found.get("Messages", ()))

    def _delete(self, receipt: str) -> None:
        self.aws.sqs.delete_message(QueueUrl=self.aws.settings.landing_queue_url, ReceiptHandle=receipt)

    def _invoke(self, messages: list[dict[str, Any]]) -> None:
        event = sqs_event(self.aws.settings, messages)
        response = self._try("admit", lambda: self.admit_function(event, lambda_context("admit")))
        if response is None:  # the function failed as a whole: every message comes back
            return
        failed = {each["itemIdentifier"] for each in response["batchItemFailures"]}
        for message in messages:
            if message["MessageId"] not in failed:
                self._try("delete", partial(self._delete, message["ReceiptHandle"]))

    def _try(self, what: str, step: Callable[[], T]) -> T | None:
        """The step's value; None where it failed, which AWS would note and outlive as well."""
        try:
            return step()
        except (BotoCoreError, ClientError) as error:
            log.warning("%s: %s", what, error)
        except Exception:  # whatever a handler raises is the function's failure, not the pump's
            log.exception("%s failed", what)
        return None


def main() -> None:
    """Pumps with the settings of the environment until a signal asks it to end."""
    structured()
    pump = Pump(Aws(Settings.from_mapping(os.environ)))
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: pump.stop.set())
    pump.run()


if __name__ == "__main__":
    main()
