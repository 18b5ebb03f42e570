"""The events of S3, SQS and EventBridge, and the context of a Lambda function, in the shapes that AWS documents."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

from cli.emulator import ACCOUNT
from ledgerlake.clock import to_text, utc_now
from ledgerlake.settings import Settings


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


def lambda_context(function: str) -> Any:
    """The second argument of a handler, which takes whatever looks like one."""
    return LambdaContext(function)


def s3_event(bucket: str, item: dict[str, Any], number: int) -> dict[str, Any]:
    """The notification of one created object (event structure 2.1: keys are URL-encoded, as in a form)."""
    described = {
        "key": quote_plus(item["Key"], safe="/"),
        "size": item["Size"],
        "eTag": item["ETag"].strip('"'),
        "sequencer": f"{time.time_ns():016X}{number:04X}",
    }
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": "eu-central-1",
                "eventName": "ObjectCreated:Put",
                "eventTime": to_text(utc_now()),
                "userIdentity": {"principalId": "AWS:LOCAL"},
                "requestParameters": {"sourceIPAddress": "127.0.0.1"},
                "responseElements": {},
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "configurationId": "landing",
                    "object": described,
                    "bucket": {
                        "name": bucket,
                        "ownerIdentity": {"principalId": "LOCAL"},
                        "arn": f"arn:aws:s3:::{bucket}",
                    },
                },
            },
        ],
    }


def bucket_test_event(bucket: str) -> dict[str, Any]:
    """What S3 sends first when notifications are switched on."""
    return {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": to_text(utc_now()),
        "Bucket": bucket,
        "RequestId": os.urandom(8).hex(),
        "HostId": os.urandom(16).hex(),
    }


def sqs_event(settings: Settings, messages: list[dict[str, Any]]) -> dict[str, Any]:
    """One batch, as the event source mapping gives it to a function."""
    queue = settings.landing_queue_url.rpartition("/")[2]
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message.get("Attributes", {}),
                "messageAttributes": {},
                "md5OfBody": message["MD5OfBody"],
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:{settings.region}:{ACCOUNT}:{queue}",
                "awsRegion": settings.region,
            }
            for message in messages
        ],
    }


def scheduled_event() -> dict[str, Any]:
    """What EventBridge sends at an interval."""
    return {
        "version": "0",
        "id": os.urandom(16).hex(),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": to_text(utc_now()),
        "region": "eu-central-1",
        "resources": [],
        "detail": {},
    }
