"""Refused rows enter again: as a file of their own, in one of the forms of `Form`.

A row is judged by itself, so that what enters again says in the new file what it said in the old one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto

import numpy as np

from ledgerlake.errors import RejectedError
from tables.contract import Contract
from tables.modes import MODES
from validation.container import open_container
from validation.formats.encoding import open_text, readable
from validation.known import Known
from validation.rewritten import Place, rewritten, unread
from validation.rules import Ask, not_asking
from validation.validate import validate
from validation.verdict import Verdict

RETURN, NEWLINE = "\r", "\n"
MARK = "\ufeff"
"""At the start of a file it is no character of its first row, so that a row that begins with it needs another."""


class Form(Enum):
    """How rows of a dataset enter again."""

    LINES = auto()
    """As they stand in their file, below its header if it has one."""
    CELLS = auto()
    """As JSON Lines made of their cells (`validation.rewritten`)."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A file of rows that enter again, and whether its row i (in the order of the file) is `accepted`."""

    verdict: Verdict
    accepted: list[bool]


def form_of(contract: Contract) -> Form:
    """The form for files of this contract; as uploads that entered again stay in raw, it never changes."""
    file = contract.file
    has_lines = file.name in {"fixed", "jsonl"} or (file.name == "csv" and file.header is not None)
    return Form.LINES if has_lines else Form.CELLS


def rows_only(contract: Contract, accepted_under: Contract | None = None) -> Contract:
    """The contract for such a file: it has no trailer, and no budget, of the file that its rows came from.

    The form of a file that is there already is that of the contract that it was `accepted_under`.
    """
    file = replace(contract.file, trailers=(), control_totals=())
    if form_of(accepted_under or contract) is Form.CELLS:
        file = replace(file, name="jsonl", encodings=("utf-8",))
    return replace(contract, file=file, quarantine_budget=None)


def as_it_stands(contract: Contract, accepted_under: Contract, *, reentered: bool) -> Contract:
    """The contract of now for the file of an upload, whose rows may have `reentered` with it.

    Raises:
        RejectedError: they did so in another form than rows would now.
    """
    if not reentered:
        return contract
    if form_of(contract) is not form_of(accepted_under):
        found = f"its rows entered under contract {accepted_under.version}, in another form than rows of such files now"
        raise RejectedError("form", f"{found}; write them as such, and send them as an upload or a correction")
    return rows_only(contract)


def obstacle(contract: Contract) -> str | None:
    """Why single rows of the dataset cannot enter again, in words; None if they can."""
    if MODES[contract.mode].alone:
        return f"a file of mode {contract.mode} is a full state, of which no row can be sent alone: send the whole file"
    if contract.file.unpivot:
        whole = "send a corrected file, which supersedes this upload (`ledgerlake upload FILE --supersedes UPLOAD_ID`)"
        return f"a line of a wide file is many rows, and those that were good would enter twice: {whole}"
    return None


def header_of(data: bytes, contract: Contract) -> str:
    """The lines of a file up to its header, that one included; nothing where rows enter without one.

    Raises:
        RejectedError: the file cannot be unpacked or read.
    """
    if contract.file.name not in {"csv", "fixed"} or not contract.file.header:
        return ""
    stream, encodings = open_text(open_container(data), contract.file.encodings)
    rest = stream.read().splitlines(keepends=True)
    return readable(b"".join(rest[: contract.file.header]), encodings)


def again(data: bytes, contract: Contract, places: Sequence[Place]) -> list[tuple[int, str | None]]:
    """Which of the `places` each refused row of the file `data` is, and its text, in the order in which they enter.

    The text is None where only a person can write one. Raises as `rewritten`.
    """
    if form_of(contract) is Form.LINES:
        return [(index, raw) for index, (_, raw) in enumerate(places)]
    return rewritten(data, contract, places)


def to_correct(data: bytes, contract: Contract, places: Sequence[Place]) -> str:
    """The file that a person corrects and sends back; raises as `again`."""
    found = again(data, contract, places)
    rows = [unread(places[index][1]) if text is None else text for index, text in found]
    return text_of(header_of(data, contract), rows)


def text_of(header: str, rows: Sequence[str]) -> str:
    """The text of the file of these rows."""
    head = f"{header.removesuffix(NEWLINE).removesuffix(RETURN)}{NEWLINE}" if header else ""
    lines = "".join(f"{row.rstrip(RETURN + NEWLINE)}{NEWLINE}" for row in rows)
    return f"{head}{lines}" if head or not lines.startswith(MARK) else f"{MARK}{lines}"


def encoded(text: str, contract: Contract) -> bytes:
    """A text as a file of the dataset, in the first of the contract's encodings that can write it.

    Raises:
        RejectedError: none can.
    """
    encodings = rows_only(contract).file.encodings
    for encoding in encodings:
        try:
            return text.encode(encoding)
        except UnicodeEncodeError as error:
            last = error
    found = f"{text[last.start]!r} cannot be written in {' or '.join(encodings)}"
    raise RejectedError("encoding", f"{found}; replace it")


def judge_again(data: bytes, contract: Contract, expected: int, at: datetime) -> Judged:
    """What the stream will say of such a file that is accepted `at` a time (UTC), but for rules about other tables.

    Raises:
        RejectedError: it cannot be read, or has not the expected number of rows.
    """
    verdict = validate(data, not_asking(rows_only(contract), Ask.LAKE, Ask.TABLE), known=Known(at))
    if verdict.totals.rows != expected:
        found = f"{verdict.totals.rows} rows are in the file, {expected} are to be replaced"
        raise RejectedError("rows", f"{found}: write one row for each of them, in their order")
    good, bad = (verdict.accepted["_row"].to_numpy(), verdict.quarantined["_row"].to_numpy())
    lines = np.concatenate([good, bad])
    return Judged(verdict, [bool(each) for each in (np.arange(lines.size) < good.size)[np.argsort(lines)]])
