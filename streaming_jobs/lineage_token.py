"""The bearer token of a lineage endpoint: a setting says where it is, and only the request that needs it holds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from ledgerlake.aws import Aws
from ledgerlake.errors import ConfigurationError
from ledgerlake.secret import read_secret

VARIABLE = "env:"
"""Before the name of a variable of the environment; what has no such prefix is a secret of Secrets Manager."""


@dataclass
class Bearer:
    """A token that is read when it is first needed, and again after an endpoint refused it."""

    read: Callable[[], str]
    known: str | None = field(default=None, repr=False)

    def header(self) -> str:
        """The value of `Authorization`.

        Raises:
            ConfigurationError: there is no token, or it cannot stand in a header.
            TransientError: Secrets Manager is out of reach.
        """
        if self.known is None:
            token = self.read().strip()
            if not token or not token.isascii() or not token.isprintable() or " " in token:
                raise ConfigurationError("the token of lineage must be one word of printable ASCII characters")
            self.known = token
        return f"Bearer {self.known}"

    def refused(self) -> None:
        """The endpoint does not take it any more: perhaps it was changed."""
        self.known = None


def bearer(aws: Aws, environ: Mapping[str, str]) -> Bearer | None:
    """The token that the settings name; None if they name none.

    Raises:
        ConfigurationError: the variable is not set, or the token would travel without TLS.
    """
    url, where = aws.settings.lineage or "", aws.settings.lineage_token
    if where is None:
        return None
    if not url.startswith("https://") and aws.settings.endpoint_url is None:
        raise ConfigurationError("LEDGERLAKE_LINEAGE must begin with https:// where LEDGERLAKE_LINEAGE_TOKEN is set")
    name = where.removeprefix(VARIABLE)
    if name == where:
        return Bearer(partial(read_secret, aws, where))
    if not environ.get(name):
        raise ConfigurationError(
            f"{name} is not set, and LEDGERLAKE_LINEAGE_TOKEN={where} says that the token is there"
        )
    return Bearer(partial(environ.__getitem__, name))
