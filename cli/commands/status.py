"""`ledgerlake status`: what became of one upload, or of the latest ones."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from rich.console import Group

from cli.command import Command
from cli.person import client_of
from cli.shell import Exit, Reply, Shell
from cli.uploads import hints, listing, whole


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("upload_id", nargs="?", metavar="UPLOAD_ID", help="default: the latest uploads of each dataset")
    parser.add_argument("--dataset", help="only this dataset")
    parser.add_argument("--limit", type=int, default=20, help="uploads of each dataset (default: %(default)s)")


def _run(shell: Shell, arguments: Namespace) -> Reply:
    client = client_of(shell, arguments)
    if arguments.upload_id:
        upload = client.status(arguments.upload_id)
        bad = upload["state"] in {"held", "rejected"}
        return Reply(upload, whole(upload), hints(upload), Exit.FAILED if bad else Exit.OK)
    names = [arguments.dataset] if arguments.dataset else client.datasets()
    found = {name: client.uploads(name, arguments.limit) for name in names}
    tables = [listing(name, uploads) for name, uploads in found.items() if uploads]
    if not tables:
        return Reply(found, "no uploads yet", ("ledgerlake upload FILE --dataset DATASET --wait",))
    return Reply(found, Group(*tables), ("ledgerlake status UPLOAD_ID",))


COMMAND = Command("status", "what became of an upload, or of the latest ones", _run, _arguments)
