"""Every setting, read once by an entry point; all problems are reported at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from ledgerlake.errors import ConfigurationError


def _text(value: str) -> str:
    if not value.strip():
        msg = "must not be empty"
        raise ValueError(msg)
    return value.strip()


def _positive(value: str) -> int:
    number = int(value)
    if number <= 0:
        msg = "must be a whole number above 0"
        raise ValueError(msg)
    return number


def _one_of(*allowed: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value not in allowed:
            msg = f"must be one of {', '.join(allowed)}"
            raise ValueError(msg)
        return value

    return check


def _from(name: str, doc: str, parse: Callable[[str], Any] = _text, default: Any = MISSING) -> Any:
    metadata = {"name": name, "doc": doc, "parse": parse}
    if default is MISSING:
        return field(metadata=metadata)
    return field(default=default, metadata=metadata)


MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an installation decides. Names and meanings: `docs/settings.md`, generated from here."""

    region: str = _from("AWS_REGION", "AWS region", default="eu-central-1")
    endpoint_url: str | None = _from("AWS_ENDPOINT_URL", "Endpoint of all AWS services; unset in AWS", default=None)
    s3_endpoint_url: str | None = _from("AWS_ENDPOINT_URL_S3", "Endpoint of S3, if it differs", default=None)

    landing_bucket: str = _from("LEDGERLAKE_LANDING_BUCKET", "Bucket that clients PUT to")
    raw_bucket: str = _from("LEDGERLAKE_RAW_BUCKET", "Immutable bucket of accepted and rejected files")
    tables_bucket: str = _from("LEDGERLAKE_TABLES_BUCKET", "Bucket of Delta tables, staging and checkpoints")
    ledger_table: str = _from("LEDGERLAKE_LEDGER_TABLE", "DynamoDB table of uploads, sequences and leases")
    landing_queue_url: str = _from("LEDGERLAKE_LANDING_QUEUE_URL", "SQS queue of landing notifications")
    stream_name: str = _from("LEDGERLAKE_STREAM_NAME", "Kinesis stream of upload events")
    database: str = _from("LEDGERLAKE_DATABASE", "Glue database of the tables")
    contracts: str = _from("LEDGERLAKE_CONTRACTS", "Folder, or s3:// prefix, of the contracts", default="contracts")

    source: str = _from(
        "LEDGERLAKE_SOURCE",
        "Where the stream reads upload events: kinesis or sqs",
        _one_of("kinesis", "sqs"),
        "kinesis",
    )
    events_queue_url: str | None = _from(
        "LEDGERLAKE_EVENTS_QUEUE_URL",
        "SQS queue of upload events, if source=sqs",
        default=None,
    )
    checkpoint: str | None = _from(
        "LEDGERLAKE_CHECKPOINT",
        "Spark checkpoint; by default beside the tables",
        default=None,
    )
    jars: str = _from("LEDGERLAKE_JARS", "Folder of Spark's jars; where the platform brings them: empty", str, "")
    small_batch_bytes: int = _from(
        "LEDGERLAKE_SMALL_BATCH_BYTES",
        "Up to this much raw data is applied in the driver",
        _positive,
        64 * MIB,
    )
    target_file_bytes: int = _from(
        "LEDGERLAKE_TARGET_FILE_BYTES",
        "About so large is each file of a table: a merge into few keys copies few such files",
        _positive,
        16 * MIB,
    )
    poll_millis: int = _from(
        "LEDGERLAKE_POLL_MILLIS",
        "Least time between two reads of the event source",
        _positive,
        200,
    )
    lease_seconds: int = _from(
        "LEDGERLAKE_LEASE_SECONDS",
        "A driver that is silent for so long loses its tables",
        _positive,
        20,
    )

    tenant_claim: str = _from(
        "LEDGERLAKE_TENANT_CLAIM",
        "Claim of the caller's token that names the tenant",
        default="custom:tenant",
    )
    decide_scope: str = _from(
        "LEDGERLAKE_DECIDE_SCOPE",
        "Scope of the caller's token that lets them decide about held files and refused rows",
        default="ledgerlake/decide",
    )
    local_users: str = _from(
        "LEDGERLAKE_LOCAL_USERS",
        "On a laptop: whom `--as` may name besides you, separated by commas",
        str,
        "colleague",
    )
    receipt_key: str = _from(
        "LEDGERLAKE_RECEIPT_KEY",
        "KMS key (ECC_NIST_P256, SIGN_VERIFY) that signs receipts: its ARN, id or alias",
        default="alias/ledgerlake-receipts",
    )
    grant_seconds: int = _from("LEDGERLAKE_GRANT_SECONDS", "A presigned URL is valid for so long", _positive, 900)
    max_upload_bytes: int = _from("LEDGERLAKE_MAX_UPLOAD_BYTES", "Largest file accepted", _positive, 5 * 1024 * MIB)
    multipart_bytes: int = _from(
        "LEDGERLAKE_MULTIPART_BYTES",
        "Above this, an upload is granted in parts of this size",
        _positive,
        64 * MIB,
    )
    sweep_seconds: int = _from(
        "LEDGERLAKE_SWEEP_SECONDS",
        "The sweeper re-rings what no table applied for so long",
        _positive,
        120,
    )
    metrics_namespace: str = _from("LEDGERLAKE_METRICS_NAMESPACE", "CloudWatch namespace", default="ledgerlake")
    api_url: str | None = _from("LEDGERLAKE_API_URL", "Where the canary finds the upload API", default=None)
    canary_secret: str | None = _from(
        "LEDGERLAKE_CANARY_SECRET",
        "Secret with token_url, client_id, client_secret and scope of the canary; none: it sends no token",
        default=None,
    )
    lineage: str | None = _from(
        "LEDGERLAKE_LINEAGE",
        "Where the stream sends OpenLineage events: a file, or an http(s) URL",
        default=None,
    )
    lineage_token: str | None = _from(
        "LEDGERLAKE_LINEAGE_TOKEN",
        "Where the bearer token for that URL is: a secret of Secrets Manager (name or ARN), or a variable (`env:NAME`)",
        default=None,
    )
    tracing: str = _from(
        "LEDGERLAKE_TRACING",
        "Whether the stages of every upload are sent to X-Ray: on or off",
        _one_of("on", "off"),
        "off",
    )

    @classmethod
    def from_mapping(cls, values: Mapping[str, str]) -> Settings:
        """Settings from environment-like names.

        Raises:
            ConfigurationError: names every missing or malformed setting, each on its line.
        """
        found: dict[str, Any] = {}
        problems = []
        for each in fields(cls):
            name, doc, parse = each.metadata["name"], each.metadata["doc"], each.metadata["parse"]
            if name in values:
                try:
                    found[each.name] = parse(values[name])
                except ValueError as error:
                    problems.append(f"{name}={values[name]!r}: {error} ({doc})")
            elif each.default is MISSING:
                problems.append(f"{name} is not set ({doc})")
        if found.get("source") == "sqs" and not found.get("events_queue_url"):
            problems.append("LEDGERLAKE_EVENTS_QUEUE_URL is not set, and LEDGERLAKE_SOURCE=sqs needs it")
        if problems:
            raise ConfigurationError("\n".join(problems))
        return cls(**found)

    def to_mapping(self) -> dict[str, str]:
        """The inverse of `from_mapping`: for a child process, or an option of Spark."""
        return {
            each.metadata["name"]: str(getattr(self, each.name))
            for each in fields(self)
            if getattr(self, each.name) is not None
        }
