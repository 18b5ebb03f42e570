"""Metrics: one catalogue, published with its own units and dimensions and no others."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

import pytest
from botocore.exceptions import EndpointConnectionError

from ledgerlake.aws import Aws
from monitoring.metrics import METRICS
from monitoring.publish import emf, put
from tests.unit.test_requests import SETTINGS

MOMENT = datetime(2026, 3, 31, 12, 0, 0, 250_000, tzinfo=UTC)


def test_an_emf_line_carries_values_units_and_dimensions() -> None:
    line = emf("ledgerlake", MOMENT, {"rows_merged": 998, "freshness_seconds": 0.8}, {"dataset": "payments"})
    assert "\n" not in line
    assert json.loads(line) == {
        "_aws": {
            "Timestamp": 1774958400250,
            "CloudWatchMetrics": [
                {
                    "Namespace": "ledgerlake",
                    "Dimensions": [["dataset"]],
                    "Metrics": [
                        {"Name": "rows_merged", "Unit": "Count"},
                        {"Name": "freshness_seconds", "Unit": "Seconds"},
                    ],
                },
            ],
        },
        "dataset": "payments",
        "rows_merged": 998,
        "freshness_seconds": 0.8,
    }


def test_a_metric_outside_the_catalogue_is_refused_with_the_catalogue() -> None:
    with pytest.raises(ValueError, match=r"no metric 'rows_lost' in METRICS; add one line there.*rows_merged"):
        emf("ledgerlake", MOMENT, {"rows_lost": 1}, {"dataset": "payments"})


def test_a_metric_is_never_published_with_other_dimensions() -> None:
    with pytest.raises(ValueError, match="stage_seconds has the dimensions"):
        emf("ledgerlake", MOMENT, {"stage_seconds": 1}, {"dataset": "payments"})


def test_every_metric_has_a_unit_that_cloudwatch_knows() -> None:
    assert {metric.unit for metric in METRICS.values()} <= {"Count", "Bytes", "Seconds", "Milliseconds", "Percent"}
    assert all(name == metric.name and metric.description for name, metric in METRICS.items())


def test_the_published_names_do_not_change_unnoticed() -> None:
    assert sorted(METRICS) == [
        "admission_failures",
        "apply_failures",
        "bytes_accepted",
        "canary_failures",
        "canary_seconds",
        "conservation_failures",
        "files_rewritten",
        "freshness_seconds",
        "holds_open",
        "holds_rejected",
        "holds_released",
        "lag_uploads",
        "micro_batch_seconds",
        "objective_late",
        "objective_uploads",
        "quarantine_oldest_seconds",
        "quarantine_open_rows",
        "rows_duplicate",
        "rows_merged",
        "rows_quarantined",
        "rows_superseded",
        "stage_seconds",
        "table_files",
        "uploads_accepted",
        "uploads_applied",
        "uploads_found",
        "uploads_granted",
        "uploads_held",
        "uploads_late",
        "uploads_rejected",
        "uploads_rung_again",
    ]


@dataclass(frozen=True)
class AwayAws:
    """A CloudWatch that nobody reaches."""

    @property
    def cloudwatch(self) -> AwayAws:
        return self

    def put_metric_data(self, **_: object) -> None:
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")


def test_a_measurement_that_cannot_be_delivered_is_logged_and_given_up(caplog: pytest.LogCaptureFixture) -> None:
    put(cast("Aws", AwayAws()), SETTINGS, MOMENT, ({"lag_uploads": 3}, {"dataset": "payments"}))
    assert "['lag_uploads'] were not delivered" in caplog.text
