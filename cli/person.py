"""Who asks the API: in AWS a token says so; on a laptop nobody signs in, and one may say to be another of its users."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from urllib.parse import urlsplit

from cli.shell import Shell
from ingestion.client import Client
from ledgerlake.errors import ConfigurationError

TOKEN = "LEDGERLAKE_API_TOKEN"  # noqa: S105  # the name of the variable that has it
"""Variable with the bearer token of whoever asks; it is read from the environment only, and written nowhere."""

_HERE = ("127.0.0.1", "localhost", "::1")


def person_argument(parser: ArgumentParser) -> None:
    """Lets the command be given by another person, as where two of them have to agree."""
    parser.add_argument(
        "--as", dest="person", metavar="NAME", help="on a laptop: as this user of LEDGERLAKE_LOCAL_USERS, not as you"
    )


def client_of(shell: Shell, arguments: Namespace) -> Client:
    """The API, asked by that person.

    Raises:
        ConfigurationError: there is no API, or the token would travel without TLS.
    """
    url, token = shell.api_url, shell.environ.get(TOKEN)
    where = urlsplit(url)
    if token and where.scheme != "https" and where.hostname not in _HERE:
        raise ConfigurationError(f"{TOKEN} is set, but {url} has no TLS: name the API by an https:// address")
    return Client(url, token, getattr(arguments, "person", None))
