"""Refused rows as they are driven again: read from the file they came from, and written to enter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ingestion.request import ConflictError
from ledgerlake.errors import RejectedError
from tables.contract import Contract
from tables.quarantine import Refused
from validation.reentry import again, as_it_stands, header_of

SHOWN = 5
"""Lines that a refusal names."""

Written: TypeAlias = tuple[Refused, str]
"""A row and the text with which it enters again."""


@dataclass(frozen=True, slots=True)
class Source:
    """The file of an upload, whose rows may have `reentered` with it; the contract it was accepted under, and now's."""

    data: bytes
    reentered: bool
    before: Contract
    contract: Contract


def written(source: Source, chosen: Sequence[Refused]) -> tuple[str, list[Written]]:
    """The header of the file that its rows enter with, and those that can, in the order of the file.

    Raises:
        ConflictError: none can, or the contract of now cannot read the file.
    """
    contract = source.contract
    try:
        read_by = as_it_stands(contract, source.before, reentered=source.reentered)
        header = header_of(source.data, read_by)
        found = again(source.data, read_by, [(each.row, each.raw) for each in chosen])
    except RejectedError as error:
        msg = f"Under contract {contract.version} the file cannot be read: {error.message}."
        raise ConflictError(msg) from error
    rows = [(chosen[index], text) for index, text in found if text is not None]
    if not rows:
        unread = lines([each.row for each in chosen])
        raise ConflictError(f"Under contract {contract.version} nothing can be read of {unread}: correct, or waive.")
    return header, rows


def on_whole_lines(kept: Sequence[Written], chosen: Sequence[Refused]) -> list[Written]:
    """Rows are told apart by their lines, so that the rows of one line leave quarantine together or not at all."""
    there, ready = Counter(each.row for each in chosen), Counter(each.row for each, _ in kept)
    return [(each, text) for each, text in kept if ready[each.row] == there[each.row]]


def lines(rows: Sequence[int]) -> str:
    """Some of them, in words."""
    rows = list(dict.fromkeys(rows))
    more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    return f"line{'s' if rows[1:] else ''} {', '.join(map(str, rows[:SHOWN]))}{more}"
