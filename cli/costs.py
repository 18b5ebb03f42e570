"""What an installation in AWS costs a month: list prices (`cli/prices.py`) times what each file makes the services do.

How often that is, is not guessed where it can be counted: `PER_FILE`, `PER_MICRO_BATCH` and `PER_LOOK` are what
recorded uploads really asked for, and tests compare them with each new recording (`tests/local/test_costs.py`,
`tests/spark/test_s3a.py`). What only AWS itself does, and how long functions take there, are estimates and say so.
Left out, as cents: schedules, the sweeper's own requests, S3's access logs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from cli.prices import DPUS, PRICES
from ledgerlake.errors import ConfigurationError
from monitoring.alarms import AWS_METRICS
from monitoring.metrics import METRICS
from monitoring.objectives import OBJECTIVE

HOURS = Decimal(730)
"""Of a month, as AWS counts them."""

GB = Decimal(1024**3)


@dataclass(frozen=True, slots=True)
class Installation:
    """What runs: the parameters of the root template that cost something."""

    source: str = "kinesis"
    worker: str = "G.025X"
    workers: int = 2
    stream_hours: Decimal = Decimal(24)
    """Of a day."""
    datasets: int = 3


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent in a month, how long files and rows have been kept, and how much queries read."""

    files: int = 0
    file_bytes: int = 1024**2
    months_kept: int = 1
    read_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One part of the bill."""

    service: str
    what: str
    usd: Decimal


PER_FILE: Mapping[str, int] = {
    "s3_put": 17,
    "s3_get": 14,
    "dynamodb_write": 21,
    "dynamodb_read": 5,
    "metric_put": 2,
    "trace": 1,
}
"""Billed units of one small file in one piece, applied alone, asked about once; besides `PER_COMMIT`."""

PER_COMMIT = 2
"""GETs of one file for each commit in the log of its table since the log's last checkpoint."""

COMMITS = Decimal(25)
"""Commits in a log on the average: `streaming_jobs/checkpoints.py` writes a checkpoint after 50."""

PER_MICRO_BATCH: Mapping[str, int] = {"s3_put": 12, "s3_get": 10}
"""Billed units of Spark's own checkpoint; files that arrive together share a micro-batch."""

PER_LOOK: Mapping[str, int] = {"s3_put": 3, "s3_get": 4}
"""Of the stream, every five seconds for each dataset: it looks whether raw has something that no event announced."""

API_CALLS, API_SECONDS = Decimal(2), Decimal("0.3")
"""Of a file: it is asked for, and looked after once; seconds of each call at 1 GB, cold starts included. Estimated."""

ADMISSION_SECONDS, ADMISSION_RATE = Decimal(2), Decimal(40 * 1024**2)
"""Of a file of 1 MB at 2 GB, cold starts included, and the bytes a second of larger ones. Estimated."""

KEYS = 2
"""Of KMS, in the templates: one that encrypts, one that signs receipts."""

DISK_GB = Decimal("7.5")
"""Of an admission, beyond what is free."""

NOTICES, POLLS = Decimal(3), HOURS * 900
"""Requests to the landing queue: of a file, S3 sends, Lambda receives and deletes; of a month, Lambda's five pollers
ask every 20 s. Source: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html"""

KEY_REQUESTS = Decimal(4)
"""Of a file, with bucket keys. Estimated."""

LAMBDA_TRACES = Decimal(3)
"""Of a file, beside its own: one for each call of a function, while there are few. Estimated."""

KEPT_BYTES = 4096
"""Of a file in logs, and in the ledger. Estimated."""


def bill(installation: Installation, load: Load) -> tuple[Line, ...]:
    """The lines of a month's bill, idle costs first.

    Raises:
        ConfigurationError: something is not a kind of worker or source, or negative.
    """
    _check(installation, load)
    return (*_of_stream(installation), *_of_watching(installation), *_of_files(installation, load), *_kept(load))


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
    counts = (load.files, load.file_bytes, load.months_kept, load.read_bytes)
    if min(*counts, installation.workers, installation.datasets) < 0:
        problems.append("numbers of files, bytes, months, workers and datasets are not negative")
    if problems:
        raise ConfigurationError("\n".join(problems))


def _of_stream(installation: Installation) -> Iterator[Line]:
    hours = HOURS * installation.stream_hours / 24
    what = f"{installation.workers} {installation.worker}, {installation.stream_hours:f} h a day"
    yield _line("Glue", what, "glue", DPUS[installation.worker] * installation.workers * hours)
    if installation.source == "kinesis":
        yield _line("Kinesis", "one stream on demand", "kinesis_stream", HOURS)
    else:
        yield _line("SQS", "the stream asks five times a second", "sqs", hours * 3600 * 5)
    for name, count in PER_LOOK.items():
        looks = hours * 3600 / 5 * installation.datasets
        yield _line("S3", f"the stream looks at raw ({name})", name, looks * count)
    yield _line("SQS", "Lambda asks for what landed", "sqs", POLLS)
    yield _line("Lambda", "a sweep every five minutes, 1 s at 2 GB", "lambda_time", HOURS * 12 * 2)


def _of_watching(installation: Installation) -> Iterator[Line]:
    yield _line("KMS", "keys", "kms_key", Decimal(KEYS))
    own = [_series(each.dimensions, installation.datasets) for each in METRICS.values() if each.alarm]
    windows = sum(len(burn.minutes) for burn in OBJECTIVE.burns)
    yield _line("CloudWatch", f"{len(own)} alarms of our metrics", "query_alarm", Decimal(sum(own)))
    yield _line("CloudWatch", f"{len(AWS_METRICS)} alarms of AWS's", "alarm", Decimal(len(AWS_METRICS)))
    yield _line("CloudWatch", f"{windows} windows of the error budget", "alarm", Decimal(2 * windows))
    yield _line("CloudWatch", "alarms of the error budget", "composite_alarm", Decimal(len(OBJECTIVE.burns)))
    yield _line("CloudWatch", "one dashboard", "dashboard", Decimal(1))
    metrics = sum(_series(each.dimensions, installation.datasets) for each in METRICS.values())
    yield _line("CloudWatch", f"metrics of {installation.datasets} datasets", "metric", Decimal(metrics))


def _series(dimensions: tuple[str, ...], datasets: int) -> int:
    """How many metrics CloudWatch makes of one of ours."""
    return {(): 1, ("dataset",): datasets, ("dataset", "stage"): 3 * datasets}[dimensions]


def _of_files(installation: Installation, load: Load) -> Iterator[Line]:
    files = Decimal(load.files)
    units = {name: Decimal(PER_FILE[name] + PER_MICRO_BATCH.get(name, 0)) for name in PER_FILE}
    units["s3_get"] += PER_COMMIT * COMMITS
    units["trace"] += LAMBDA_TRACES
    for service, what, name in (
        ("S3", "writes and lists", "s3_put"),
        ("S3", "reads", "s3_get"),
        ("DynamoDB", "writes", "dynamodb_write"),
        ("DynamoDB", "reads", "dynamodb_read"),
        ("CloudWatch", "metrics sent", "metric_put"),
        ("X-Ray", "traces", "trace"),
    ):
        yield _line(service, what, name, files * units[name])
    seconds = max(ADMISSION_SECONDS, Decimal(load.file_bytes) / ADMISSION_RATE)
    yield _line("API Gateway", "requests", "api", files * API_CALLS)
    yield _line("SQS", "notices", "sqs", files * NOTICES)
    yield _line("Lambda", "requests", "lambda_request", files * (API_CALLS + 1))
    yield _line("Lambda", "the API at 1 GB", "lambda_time", files * API_CALLS * API_SECONDS)
    yield _line("Lambda", "admission at 2 GB", "lambda_time", files * seconds * 2)
    yield _line("Lambda", "room for files", "lambda_disk", files * seconds * DISK_GB)
    yield _line("KMS", "requests, fewer by bucket keys", "kms", files * KEY_REQUESTS)
    if installation.source == "kinesis":
        events = files * 1024 / GB
        yield _line("Kinesis", "events written", "kinesis_in", events)
        yield _line("Kinesis", "events read", "kinesis_out", events)
        yield _line("Kinesis", "events kept for a week", "kinesis_kept", events * 6 / 30)


def _kept(load: Load) -> Iterator[Line]:
    """What grows by the month; raw at the price of new files, though those of 90 days move to a cheaper class."""
    months, files = Decimal(load.months_kept), Decimal(load.files)
    sent, small = files * load.file_bytes / GB, files * KEPT_BYTES / GB
    yield _line("S3", f"raw and tables, months kept: {months}", "s3_kept", sent * months * 2)
    yield _line("DynamoDB", f"the ledger, months kept: {months}", "dynamodb_kept", small * months)
    yield _line("DynamoDB", "its recovery to any second", "dynamodb_recovery", small * months)
    yield _line("CloudWatch", "logs", "logs", small)
    yield _line("CloudWatch", f"logs, months kept: {months}", "logs_kept", small * months)
    yield _line("Athena", "what queries read", "athena", Decimal(load.read_bytes) / (GB * 1024))


def _line(service: str, what: str, price: str, amount: Decimal) -> Line:
    return Line(service, what, PRICES[price].usd * amount)
