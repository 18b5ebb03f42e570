"""What the streaming job measures arrives in CloudWatch."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from cli.emf import deliver
from ledgerlake.aws import Aws
from ledgerlake.clock import utc_now
from monitoring.publish import emf, put
from tests.conftest import Cloud


def test_a_measurement_arrives_with_its_dimensions(fresh_cloud: Cloud) -> None:
    now = utc_now()
    settings = replace(fresh_cloud.settings, metrics_namespace=fresh_cloud.settings.ledger_table)
    put(fresh_cloud.aws, settings, now, ({"rows_merged": 998, "freshness_seconds": 0.8}, {"dataset": "payments"}))
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


def test_a_line_that_a_function_prints_arrives_as_cloudwatch_would_read_it(fresh_cloud: Cloud) -> None:
    now = utc_now()
    settings = replace(fresh_cloud.settings, metrics_namespace=f"{fresh_cloud.settings.ledger_table}-lines")
    line = emf(settings.metrics_namespace, now, {"uploads_accepted": 1, "bytes_accepted": 7}, {"dataset": "payments"})
    deliver(Aws(settings))(line)
    found = fresh_cloud.aws.cloudwatch.list_metrics(Namespace=settings.metrics_namespace)["Metrics"]
    assert {(each["MetricName"], each["Dimensions"][0]["Value"]) for each in found} == {
        ("uploads_accepted", "payments"),
        ("bytes_accepted", "payments"),
    }
