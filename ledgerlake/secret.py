"""Secrets of Secrets Manager. What they hold never stands in a setting, a log line or an error."""

from __future__ import annotations

from ledgerlake.aws import Aws, ClientError, transient
from ledgerlake.errors import ConfigurationError


def read_secret(aws: Aws, secret: str) -> str:
    """The text of a secret, by its name or ARN.

    Raises:
        ConfigurationError: there is none, or we may not read it.
        TransientError: Secrets Manager is out of reach.
    """
    try:
        with transient("read the secret"):
            return str(aws.secretsmanager.get_secret_value(SecretId=secret)["SecretString"])
    except ClientError as error:
        raise ConfigurationError(f"the secret {secret} cannot be read: {error}") from error
