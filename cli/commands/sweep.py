"""`ledgerlake sweep`: what the scheduled sweeper does, now."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from datetime import timedelta

from cli.command import Command
from cli.shell import Exit, Reply, Shell, table
from ingestion.intake import Intake
from ingestion.sweeper import sweep


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--older-than", type=float, metavar="SECONDS", help="default: LEDGERLAKE_SWEEP_SECONDS")


def _run(shell: Shell, arguments: Namespace) -> Reply:
    age = None if arguments.older_than is None else timedelta(seconds=arguments.older_than)
    with shell.working("sweeping"):
        swept = sweep(Intake(shell.settings, shell.aws), age)
    data = {
        "admitted": [each.row.upload_id for each in swept.found],
        "rung": [each.upload_id for each in swept.rung],
        "lag": swept.lag,
        "failures": list(swept.failures),
    }
    rows = [
        ("admitted, though nobody announced them", len(swept.found)),
        ("announced again", len(swept.rung)),
        *((f"accepted and not applied: {dataset}", lag) for dataset, lag in swept.lag.items() if lag),
        *(("failed", each) for each in swept.failures),
    ]
    hints = ("see the log of the pump, then sweep again",) if swept.failures else ("ledgerlake status",)
    return Reply(data, table("Sweep", ("what", "uploads"), rows), hints, Exit.FAILED if swept.failures else Exit.OK)


COMMAND = Command("sweep", "admit what landed unnoticed, announce again what was not applied", _run, _arguments)
