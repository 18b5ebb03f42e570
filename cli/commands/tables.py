"""`ledgerlake tables`: what contracts would change in the tables, and the change itself."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from cli.command import Command
from cli.prepare import contracts, plans, prepare
from cli.shell import Reply, Shell, table
from tables.plan import Plan


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("datasets", nargs="*", metavar="DATASET", help="only these (default: all that have a contract)")


def _plan(shell: Shell, arguments: Namespace) -> Reply:
    wanted = contracts(shell.settings, shell.aws, arguments.datasets)
    return _reply("Would change", plans(shell.settings, wanted), "ledgerlake tables apply")


def _apply(shell: Shell, arguments: Namespace) -> Reply:
    wanted = contracts(shell.settings, shell.aws, arguments.datasets)
    with shell.working("changing tables"):
        done = prepare(shell.settings, shell.aws, wanted)
    return _reply("Changed", done, "ledgerlake upload FILE --dataset DATASET --wait")


def _reply(title: str, made: Sequence[Plan], hint: str) -> Reply:
    changes = [(change.table, change.words) for each in made for change in each.changes]
    data = [{"table": name, "change": words} for name, words in changes]
    if not changes:
        return Reply(data, "every table is as its contract says")
    return Reply(data, table(title, ("table", "change"), changes), (hint,))


COMMANDS = (
    Command("tables plan", "what contracts would change in the tables", _plan, _arguments),
    Command("tables apply", "create and widen tables as contracts say, and register them", _apply, _arguments),
)
