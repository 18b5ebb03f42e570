"""`ledgerlake check`: what a file would get, before anybody sends it. It needs the contracts only, no running lake."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path

from rich.console import Group, RenderableType

from cli.command import Command
from cli.commands.upload import declared_arguments
from cli.shell import Exit, Reply, Shell, table
from cli.uploads import COLORS
from ingestion.dry_run import SHOWN, DryRun, dry_run
from ledgerlake.clock import utc_now
from ledgerlake.errors import ConfigurationError
from ledgerlake.layout import DATASET
from tables.contract import Contract
from tables.odcs import load
from validation.totals import Declared


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", type=Path)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--dataset", help="name of a contract in LEDGERLAKE_CONTRACTS")
    which.add_argument("--contract", type=Path, metavar="PATH", help="a contract that is in force nowhere yet")
    declared_arguments(parser)


def _run(shell: Shell, arguments: Namespace) -> Reply:
    contract = _contract(shell, arguments)
    if not arguments.file.is_file():
        raise ConfigurationError(f"no such file: {arguments.file}")
    declared = Declared(arguments.rows, {column: Decimal(amount) for column, amount in arguments.total})
    with arguments.file.open("rb") as file:
        found = dry_run(file, contract, utc_now(), declared)
    good = found.state == "applied"
    send = f"ledgerlake upload {arguments.file} --dataset {contract.dataset} --wait"
    hints = (send,) if good else ("mend the file as the reasons say, then check it again",)
    return Reply(asdict(found), _shown(found), hints, Exit.OK if good else Exit.FAILED)


def _contract(shell: Shell, arguments: Namespace) -> Contract:
    folder = Path(shell.env.get("LEDGERLAKE_CONTRACTS", "contracts"))
    if arguments.dataset and not DATASET.fullmatch(arguments.dataset):
        raise ConfigurationError(f"{arguments.dataset!r} is no name of a dataset")
    path: Path = arguments.contract or folder / f"{arguments.dataset}.yaml"
    if not path.is_file():
        raise ConfigurationError(f"there is no contract {path}; name one with --contract, or set LEDGERLAKE_CONTRACTS")
    return load(path.read_text(encoding="utf-8"), str(path))


def _shown(found: DryRun) -> RenderableType:
    about = [("state", f"[{COLORS[found.state]}]{found.state}[/]"), *(("reason", each) for each in found.reasons)]
    about += [("rows", str(found.rows)), ("refused", str(found.refused))]
    about += [(f"sum of {name}", f"{amount:,f}") for name, amount in found.money.items()]
    about += [("warning", f"{name}: {rows:,} rows") for name, rows in found.warnings.items()]
    about += [("not asked", f"{name}, which needs a table") for name in found.unjudged]
    parts: list[RenderableType] = [table("", ("", ""), about)]
    if found.by_rule:
        parts.append(table("Refused rows by rule", ("rule", "rows"), list(found.by_rule.items())))
        rows = [(each["row"], reason["message"]) for each in found.shown for reason in each["reasons"]]
        more = f" (the first {SHOWN})" if found.refused > SHOWN else ""
        parts.append(table(f"Refused rows{more}", ("line", "why"), rows))
    return Group(*parts)


COMMAND = Command("check", "say what a file would get, without sending it", _run, _arguments)
