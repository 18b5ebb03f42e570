"""Secrets of Secrets Manager. What they hold never stands in a setting, a log line or an error."""

from __future__ import annotations

from ledgerlake.aws import Aws, ClientError, transient
from ledgerlake.errors import ConfigurationError


def read_secret(aws: Aws, secret: str) -> str:
    """The text of a secret, by its name or ARN.

    Raises:
        ConfigurationError: there is none, we may not read it, or it is no text.
        TransientError: Secrets Manager is out of reach.
    """
    try:
        with transient("read the secret"):
            found = aws.secretsmanager.get_secret_value(SecretId=secret)
    except ClientError as error:
        raise ConfigurationError(f"the secret {secret} cannot be read: {error}") from error
    if "SecretString" not in found:
        raise ConfigurationError(f"the secret {secret} holds bytes; store it as text")
    return str(found["SecretString"])
