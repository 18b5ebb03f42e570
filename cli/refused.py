"""Refused rows as people see them: the raw line with its bad cells marked, or a sheet that no program runs."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

from rich.text import Text

from tables.contract import Contract
from tables.quarantine import Refused

SHEET = ("dataset", "upload_id", "line", "rule", "column", "value", "message", "raw")
MARK = "bold reverse red"
_RUNS = re.compile(r"^[=+\-@\t\r]")


def sheet(refused: Iterable[Refused]) -> str:
    """CSV, a line for each reason of each row; every cell in quotes, and a `'` before one that a spreadsheet would run.

    Those are cells that begin with `=`, `+`, `-`, `@`, a tab or a carriage return.
    Source: https://owasp.org/www-community/attacks/CSV_Injection
    """
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(SHEET)
    for each in refused:
        for reason in each.reasons:
            said = (reason["rule"], reason["column"], reason["value"], reason["message"])
            writer.writerow(map(_harmless, (each.dataset, each.upload_id, each.row, *said, each.raw)))
    return text.getvalue()


def _harmless(cell: object) -> str:
    text = "" if cell is None else str(cell)
    return f"'{text}" if _RUNS.match(text) else text


def marked(refused: Refused, contract: Contract, header: str) -> Text:
    """The raw line, each cell that a reason names marked; `header` is that of its file, empty where it is not known."""
    line = Text(refused.raw.rstrip("\r\n"))
    names = _names(header, contract) if contract.file.name == "csv" else []
    spans = _spans(refused.raw, contract) if contract.file.name == "csv" else []
    for reason in refused.reasons:
        start, end = _place(reason["column"], reason["value"], refused.raw, names, spans)
        line.stylize(MARK, start, end)
    return line


def _place(
    column: str | None,
    value: str | None,
    raw: str,
    names: Sequence[str | None],
    spans: Sequence[tuple[int, int]],
) -> tuple[int, int]:
    """Where the cell stands: by its column, else by its text; the whole line where a reason is about all of it."""
    if column in names and names.index(column) < len(spans):
        return spans[names.index(column)]
    at = raw.find(value) if value else -1
    return (at, at + len(value or "")) if at >= 0 else (0, len(raw))


def _names(header: str, contract: Contract) -> list[str | None]:
    """The contract's column of each cell of the header's last line."""
    known = {name.strip().casefold(): each.name for each in contract.columns for name in (each.name, *each.aliases)}
    last = header.splitlines()[-1:]
    cells = next(csv.reader(last, delimiter=contract.file.delimiter, quotechar=contract.file.quote or '"'), [])
    return [known.get(cell.strip().casefold()) for cell in cells]


def _spans(raw: str, contract: Contract) -> list[tuple[int, int]]:
    """Start and end of each cell of a delimited line; an empty cell is marked with the delimiter before it."""
    delimiter, quote = re.escape(contract.file.delimiter), re.escape(contract.file.quote or "\0")
    cell = re.compile(rf"{quote}(?:[^{quote}]|{quote}{quote})*{quote}[^{delimiter}]*|[^{delimiter}\r\n]*")
    found, at = [], 0
    while at <= len(raw):
        match = cell.match(raw, at)
        end = match.end() if match else at
        found.append((at, end) if end > at else (max(at - 1, 0), at))
        at = end + 1
    return found
