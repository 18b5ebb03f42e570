"""Who asks the API. Nobody signs in on a laptop: whoever starts a command may say that it is another of its users."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from cli.shell import Shell
from ingestion.client import Client


def person_argument(parser: ArgumentParser) -> None:
    """Lets the command be given by another person, as where two of them have to agree."""
    parser.add_argument(
        "--as", dest="person", metavar="NAME", help="on a laptop: as this user of LEDGERLAKE_LOCAL_USERS, not as you"
    )


def client_of(shell: Shell, arguments: Namespace) -> Client:
    """The API, asked by that person."""
    return Client(shell.api_url, person=arguments.person)
