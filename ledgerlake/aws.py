"""The one home of boto3: typed access to the AWS clients that the product uses.

`AWS_ENDPOINT_URL` (and `AWS_ENDPOINT_URL_S3`) reach boto3 through the settings and are the only difference
between laptop and cloud.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ledgerlake.errors import TransientError
from ledgerlake.settings import Settings

__all__ = ["Aws", "BotoCoreError", "ClientError", "error_code", "transient"]
"""Others take the two errors of botocore from here: this is its only home."""

_RETRYABLE = {
    "Throttling",
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "ServiceUnavailable",
    "SlowDown",
    "RequestTimeout",
    "LimitExceededException",
    "RequestLimitExceeded",
    "TransactionInProgressException",
    "TransactionConflictException",
    "503",
    "500",
}

_making = threading.Lock()


@dataclass(frozen=True)
class Aws:
    """Clients, made on first use; a client is safe to share between threads, the session that makes it is not."""

    settings: Settings
    _session: boto3.session.Session = field(default_factory=boto3.session.Session)

    def _client(self, name: str, endpoint: str | None = None) -> Any:
        config = Config(
            signature_version="s3v4" if name == "s3" else None,
            retries={"mode": "standard", "max_attempts": 1 if name in {"cloudwatch", "xray"} else 5},
            s3={"addressing_style": "path"} if endpoint and name == "s3" else None,
            connect_timeout=3,
            read_timeout=30,
            max_pool_connections=32,
        )
        with _making:
            return self._session.client(
                name,
                region_name=self.settings.region,
                config=config,
                endpoint_url=endpoint or self.settings.endpoint_url,
            )

    @cached_property
    def s3(self) -> Any:
        """Signature version 4 only: it is what binds size, type, hash and no-overwrite in a grant."""
        return self._client("s3", self.settings.s3_endpoint_url)

    @cached_property
    def sqs(self) -> Any:
        """Landing notifications, and upload events where Kinesis is not used."""
        return self._client("sqs")

    @cached_property
    def kinesis(self) -> Any:
        """Upload events."""
        return self._client("kinesis")

    @cached_property
    def dynamodb(self) -> Any:
        """The ledger and the leases."""
        return self._client("dynamodb")

    @cached_property
    def glue(self) -> Any:
        """The catalog."""
        return self._client("glue")

    @cached_property
    def kms(self) -> Any:
        """The key that signs receipts."""
        return self._client("kms")

    @cached_property
    def cloudwatch(self) -> Any:
        """Metrics of the streaming job; tried once, because measuring must not hold up what it measures."""
        return self._client("cloudwatch")

    @cached_property
    def secretsmanager(self) -> Any:
        """What programs need to call the upload API."""
        return self._client("secretsmanager")

    @cached_property
    def xray(self) -> Any:
        """Traces of uploads; tried once, as metrics are."""
        return self._client("xray")


def error_code(error: ClientError) -> str:
    """AWS's code of a refused call, for example `PreconditionFailed`, `412` or `NoSuchKey`."""
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def transient(step: str) -> Iterator[None]:
    """Turns an unreachable, slow or busy AWS into `TransientError`; other refusals pass unchanged."""
    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if error_code(error) in _RETRYABLE or status >= 500:  # noqa: PLR2004  # HTTP's server errors
            msg = f"{step}: {error}"
            raise TransientError(msg) from error
        raise
    except BotoCoreError as error:
        msg = f"{step}: {error}"
        raise TransientError(msg) from error
