"""What the streaming job measures arrives in CloudWatch, and what cannot arrive does not stop the job."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ledgerlake.aws import Aws
from ledgerlake.clock import utc_now
from monitoring.metrics import put
from tests.conftest import Cloud


def test_a_measurement_arrives_with_its_dimensions(fresh_cloud: Cloud) -> None:
    now = utc_now()
    settings = replace(fresh_cloud.settings, metrics_namespace=fresh_cloud.settings.ledger_table)
    put(fresh_cloud.aws, settings, now, {"rows_merged": 998, "freshness_seconds": 0.8}, {"dataset": "payments"})
    read = fresh_cloud.aws.cloudwatch.get_metric_statistics(
        Namespace=settings.metrics_namespace,
        MetricName="rows_merged",
        Dimensions=[{"Name": "dataset", "Value": "payments"}],
        StartTime=now - timedelta(minutes=2),
        EndTime=now + timedelta(minutes=2),
        Period=60,
        Statistics=["Sum"],
    )
    assert [point["Sum"] for point in read["Datapoints"]] == [998.0]


def test_a_measurement_that_cannot_be_delivered_is_logged_and_given_up(
    fresh_cloud: Cloud,
    caplog: pytest.LogCaptureFixture,
) -> None:
    nowhere = replace(fresh_cloud.settings, endpoint_url="http://127.0.0.1:9")
    put(Aws(nowhere), nowhere, utc_now(), {"lag_uploads": 3}, {"dataset": "payments"})
    assert "['lag_uploads'] were not delivered" in caplog.text
