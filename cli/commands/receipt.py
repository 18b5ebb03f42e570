"""`ledgerlake receipt`: what became of an upload, signed, and whether such a receipt is genuine."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path

from cli.command import Command
from cli.person import client_of
from cli.shell import Exit, Reply, Shell, Verbatim
from ledgerlake.errors import ConfigurationError


def _show_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("upload_id", metavar="UPLOAD_ID")


def _show(shell: Shell, arguments: Namespace) -> Reply:
    found = client_of(shell, arguments).receipt(arguments.upload_id)
    hints = ("keep it: ledgerlake receipt show UPLOAD_ID > receipt.json", "ledgerlake receipt verify receipt.json")
    return Reply(found, Verbatim(f"{json.dumps(found, indent=2, ensure_ascii=False)}\n"), hints)


def _verify_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", type=Path)


def _verify(shell: Shell, arguments: Namespace) -> Reply:
    try:
        found = json.loads(arguments.file.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{arguments.file} is no receipt: {error}") from error
    if not isinstance(found, dict) or not isinstance(found.get("receipt"), dict):
        raise ConfigurationError(f"{arguments.file} is no receipt: it has no member 'receipt'")
    genuine = client_of(shell, arguments).is_genuine(found)
    about = {"upload_id": found["receipt"].get("upload_id"), "genuine": genuine}
    shown = "genuine: signed by this installation, to the last character" if genuine else "[red]not genuine[/]"
    hints = () if genuine else ("ask for it again: ledgerlake receipt show UPLOAD_ID",)
    return Reply(about, shown, hints, Exit.OK if genuine else Exit.FAILED)


COMMANDS = (
    Command("receipt show", "what became of an upload, signed", _show, _show_arguments),
    Command("receipt verify", "whether a receipt is genuine", _verify, _verify_arguments),
)
