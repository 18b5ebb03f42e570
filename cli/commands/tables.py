"""`ledgerlake tables`: what contracts would change in the tables, the change itself, and the tables' upkeep."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Any

from cli.command import Command
from cli.prepare import contracts, plans, prepare
from cli.shell import Reply, Shell, table
from streaming_jobs import upkeep
from streaming_jobs.lake import Lake
from tables.contract_store import ContractStore
from tables.plan import Plan
from tables.upkeep import Step


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


def _maintain_arguments(parser: ArgumentParser) -> None:
    _arguments(parser)
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")


def _maintain(shell: Shell, arguments: Namespace) -> Reply:
    wanted = contracts(shell.settings, shell.aws, arguments.datasets)
    lake = Lake(shell.settings, shell.aws, ContractStore(shell.settings, shell.aws))
    if arguments.dry_run:
        steps = [step for contract in wanted for step in upkeep.needed(lake, contract)]
        data = [_step(step, step.files, None) for step in steps]
        return _maintained("Would do", data, "ledgerlake tables maintain")
    with shell.working("looking after tables"):
        done = [each for contract in wanted for each in upkeep.maintain(lake, contract)]
    data = [_step(each.step, each.removed, each.added) for each in done]
    return _maintained("Done", data, f"ledgerlake history {data[0]['table'] if data else wanted[0].dataset}")


def _step(step: Step, removed: int, added: int | None) -> dict[str, Any]:
    said = {"table": step.table, "action": step.action, "partition": dict(step.partition), "files": removed}
    return said if added is None else {**said, "files_after": added}


def _maintained(title: str, data: list[dict[str, Any]], hint: str) -> Reply:
    if not data:
        return Reply(data, "every table is well laid out, and has nothing to vacuum")
    rows = [
        (
            each["table"],
            each["action"],
            ", ".join(f"{name}={text}" for name, text in each["partition"].items()),
            each["files"],
            each.get("files_after"),
        )
        for each in data
    ]
    return Reply(data, table(title, ("table", "action", "partition", "files", "files after"), rows), (hint,))


COMMANDS = (
    Command("tables plan", "what contracts would change in the tables", _plan, _arguments),
    Command("tables apply", "create and widen tables as contracts say, and register them", _apply, _arguments),
    Command(
        "tables maintain",
        "compact, sort and vacuum tables now, as the stream does by itself",
        _maintain,
        _maintain_arguments,
    ),
)
