"""`ledgerlake changes`: what was inserted, updated and deleted between two versions, and through which upload."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from itertools import islice
from typing import Any

from cli.command import Command
from cli.reading import contract_of
from cli.shell import Lines, Reply, Shell, table
from ledgerlake.clock import utc_now
from tables.feed import RowChange, changes, span
from tables.key import identity_of, key_of


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("dataset", metavar="DATASET")
    begin = parser.add_mutually_exclusive_group()
    begin.add_argument(
        "--from",
        dest="after",
        type=int,
        metavar="VERSION",
        help="the version that you have: changes after it (default: all that are kept)",
    )
    begin.add_argument("--since-upload", type=int, metavar="SEQ", help="the upload that you have: what later ones did")
    parser.add_argument("--to", dest="last", type=int, metavar="VERSION", help="up to this version (default: newest)")
    parser.add_argument("--key", nargs="+", default=[], metavar="COLUMN=VALUE", help="only rows with this primary key")
    parser.add_argument("--limit", type=int, default=50, help="changes shown (default: %(default)s; --json: all)")


def _run(shell: Shell, arguments: Namespace) -> Reply:
    contract = contract_of(shell, arguments.dataset)
    asked = {"after": arguments.after, "last": arguments.last, "upload": arguments.since_upload}
    found = span(contract, shell.settings, utc_now(), **asked)
    texts = dict(text.partition("=")[::2] for text in arguments.key)
    key = key_of(contract, texts, whole=False) if texts else None
    rows = changes(contract, shell.settings, found, key)
    if arguments.json:
        return Reply(Lines(asdict(each) for each in rows))
    shown = list(islice(rows, arguments.limit + 1))
    more = f" (the first {arguments.limit})" if len(shown) > arguments.limit else ""
    names = identity_of(contract)
    columns = ("version", "change", *names, "what changed", "upload", "line", "file")
    title = f"Changes of {contract.dataset} after version {found.after}, up to {found.last}{more}"
    lines = [_line(each, names) for each in shown[: arguments.limit]]
    return Reply(None, table(title, columns, lines), (f"ledgerlake changes {contract.dataset} --from {found.last}",))


def _line(change: RowChange, names: tuple[str, ...]) -> tuple[Any, ...]:
    row, cause = change.after or change.before or {}, change.cause
    where = (cause.seq, cause.line, cause.file_name) if cause else (None, None, None)
    return (change.version, change.change, *(row[name] for name in names), _what(change, names), *where)


def _what(change: RowChange, names: tuple[str, ...]) -> str:
    """Of an update what was and what is; of the others nothing, for it is the whole row."""
    before, after = change.before or {}, change.after or {}
    silent = {*names, "_upload_id", "_seq", "_row"}
    if not before or not after:
        return ""
    changed = [name for name in after if name not in silent and before.get(name) != after[name]]
    return "\n".join(f"{name}: {before.get(name)} -> {after[name]}" for name in changed)


COMMAND = Command("changes", "rows inserted, updated and deleted since a version or upload", _run, _arguments)
