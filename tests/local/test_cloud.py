"""The embedded cloud is real enough: conditional PUT, queues, stream, ledger."""

from __future__ import annotations

import json

import pytest

from cli import resources
from cli.resources import dead_letter_url
from ledgerlake.aws import ClientError
from tests.conftest import Cloud


def test_s3_refuses_a_second_put_under_if_none_match(fresh_cloud: Cloud) -> None:
    s3, bucket = fresh_cloud.aws.s3, fresh_cloud.settings.raw_bucket
    s3.put_object(Bucket=bucket, Key="once", Body=b"first", IfNoneMatch="*")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=bucket, Key="once", Body=b"second", IfNoneMatch="*")
    assert s3.get_object(Bucket=bucket, Key="once")["Body"].read() == b"first"


def test_creating_the_resources_again_changes_nothing(fresh_cloud: Cloud) -> None:
    fresh_cloud.aws.sqs.send_message(QueueUrl=fresh_cloud.settings.landing_queue_url, MessageBody="kept")
    resources.create(fresh_cloud.aws)
    received = fresh_cloud.aws.sqs.receive_message(QueueUrl=fresh_cloud.settings.landing_queue_url)
    assert [message["Body"] for message in received["Messages"]] == ["kept"]


def test_the_landing_queue_has_a_dead_letter_queue(fresh_cloud: Cloud) -> None:
    url = fresh_cloud.settings.landing_queue_url
    shown = fresh_cloud.aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])
    policy = json.loads(shown["Attributes"]["RedrivePolicy"])
    name = dead_letter_url(url).rpartition("/")[2]
    assert policy["deadLetterTargetArn"].endswith(f":{name}")
    assert int(policy["maxReceiveCount"]) == resources.MAX_RECEIVES
