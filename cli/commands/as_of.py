"""`ledgerlake as-of`: what we believed at one time about another."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from datetime import datetime

from cli.command import Command
from cli.reading import contract_of, moment_of, records, shown
from cli.shell import Reply, Shell
from tables.bitemporal import Belief, as_of
from tables.key import key_of


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("dataset", metavar="DATASET")
    parser.add_argument(
        "key", nargs="*", metavar="COLUMN=VALUE", help="only rows with this primary key, or a part of it"
    )
    parser.add_argument(
        "--known",
        metavar="SEQ|TIME",
        help="what was known after an upload (7) or at a time (2026-03-31T00:00:00Z); default: now",
    )
    parser.add_argument(
        "--effective",
        metavar="VALUE",
        help="rows that hold at this value of the table's own time (2026-03-31); default: every window",
    )
    parser.add_argument("--limit", type=int, default=50, help="rows shown (default: %(default)s; --json: all)")


def _run(shell: Shell, arguments: Namespace) -> Reply:
    contract = contract_of(shell, arguments.dataset)
    texts = dict(text.partition("=")[::2] for text in arguments.key)
    key = key_of(contract, texts, whole=False) if texts else None
    known = None if arguments.known is None else moment_of(arguments.known)
    found = as_of(contract, shell.settings, known, arguments.effective, key)
    data = {"known_upload": found.seq, "version": found.version, "rows": records(found.rows)}
    return Reply(data, shown(found.rows, _title(arguments, known, found), arguments.limit), _next(arguments, found))


def _title(arguments: Namespace, known: int | datetime | None, found: Belief) -> str:
    when = [f"effective {arguments.effective}"] if arguments.effective else []
    when += [f"known at {arguments.known}"] if isinstance(known, datetime) else []
    when += [f"known after upload {found.seq}"] if found.seq else []
    when += [f"version {found.version}"] if found.version is not None else []
    return f"{arguments.dataset}: {', '.join(when)}"


def _next(arguments: Namespace, found: Belief) -> tuple[str, ...]:
    """The belief before."""
    if found.seq is None or found.seq == 1:
        return (f"ledgerlake history {arguments.dataset}",)
    asked = "".join(f" {text}" for text in arguments.key)
    effective = f" --effective {arguments.effective}" if arguments.effective else ""
    return (f"ledgerlake as-of {arguments.dataset}{asked} --known {found.seq - 1}{effective}",)


COMMAND = Command("as-of", "what was believed at one time about another", _run, _arguments)
