"""`ledgerlake contracts`: every problem of every contract with its place and its fix; drafts of new ones."""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Group
from rich.text import Text

from cli.command import Command
from cli.shell import Exit, Reply, Shell, Verbatim, table
from ingestion.dry_run import dry_run
from ledgerlake.clock import utc_now
from ledgerlake.errors import ConfigurationError, ContractError, Problem
from ledgerlake.layout import DATASET
from tables.contract import Contract
from tables.odcs import load
from validation.infer import infer


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


def _infer_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", type=Path, help="a sample")
    parser.add_argument("--dataset", help="name of the dataset (default: by the file's name)")


def _infer(_: Shell, arguments: Namespace) -> Reply:
    """The draft is tried on its sample before anybody sees it."""
    file: Path = arguments.file
    if not file.is_file():
        raise ConfigurationError(f"no such file: {file}")
    dataset = arguments.dataset or re.sub(r"[^a-z0-9]+", "_", file.name.partition(".")[0].casefold()).strip("_")
    if not DATASET.fullmatch(dataset):
        raise ConfigurationError(f"{dataset!r} is no name of a dataset; give one with --dataset")
    text = infer(file.read_bytes(), dataset)
    with file.open("rb") as sample:
        found = dry_run(sample, load(text, f"{dataset}.yaml"), utc_now())
    data = {"contract": text, "state": found.state, "rows": found.rows, "refused": found.refused}
    hints = (f"save and read it, then: ledgerlake contracts lint {dataset}.yaml",)
    return Reply(data, Verbatim(text), hints)


COMMANDS = (
    Command("contracts lint", "check contracts; every problem with file, line and fix", _run, _arguments),
    Command("contracts infer", "draft a contract from a sample, a comment on each guess", _infer, _infer_arguments),
)
