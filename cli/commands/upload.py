"""`ledgerlake upload`: sends files as any client would, and tells what became of them."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from decimal import Decimal, InvalidOperation
from functools import partial
from mimetypes import guess_type
from pathlib import Path

from rich.console import Group
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from cli.command import Command
from cli.person import client_of, person_argument
from cli.shell import Exit, Reply, Shell
from cli.sidecar import Sidecar, read_sidecar
from cli.uploads import hints, listing, whole
from ingestion.client import Ask, Client, Json
from ledgerlake.errors import ConfigurationError


def total(text: str) -> tuple[str, str]:
    """A column and its total, as people declare it."""
    column, given, amount = text.partition("=")
    try:
        Decimal(amount)
    except InvalidOperation:
        given = ""
    if not given:
        raise ArgumentTypeError(f"{text!r} is not COLUMN=AMOUNT, for example amount=1234.50")
    return column, amount


def declared_arguments(parser: ArgumentParser) -> None:
    """What can be said of a file, to be checked."""
    parser.add_argument("--rows", type=int, metavar="N", help="data rows in the file, to be checked")
    parser.add_argument(
        "--total",
        type=total,
        action="append",
        default=[],
        metavar="COLUMN=AMOUNT",
        help="total of a money column, or as in hash(account), to be checked; may be repeated",
    )


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", type=Path)
    parser.add_argument("--dataset", required=True, help="where the rows belong: the name of a contract")
    declared_arguments(parser)
    parser.add_argument("--totals", type=Path, metavar="SIDECAR", help="rows and totals from the file beside FILE")
    parser.add_argument(
        "--supersedes", metavar="UPLOAD_ID", help="take the place of this earlier upload: its rows leave the table"
    )
    parser.add_argument("--content-type", help="media type (default: by the file's name)")
    person_argument(parser)
    parser.add_argument("--wait", action="store_true", help="until it is applied, held or rejected")
    parser.add_argument("--timeout", type=float, default=120.0, metavar="SECONDS", help="with --wait; default 120")


def _run(shell: Shell, arguments: Namespace) -> Reply:
    missing = [str(path) for path in arguments.files if not path.is_file()]
    if missing:
        raise ConfigurationError(f"no such file: {', '.join(missing)}")
    if arguments.supersedes and len(arguments.files) > 1:
        raise ConfigurationError("--supersedes is about one file; upload each with the upload that it supersedes")
    declared = _declared(arguments)
    client = client_of(shell, arguments)
    ids = _send(shell, client, arguments, declared)
    if arguments.wait:
        with shell.working("waiting for the stream"):
            uploads = [client.wait(each, arguments.timeout) for each in ids]
    else:
        uploads = [client.status(each) for each in ids]
    return _reply(uploads)


def _declared(arguments: Namespace) -> Sidecar:
    if arguments.totals is None:
        return Sidecar(arguments.rows, dict(arguments.total))
    if len(arguments.files) > 1:
        raise ConfigurationError("--totals describes one file; upload each file with its own sidecar")
    return read_sidecar(arguments.totals).overruled(arguments.rows, dict(arguments.total))


def _send(shell: Shell, client: Client, arguments: Namespace, declared: Sidecar) -> list[str]:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    ids = []
    with Progress(*columns, console=shell.progress, transient=True) as progress:
        for path in arguments.files:
            task = progress.add_task(path.name, total=path.stat().st_size)
            kind = arguments.content_type or guess_type(path.name)[0] or "application/octet-stream"
            ask = Ask(arguments.dataset, path, kind, declared.rows, declared.totals, supersedes=arguments.supersedes)
            ids.append(client.upload(ask, partial(progress.advance, task)))
    return ids


def _reply(uploads: list[Json]) -> Reply:
    bad = any(each["state"] in {"held", "rejected"} for each in uploads)
    shown = whole(uploads[0]) if len(uploads) == 1 else Group(listing("Uploads", uploads))
    return Reply(
        uploads[0] if len(uploads) == 1 else uploads,
        shown,
        hints(uploads[-1]),
        Exit.FAILED if bad else Exit.OK,
    )


COMMAND = Command("upload", "send files through the upload API, as any client would", _run, _arguments)
