"""Creates what the AWS templates would: buckets, queues with dead-letter queues, stream, ledger table, database.

Idempotent: what is there stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from cli.processes import wait_until
from ledgerlake.aws import Aws, ClientError, error_code
from ledgerlake.errors import ConfigurationError

MAX_RECEIVES = 5
"""A message that failed so often goes to the dead-letter queue."""

VISIBILITY_SECONDS = 30
"""While a handler has a message, nobody else sees it for so long; a failed one comes back after it."""

SHARDS = 2


def create(aws: Aws) -> None:
    """Creates every resource that the settings name."""
    settings = aws.settings
    for bucket in (settings.landing_bucket, settings.raw_bucket, settings.tables_bucket):
        with _unless("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
            aws.s3.create_bucket(Bucket=bucket)
    for url in (settings.landing_queue_url, settings.events_queue_url):
        if url:
            _create_queue(aws, url)
    _create_stream(aws)
    _create_ledger(aws)
    _create_key(aws)
    with _unless("AlreadyExistsException"):
        location = f"s3://{settings.tables_bucket}/"
        aws.glue.create_database(DatabaseInput={"Name": settings.database, "LocationUri": location})


def dead_letter_url(queue_url: str) -> str:
    """Where messages of that queue go that nobody could handle."""
    return f"{queue_url}-dead"


def _create_queue(aws: Aws, url: str) -> None:
    name = url.rpartition("/")[2]
    dead = aws.sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    arn = aws.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": MAX_RECEIVES})
    with _unless("QueueAlreadyExists", "QueueNameExists"):
        found = aws.sqs.create_queue(
            QueueName=name,
            Attributes={"VisibilityTimeout": str(VISIBILITY_SECONDS), "RedrivePolicy": redrive},
        )["QueueUrl"]
        if found != url:
            msg = f"the queue is {found}, the settings say {url}; run `ledgerlake down` and `ledgerlake up`"
            raise ConfigurationError(msg)


def _create_stream(aws: Aws) -> None:
    name = aws.settings.stream_name
    with _unless("ResourceInUseException"):
        aws.kinesis.create_stream(StreamName=name, ShardCount=SHARDS)

    def active() -> bool:
        shown = aws.kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
        return bool(shown["StreamStatus"] == "ACTIVE")

    if not wait_until(active, 10):
        msg = f"stream {name} did not become active within 10 s"
        raise ConfigurationError(msg)


def _create_ledger(aws: Aws) -> None:
    keys = {"pk": "HASH", "sk": "RANGE"}
    with _unless("ResourceInUseException"):
        aws.dynamodb.create_table(
            TableName=aws.settings.ledger_table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
        )


def _create_key(aws: Aws) -> None:
    """The key of receipts, behind the alias that the settings name."""
    alias = aws.settings.receipt_key
    if not any(each["AliasName"] == alias for each in aws.kms.list_aliases()["Aliases"]):
        key = aws.kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
        with _unless("AlreadyExistsException"):
            aws.kms.create_alias(AliasName=alias, TargetKeyId=key)


@contextmanager
def _unless(*codes: str) -> Iterator[None]:
    """Passes over refusals that mean "it is already there"."""
    try:
        yield
    except ClientError as error:
        if error_code(error) not in codes:
            raise
