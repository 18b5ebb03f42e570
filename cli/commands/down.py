"""`ledgerlake down`: stops what `up` started; the data stay."""

from __future__ import annotations

import shutil
from argparse import ArgumentParser, Namespace

from cli.cloud import stop_all
from cli.command import Command
from cli.shell import Reply, Shell


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--delete-data", action="store_true", help="also delete the state folder: files, tables, logs")


def _run(shell: Shell, arguments: Namespace) -> Reply:
    with shell.working("stopping"):
        stopped = [each.name for each in stop_all(shell.state)]
    if arguments.delete_data:
        shutil.rmtree(shell.root, ignore_errors=True)
    said = f"stopped {', '.join(stopped)}" if stopped else "nothing was running"
    kept = "its data are deleted" if arguments.delete_data else f"its data stay in {shell.root}"
    return Reply({"stopped": stopped, "deleted": arguments.delete_data}, f"{said}; {kept}", ("ledgerlake up",))


COMMAND = Command("down", "stop the lake on this machine; its data stay", _run, _arguments)
