"""`ledgerlake query`: SQL over the tables, as they are or as they were."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from cli.command import Command
from cli.reading import records, select, shown
from cli.shell import Reply, Shell


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("sql", metavar="SQL", help="one SELECT; tables are named like datasets, uploads, quarantine")
    parser.add_argument(
        "--as-of",
        action="append",
        default=[],
        metavar="[TABLE=]VERSION|TIME",
        help="as the tables were at a version (7) or time (2026-03-31T00:00:00Z); may be repeated",
    )
    parser.add_argument("--limit", type=int, default=50, help="rows shown (default: %(default)s; --json: all)")


def _run(shell: Shell, arguments: Namespace) -> Reply:
    rows = select(shell, arguments.sql, arguments.as_of)
    return Reply(records(rows), shown(rows, limit=arguments.limit))


COMMAND = Command("query", "answer one SQL statement, also as of an earlier version or time", _run, _arguments)
