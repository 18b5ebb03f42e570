"""The token of a lineage endpoint comes from Secrets Manager, and a new one is found when the old is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streaming_jobs.lineage_sink import Endpoint
from streaming_jobs.lineage_token import bearer
from tests.conftest import Cloud
from tests.endpoint import endpoint


def test_a_secret_is_read_once_and_again_when_it_was_changed(fresh_cloud: Cloud) -> None:
    secrets, name = fresh_cloud.aws.secretsmanager, f"{fresh_cloud.settings.ledger_table}-lineage"
    arn = secrets.create_secret(Name=name, SecretString="first")["ARN"]
    with endpoint(200, 401, 200) as (url, received):
        settings = replace(fresh_cloud.settings, lineage=url, lineage_token=arn)
        there = Endpoint(url, bearer(replace(fresh_cloud.aws, settings=settings), {}), pause=0.01)
        there.take("{}")
        there.waiting.join()
        secrets.put_secret_value(SecretId=arn, SecretString="second")
        there.take("{}")
        there.waiting.join()
    assert [each.authorization for each in received] == ["Bearer first", "Bearer first", "Bearer second"]


def test_a_secret_that_is_not_there_is_named_in_the_log_and_stops_nothing(
    fresh_cloud: Cloud,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with endpoint() as (url, received):
        settings = replace(fresh_cloud.settings, lineage=url, lineage_token="nobody-made-this")
        there = Endpoint(url, bearer(replace(fresh_cloud.aws, settings=settings), {}), pause=0.01)
        there.take("{}")
        there.waiting.join()
    assert received == []
    assert "the secret nobody-made-this cannot be read" in caplog.text
