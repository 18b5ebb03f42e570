"""The wiring that AWS does by itself and a laptop lacks: S3 -> SQS, SQS -> Lambda, schedule -> Lambda.

It calls the real handlers with the events that AWS would send, in the way AWS sends them: at least once, in no order,
up to 10 messages a batch, with partial batch responses. It even repeats itself on purpose (`REPEAT_EVERY`), and every
start announces again all that lies in landing. Kinesis needs no pump: the stream reads it.

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
from typing import Any
from urllib.parse import quote_plus

from botocore.exceptions import BotoCoreError, ClientError

from cli.emulator import ACCOUNT
from ingestion.handlers import admit, sweep
from ledgerlake.aws import Aws
from ledgerlake.clock import to_text, utc_now
from ledgerlake.layout import LANDING_PREFIX
from ledgerlake.settings import Settings

LIST_SECONDS = 0.1
REPEAT_EVERY = 5
"""Every so-manieth object is announced twice, so that nobody comes to rely on once."""
SWEEP_SECONDS = 15.0
BATCH, CONCURRENCY = 10, 4

Handler = Callable[[dict[str, Any], Any], Any]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """What AWS hands to a handler besides the event."""

    function_name: str
    memory_limit_in_mb: int = 512
    aws_request_id: str = field(default_factory=lambda: os.urandom(16).hex())

    @property
    def invoked_function_arn(self) -> str:
        """As in AWS, with the emulator's account."""
        return f"arn:aws:lambda:eu-central-1:{ACCOUNT}:function:{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        """A laptop has time."""
        return 30_000


@dataclass(frozen=True)
class Pump:
    """Dependencies of the three loops; `stop` ends them, `landed` wakes the delivery."""

    aws: Aws
    stop: threading.Event = field(default_factory=threading.Event)
    landed: threading.Event = field(default_factory=threading.Event)

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
        self._try("announce the bucket", lambda: self._send(test_event(bucket)))
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
            self._try("sweep", lambda: sweep.handler(scheduled_event(), LambdaContext("sweep")))

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
        found = self.aws.sqs.receive_message(QueueUrl=self.aws.settings.landing_queue_url, MaxNumberOfMessages=BATCH,
                                             MessageSystemAttributeNames=["All"])
        return list(found.get("Messages", ()))

    def _invoke(self, messages: list[dict[str, Any]]) -> None:
        response = self._try("admit", lambda: admit.handler(sqs_event(self.aws.settings, messages),
                                                            LambdaContext("admit")))
        if response is None:  # the function failed as a whole: every message comes back
            return
        failed = {each["itemIdentifier"] for each in response["batchItemFailures"]}
        for message in messages:
            if message["MessageId"] not in failed:
                self._try("delete", lambda message=message: self.aws.sqs.delete_message(
                    QueueUrl=self.aws.settings.landing_queue_url, ReceiptHandle=message["ReceiptHandle"]))

    def _try[T](self, what: str, step: Callable[[], T]) -> T | None:
        """The step's value; None where it failed, which AWS would note and outlive as well."""
        try:
            return step()
        except (BotoCoreError, ClientError) as error:
            log.warning("%s: %s", what, error)
        except Exception:  # whatever a handler raises is the function's failure, not the pump's
            log.exception("%s failed", what)
        return None


def s3_event(bucket: str, item: dict[str, Any], number: int) -> dict[str, Any]:
    """The notification of one created object (event structure 2.1: keys are URL-encoded, as in a form)."""
    described = {"key": quote_plus(item["Key"], safe="/"), "size": item["Size"], "eTag": item["ETag"].strip('"'),
                 "sequencer": f"{time.time_ns():016X}{number:04X}"}
    return {"Records": [{
        "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "eu-central-1", "eventName": "ObjectCreated:Put",
        "eventTime": to_text(utc_now()), "userIdentity": {"principalId": "AWS:LOCAL"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"}, "responseElements": {},
        "s3": {"s3SchemaVersion": "1.0", "configurationId": "landing", "object": described,
               "bucket": {"name": bucket, "ownerIdentity": {"principalId": "LOCAL"}, "arn": f"arn:aws:s3:::{bucket}"}}}]}


def test_event(bucket: str) -> dict[str, Any]:
    """What S3 sends first when notifications are switched on."""
    return {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": to_text(utc_now()), "Bucket": bucket,
            "RequestId": os.urandom(8).hex(), "HostId": os.urandom(16).hex()}


def sqs_event(settings: Settings, messages: list[dict[str, Any]]) -> dict[str, Any]:
    """One batch, as the event source mapping gives it to a function."""
    queue = settings.landing_queue_url.rpartition("/")[2]
    return {"Records": [{
        "messageId": message["MessageId"], "receiptHandle": message["ReceiptHandle"], "body": message["Body"],
        "attributes": message.get("Attributes", {}), "messageAttributes": {}, "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs", "eventSourceARN": f"arn:aws:sqs:{settings.region}:{ACCOUNT}:{queue}",
        "awsRegion": settings.region} for message in messages]}


def scheduled_event() -> dict[str, Any]:
    """What EventBridge sends at an interval."""
    return {"version": "0", "id": os.urandom(16).hex(), "detail-type": "Scheduled Event", "source": "aws.events",
            "account": ACCOUNT, "time": to_text(utc_now()), "region": "eu-central-1", "resources": [], "detail": {}}


def main() -> None:
    """Pumps with the settings of the environment until a signal asks it to end."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    pump = Pump(Aws(Settings.from_mapping(os.environ)))
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: pump.stop.set())
    pump.run()


if __name__ == "__main__":
    main()
