"""What an installation in AWS costs a month: list prices times what each file makes the services do.

Prices are those of us-east-1, without free tiers, discounts and taxes; other regions differ by up to a third. Each
names its source; look there before you decide. How often a file makes a service do something is an estimate; S3's
writes and lists were counted once, on a driver that had just started.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from ledgerlake.errors import ConfigurationError

HOURS = Decimal(730)
"""Of a month, as AWS counts them."""

GB = Decimal(1024**3)
MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for one unit, and the page that says so."""

    usd: Decimal
    unit: str
    source: str


def _price(usd: str, unit: str, service: str) -> Price:
    return Price(Decimal(usd), unit, f"https://aws.amazon.com/{service}/pricing/")


PRICES: Mapping[str, Price] = {
    "glue": _price("0.44", "DPU-hour", "glue"),
    "kinesis_stream": _price("0.04", "stream-hour on demand", "kinesis/data-streams"),
    "kinesis_in": _price("0.08", "GB written, records rounded up to 1 KB", "kinesis/data-streams"),
    "kinesis_out": _price("0.04", "GB read", "kinesis/data-streams"),
    "kinesis_kept": _price("0.10", "GB-month kept beyond a day", "kinesis/data-streams"),
    "sqs": _price("0.0000004", "request", "sqs"),
    "api": _price("0.000001", "request of an HTTP API", "api-gateway"),
    "lambda_request": _price("0.0000002", "request", "lambda"),
    "lambda_time": _price("0.0000133334", "GB-second on Arm", "lambda"),
    "dynamodb_write": _price("0.000000625", "write request unit on demand", "dynamodb"),
    "dynamodb_read": _price("0.000000125", "read request unit on demand", "dynamodb"),
    "dynamodb_kept": _price("0.45", "GB-month with point-in-time recovery", "dynamodb"),
    "s3_put": _price("0.000005", "PUT, COPY, POST or LIST", "s3"),
    "s3_get": _price("0.0000004", "GET", "s3"),
    "s3_kept": _price("0.023", "GB-month", "s3"),
    "kms_key": _price("1", "key and month", "kms"),
    "kms": _price("0.000003", "request", "kms"),
    "alarm": _price("0.10", "alarm and month", "cloudwatch"),
    "dashboard": _price("3", "dashboard and month", "cloudwatch"),
    "metric": _price("0.30", "metric and month", "cloudwatch"),
    "logs": _price("0.50", "GB of logs", "cloudwatch"),
}

DPUS = {"G.025X": Decimal("0.25"), "G.1X": Decimal(1), "G.2X": Decimal(2)}
"""Of one worker. Source: https://docs.aws.amazon.com/glue/latest/dg/add-job.html"""


@dataclass(frozen=True, slots=True)
class Installation:
    """What runs: the parameters of the root template that cost something."""

    source: str = "kinesis"
    worker: str = "G.025X"
    workers: int = 2
    stream_hours: Decimal = Decimal(24)
    """Of a day."""
    datasets: int = 3
    alarms: int = 15


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent in a month, and how long raw has been kept."""

    files: int = 0
    file_bytes: int = 1024**2
    months_kept: int = 1


@dataclass(frozen=True, slots=True)
class Line:
    """One part of the bill."""

    service: str
    what: str
    usd: Decimal


PER_FILE = {
    "s3_put": 39,
    "s3_get": 26,
    "dynamodb_write": 18,
    "dynamodb_read": 10,
    "api": 2,
    "sqs": 3,
}
"""Billed units of one small file in one piece, applied alone; uploads applied together share those of the commit."""

PER_SWEEP = {"s3_put": 3, "s3_get": 1}
"""Of the stream, every five seconds for each dataset: it looks whether raw has something that no event announced."""

SECONDS_PER_FILE = Decimal(2)
"""Of the functions at 2 GB for one file of 1 MB, cold starts included; 40 MB/s beyond that."""

BYTES_PER_SECOND = Decimal(40 * 1024**2)
EVENT_GB = Decimal(1024) / GB
LOG_GB = Decimal(4096) / GB
METRICS_PER_DATASET = 18


def bill(installation: Installation, load: Load) -> tuple[Line, ...]:
    """The lines of a month's bill, idle costs first.

    Raises:
        ConfigurationError: something is not a kind of worker or source, or negative.
    """
    _check(installation, load)
    return (*_idle(installation), *_of_files(installation, load))


def total(lines: tuple[Line, ...]) -> Decimal:
    """Their sum, to the cent."""
    return sum((line.usd for line in lines), Decimal(0)).quantize(Decimal("0.01"))


def _check(installation: Installation, load: Load) -> None:
    problems = []
    if installation.worker not in DPUS:
        problems.append(f"worker {installation.worker!r}: it is one of {', '.join(DPUS)}")
    if installation.source not in {"kinesis", "sqs"}:
        problems.append(f"source {installation.source!r}: it is kinesis or sqs")
    if not 0 <= installation.stream_hours <= 24:  # noqa: PLR2004  # hours of a day
        problems.append(f"{installation.stream_hours} hours of streaming a day: it is between 0 and 24")
    if min(load.files, load.file_bytes, load.months_kept, installation.workers, installation.datasets) < 0:
        problems.append("numbers of files, bytes, months, workers and datasets are not negative")
    if problems:
        raise ConfigurationError("\n".join(problems))


def _idle(installation: Installation) -> Iterator[Line]:
    dpus = DPUS[installation.worker] * installation.workers
    yield _line("Glue", f"{installation.workers} {installation.worker}, {installation.stream_hours:f} h a day", "glue",
                dpus * HOURS * installation.stream_hours / 24)  # fmt: skip
    if installation.source == "kinesis":
        yield _line("Kinesis", "one stream on demand", "kinesis_stream", HOURS)
    else:
        polls = HOURS * 3600 * 5 * installation.stream_hours / 24
        yield _line("SQS", "the stream asks five times a second", "sqs", polls)
    looks = HOURS * 3600 / 5 * installation.stream_hours / 24 * installation.datasets
    for name, count in PER_SWEEP.items():
        yield _line("S3", f"the stream looks at raw ({name})", name, looks * count)
    yield _line("KMS", "one key", "kms_key", Decimal(1))
    yield _line("CloudWatch", f"{installation.alarms} alarms", "alarm", Decimal(installation.alarms))
    yield _line("CloudWatch", "one dashboard", "dashboard", Decimal(1))
    metrics = Decimal(METRICS_PER_DATASET * installation.datasets)
    yield _line("CloudWatch", f"metrics of {installation.datasets} datasets", "metric", metrics)
    sweeps = HOURS * 12
    yield _line("Lambda", "a sweep every five minutes, 1 s at 2 GB", "lambda_time", sweeps * 2)


def _of_files(installation: Installation, load: Load) -> Iterator[Line]:
    files, gigabytes = Decimal(load.files), Decimal(load.files) * load.file_bytes / GB
    for service, what, name in (
        ("S3", "writes and lists", "s3_put"),
        ("S3", "reads", "s3_get"),
        ("DynamoDB", "writes", "dynamodb_write"),
        ("DynamoDB", "reads", "dynamodb_read"),
        ("API Gateway", "requests", "api"),
        ("SQS", "notices", "sqs"),
    ):
        yield _line(service, what, name, files * PER_FILE[name])
    seconds = max(SECONDS_PER_FILE, Decimal(load.file_bytes) / BYTES_PER_SECOND)
    yield _line("Lambda", "requests", "lambda_request", files * 3)
    yield _line("Lambda", "admission at 2 GB", "lambda_time", files * seconds * 2)
    if installation.source == "kinesis":
        yield _line("Kinesis", "events written", "kinesis_in", files * EVENT_GB)
        yield _line("Kinesis", "events read", "kinesis_out", files * EVENT_GB)
        yield _line("Kinesis", "events kept for a week", "kinesis_kept", files * EVENT_GB * 6 / 30)
    yield _line("S3", f"raw and tables, {load.months_kept} months", "s3_kept", gigabytes * load.months_kept * 2)
    yield _line("DynamoDB", f"the ledger, {load.months_kept} months", "dynamodb_kept",
                files * load.months_kept * 4096 / GB)  # fmt: skip
    yield _line("CloudWatch", "logs", "logs", files * LOG_GB)
    yield _line("KMS", "requests, fewer by bucket keys", "kms", files * 4)


def _line(service: str, what: str, price: str, amount: Decimal) -> Line:
    return Line(service, what, PRICES[price].usd * amount)
