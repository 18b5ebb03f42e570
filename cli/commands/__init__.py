"""One module for each subcommand; `COMMANDS` is the order in which `--help` names them."""

from cli.command import Command
from cli.commands import contracts, doctor, down, ledger, quarantine, query, status, sweep, tables, up, upload

COMMANDS: tuple[Command, ...] = (
    up.COMMAND,
    down.COMMAND,
    upload.COMMAND,
    status.COMMAND,
    query.COMMAND,
    *quarantine.COMMANDS,
    *tables.COMMANDS,
    contracts.COMMAND,
    ledger.COMMAND,
    sweep.COMMAND,
    doctor.COMMAND,
)
"""A new command is one module and one line here."""
