"""Refused rows enter again: as a file of their own, with the header of the file they came from.

Only what stands in a line of text can do so. A row is judged by itself, so that a line says in the new file what it
said in the old one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ledgerlake.errors import RejectedError
from tables.contract import Contract
from tables.modes import MODES
from tables.superseding import obstacle as obstacle_of_superseding
from validation.container import open_container
from validation.formats.encoding import open_text, readable
from validation.validate import validate
from validation.verdict import Verdict

ENDS = "\r\n"
FORMATS_OF_LINES = {"csv": True, "jsonl": False}
"""Formats whose rows are text that can stand alone, and whether a header goes before them."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A file of rows that enter again, and whether its row i (in the order of the file) is `accepted`."""

    verdict: Verdict
    accepted: list[bool]


def rows_only(contract: Contract) -> Contract:
    """The contract for such a file: it has no trailer, and no budget, of the file that its rows came from."""
    return replace(contract, file=replace(contract.file, trailers=(), control_totals=()), quarantine_budget=None)


def obstacle(contract: Contract) -> str | None:
    """Why single rows of the dataset cannot enter again, in words; None if they can."""
    whole = "send a corrected file"
    if obstacle_of_superseding(contract) is None:
        whole += ", which supersedes this upload (`ledgerlake upload FILE --supersedes UPLOAD_ID`)"
    if MODES[contract.mode].alone:
        return f"a file of mode {contract.mode} is a full state, of which no row can be sent alone: send the whole file"
    if contract.file.name not in FORMATS_OF_LINES:
        return f"a row of a {contract.file.name} file is no text: {whole}"
    if contract.file.header is None:
        return f"the header of its files is found by its names: {whole}"
    if contract.file.unpivot:
        return f"a line of a wide file is many rows, and those that were good would enter twice: {whole}"
    return None


def header_of(data: bytes, contract: Contract) -> str:
    """The lines of a file up to its header, that one included; nothing where the format has none.

    Raises:
        RejectedError: the file cannot be unpacked or read.
    """
    if not FORMATS_OF_LINES[contract.file.name]:
        return ""
    stream, encodings = open_text(open_container(data), contract.file.encodings)
    rest = stream.read().splitlines(keepends=True)
    return readable(b"".join(rest[: contract.file.header]), encodings)


def text_of(header: str, rows: Sequence[str]) -> str:
    """The text of the file of these rows."""
    lines = [header, *rows] if header else rows
    return "".join(f"{line.rstrip(ENDS)}\n" for line in lines)


def encoded(text: str, contract: Contract) -> bytes:
    """A text as a file of the dataset, in the first of the contract's encodings that can write it.

    Raises:
        RejectedError: none can.
    """
    for encoding in contract.file.encodings:
        try:
            return text.encode(encoding)
        except UnicodeEncodeError as error:
            last = error
    found = f"{text[last.start]!r} cannot be written in {' or '.join(contract.file.encodings)}"
    raise RejectedError("encoding", f"{found}; replace it")


def judge_again(data: bytes, contract: Contract, expected: int) -> Judged:
    """What the stream will say of such a file.

    Raises:
        RejectedError: it cannot be read, or has not the expected number of rows.
    """
    verdict = validate(data, rows_only(contract))
    if verdict.totals.rows != expected:
        found = f"{verdict.totals.rows} rows are in the file, {expected} are to be replaced"
        raise RejectedError("rows", f"{found}: write one row for each of them, in their order")
    good, bad = (verdict.accepted["_row"].to_numpy(), verdict.quarantined["_row"].to_numpy())
    lines = np.concatenate([good, bad])
    return Judged(verdict, [bool(each) for each in (np.arange(lines.size) < good.size)[np.argsort(lines)]])
