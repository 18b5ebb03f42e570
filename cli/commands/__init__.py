"""One module for each subcommand; `COMMANDS` is the order in which `--help` names them."""

from cli.command import Command
from cli.commands import contracts, doctor, down, ledger, quarantine, query, sweep, tables, up

COMMANDS: tuple[Command, ...] = (
    up.COMMAND,
    down.COMMAND,
    query.COMMAND,
    *quarantine.COMMANDS,
    *tables.COMMANDS,
    contracts.COMMAND,
    ledger.COMMAND,
    sweep.COMMAND,
    doctor.COMMAND,
)
"""A new command is one module and one line here."""
