"""`ledgerlake quarantine`: the rows that were refused, and why."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from re import Pattern

import pyarrow.compute as pc

from cli.command import Command
from cli.reading import records, select
from cli.shell import Reply, Shell, table
from ledgerlake.errors import ConfigurationError
from ledgerlake.layout import DATASET, UPLOAD_ID

_LIST = "SELECT dataset, seq, upload_id, count(*) AS rows, max(quarantined_at) AS at FROM quarantine"
_SHOW = "SELECT row, raw, reasons FROM quarantine WHERE upload_id = '{}' ORDER BY row"


def _list_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--dataset", help="only this dataset")


def _list(shell: Shell, arguments: Namespace) -> Reply:
    where = f" WHERE dataset = '{_checked(DATASET, arguments.dataset, 'dataset')}'" if arguments.dataset else ""
    rows = records(select(shell, f"{_LIST}{where} GROUP BY dataset, seq, upload_id ORDER BY dataset, seq"))
    listed = [(row["dataset"], row["seq"], row["upload_id"], row["rows"], row["at"]) for row in rows]
    hints = [f"ledgerlake quarantine show {rows[0]['upload_id']}"] if rows else []
    return Reply(rows, table("Uploads with refused rows", ("dataset", "seq", "upload", "rows", "at"), listed), hints)


def _show_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("upload_id", metavar="UPLOAD_ID")


def _show(shell: Shell, arguments: Namespace) -> Reply:
    found = select(shell, _SHOW.format(_checked(UPLOAD_ID, arguments.upload_id, "upload id")))
    rows = records(found)
    listed = [
        (row["row"], reason["rule"], reason["column"], reason["value"], reason["message"])
        for row in rows
        for reason in row["reasons"]
    ]
    title = f"{found.num_rows} refused rows, {pc.sum(pc.list_value_length(found['reasons'])).as_py() or 0} reasons"
    return Reply(
        rows,
        table(title, ("line", "rule", "column", "value", "why"), listed),
        (f"ledgerlake status {arguments.upload_id}",),
    )


def _checked(pattern: Pattern[str], text: str, what: str) -> str:
    """The text, which then may stand inside SQL."""
    if not pattern.fullmatch(text):
        raise ConfigurationError(f"not a valid {what}: {text!r}; see `ledgerlake quarantine list`")
    return text


COMMANDS = (
    Command("quarantine list", "uploads with refused rows", _list, _list_arguments),
    Command("quarantine show", "refused rows of one upload, with every reason", _show, _show_arguments),
)
