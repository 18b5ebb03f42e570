"""`ledgerlake contracts lint`: every problem of every contract, each with its place and its fix."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Group
from rich.text import Text

from cli.command import Command
from cli.shell import Exit, Reply, Shell, table
from ledgerlake.errors import ConfigurationError, ContractError, Problem
from tables.contract import Contract
from tables.odcs import load


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", metavar="PATH", help="contracts, or folders of them (default: the setting)")


def _run(shell: Shell, arguments: Namespace) -> Reply:
    found: list[Contract] = []
    problems: list[Problem] = []
    for path in _files(arguments.paths or [shell.env.get("LEDGERLAKE_CONTRACTS", "contracts")]):
        try:
            found.append(load(path.read_text(encoding="utf-8"), str(path)))
        except ContractError as error:
            problems += error.problems
        except UnicodeDecodeError as error:
            problems.append(Problem(str(path), f"not UTF-8 at byte {error.start}", "Save the file as UTF-8."))
    rows = [
        (each.dataset, each.version, each.mode, ", ".join(each.primary_key), len(each.columns), ", ".join(each.money))
        for each in found
    ]
    good = table(f"{len(found)} good contracts", ("dataset", "version", "mode", "key", "columns", "money"), rows)
    data = {
        "contracts": [{"dataset": each.dataset, "version": each.version, "sha256": each.sha256} for each in found],
        "problems": [asdict(each) for each in problems],
    }
    if problems:
        return Reply(
            data,
            Group(good, *(Text(str(each), style="red") for each in problems)),
            ("mend them, then: ledgerlake contracts lint",),
            Exit.FAILED,
        )
    return Reply(data, good, ("ledgerlake tables plan",))


def _files(paths: Sequence[str]) -> Iterator[Path]:
    for path in map(Path, paths):
        if path.is_dir():
            yield from sorted(path.glob("*.yaml"))
        elif path.exists():
            yield path
        else:
            raise ConfigurationError(f"there is no contract or folder {path}; name one, or set LEDGERLAKE_CONTRACTS")


COMMAND = Command("contracts lint", "check contracts; every problem with file, line and fix", _run, _arguments)
