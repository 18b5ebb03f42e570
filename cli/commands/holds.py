"""`ledgerlake holds`: files that were set aside whole, and what people decide about them."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from functools import partial

from cli.command import Command
from cli.person import client_of, person_argument
from cli.shell import Reply, Shell, table
from cli.uploads import decided, reason
from ingestion.client import Json


def _list_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--dataset", help="only this dataset")


def _list(shell: Shell, arguments: Namespace) -> Reply:
    client = client_of(shell, arguments)
    datasets = [arguments.dataset] if arguments.dataset else client.datasets()
    held = [each for name in datasets for each in client.holds(name)]
    rows = [
        (each["dataset"], each["seq"], each["file_name"], reason(each), _asked(each), each["upload_id"])
        for each in held
    ]
    hints = (f"ledgerlake holds release {held[0]['upload_id']} --reason WHY",) if held else ()
    shown = (
        table("Held uploads", ("dataset", "seq", "file", "why", "asked", "upload"), rows) if held else "nothing is held"
    )
    return Reply(held, shown, hints)


def _asked(upload: Json) -> str | None:
    """Who wants it released already."""
    return decided(upload["proposal"]) if upload["proposal"] else None


def _decide_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("upload_id", metavar="UPLOAD_ID")
    parser.add_argument("--reason", required=True, help="why; kept for ever with your name")
    person_argument(parser)


def _decide(kind: str, shell: Shell, arguments: Namespace) -> Reply:
    decision = client_of(shell, arguments).decide(arguments.upload_id, kind, arguments.reason)
    status = f"ledgerlake status {decision['as_upload_id'] or decision['upload_id']}"
    if decision["kind"] == "propose":
        again = (
            f"another person (on a laptop: --as) runs: ledgerlake holds release {decision['upload_id']} --reason WHY"
        )
        return Reply(decision, f"{decided(decision)}; the contract wants a second person to agree", (again,))
    return Reply(decision, decided(decision), (status,))


COMMANDS = (
    Command("holds list", "held files that wait for a decision, each with its reason", _list, _list_arguments),
    Command("holds release", "apply a held file after all", partial(_decide, "release"), _decide_arguments),
    Command("holds reject", "end a hold without the file", partial(_decide, "reject"), _decide_arguments),
)
