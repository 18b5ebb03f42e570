"""`ledgerlake`: one command line over all rooms.

Answers go to standard output (`--json`: as one JSON value, or one a line), progress and problems to standard error.
Exit codes: 0 done; 1 the answer is no; 2 wrong command line; 3 a setting is missing or the cloud does not run; 4 try
again.
"""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console

from cli.command import Command
from cli.commands import COMMANDS
from cli.shell import Exit, Lines, Reply, Shell, Verbatim
from ledgerlake.errors import ConfigurationError, LedgerlakeError, TransientError

EPILOG = """exit codes:
  0  done                       3  a setting is missing, or the cloud does not run
  1  the answer is no           4  a system was unreachable, slow or busy: try again
  2  the command line is wrong

start with `ledgerlake demo`"""


def main(argv: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """Runs one command; returns its exit code."""
    arguments = parser().parse_args(argv)
    shell = Shell(Path(arguments.state), environ)
    try:
        command: Command = arguments.command
        reply = command.run(shell, arguments)
        _answer(reply, as_json=arguments.json)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except LedgerlakeError as error:
        return _refuse(error, as_json=arguments.json)
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    return reply.exit


def parser() -> ArgumentParser:
    """The whole command line; a command of two words is a command with subcommands."""
    made = ArgumentParser(
        "ledgerlake",
        description="Files that people upload become trustworthy tables within seconds.",
        epilog=EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    groups = {"": made.add_subparsers(title="commands", metavar="COMMAND", required=True)}
    for command in COMMANDS:
        group, _, last = command.name.rpartition(" ")
        if group not in groups:
            members = ", ".join(each.name.split()[-1] for each in COMMANDS if each.name.startswith(f"{group} "))
            groups[group] = groups[""].add_parser(group, help=members).add_subparsers(metavar="COMMAND", required=True)
        _add(groups[group].add_parser(last, help=command.help, description=command.help), command)
    return made


def _add(into: ArgumentParser, command: Command) -> None:
    command.arguments(into)
    into.add_argument("--json", action="store_true", help="print the answer as one JSON value")
    into.add_argument(
        "--state",
        default=os.environ.get("LEDGERLAKE_STATE", ".ledgerlake"),
        metavar="FOLDER",
        help="folder of the embedded cloud (default: %(default)s)",
    )
    into.set_defaults(command=command)


def _answer(reply: Reply, *, as_json: bool) -> None:
    if isinstance(reply.data, Lines):
        for value in reply.data.values:
            print(json.dumps(value, default=plain))  # noqa: T201  # the answer
        return
    if as_json:
        print(json.dumps(reply.data, indent=2, default=plain))  # noqa: T201  # the answer
        return
    if isinstance(reply.shown, Verbatim):
        sys.stdout.write(reply.shown.text)
        return
    console = Console(width=None if sys.stdout.isatty() else 140)
    if reply.shown:
        console.print(reply.shown, highlight=False)
    for hint in reply.hints:
        Console(stderr=True).print(f"[dim]next:[/dim] {hint}", highlight=False)


def _refuse(error: LedgerlakeError, *, as_json: bool) -> int:
    """Says what is wrong and returns the code for its kind: retry is decided by type."""
    kinds = ((ConfigurationError, Exit.CONFIGURATION), (TransientError, Exit.TRY_AGAIN))
    code = next((code for kind, code in kinds if isinstance(error, kind)), Exit.FAILED)
    if as_json:
        print(json.dumps({"error": type(error).__name__, "message": str(error)}, indent=2))  # noqa: T201  # the answer
    else:
        Console(stderr=True).print(
            f"[red]{type(error).__name__}[/red]",
            str(error),
            sep=": ",
            markup=True,
            highlight=False,
            soft_wrap=True,
        )
    return code


def plain(value: Any) -> Any:
    """JSON of what JSON lacks: decimals keep their digits, times are ISO 8601, bytes are hex."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


if __name__ == "__main__":
    sys.exit(main())
