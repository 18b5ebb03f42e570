"""One module for each subcommand; `COMMANDS` is the order in which `--help` names them."""

from cli.command import Command
from cli.commands import (
    as_of,
    canary,
    changes,
    contracts,
    cost,
    demo,
    doctor,
    down,
    history,
    ledger,
    metrics,
    quarantine,
    query,
    status,
    sweep,
    tables,
    up,
    upload,
)

COMMANDS: tuple[Command, ...] = (
    demo.COMMAND,
    up.COMMAND,
    down.COMMAND,
    upload.COMMAND,
    status.COMMAND,
    query.COMMAND,
    *history.COMMANDS,
    as_of.COMMAND,
    changes.COMMAND,
    *quarantine.COMMANDS,
    *tables.COMMANDS,
    contracts.COMMAND,
    ledger.COMMAND,
    sweep.COMMAND,
    cost.COMMAND,
    canary.COMMAND,
    metrics.COMMAND,
    doctor.COMMAND,
)
"""A new command is one module and one line here."""
