"""JSON Lines: one object on a line. Numbers keep the digits they were written with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from ledgerlake.errors import RejectedError
from tables.contract import Contract
from validation.columns import CHECK, fold, known_names, nearest
from validation.formats.block import Block, Broken, Format, read_fully
from validation.formats.encoding import decoded, open_text, readable

CHUNK = 1024 * 1024
MAX_LINE = 64 * CHUNK
RULE = "json"
_JSON_NAMES = {True: "true", False: "false"}


class _BadRowError(ValueError):
    """Why a line is no row."""


@dataclass(frozen=True, slots=True)
class _Members:
    """Which member of an object feeds which column."""

    known: dict[str, str]
    ignore: bool

    def column(self, name: str) -> str | None:
        """The column, or None if the member is ignored."""
        column = self.known.get(fold(name))
        if column is None and not self.ignore:
            msg = f"member {name!r} is unknown{nearest(name, list(self.known))}"
            raise _BadRowError(msg)
        return column


def sniff(prefix: bytes) -> bool:
    """The first character that is not blank opens an object."""
    return prefix.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{"


def check_header(prefix: bytes, contract: Contract, complete: bool) -> None:  # noqa: FBT001  # the shape of a Format
    """There is no header; the first line must be an object with the required members."""
    stream, encodings = open_text(pa.BufferReader(prefix), contract.file.encodings)
    lines = stream.read().lstrip().splitlines()
    if not lines or (len(lines) == 1 and not complete):
        return
    members = _Members(known_names(contract), contract.file.unknown_columns == "ignore")
    try:
        row = _row(readable(lines[0], encodings), members)
    except _BadRowError as error:
        msg = f"the first object: {error}"
        raise RejectedError(CHECK, msg) from error
    missing = [column.name for column in contract.columns if column.required and column.name not in row]
    if missing:
        msg = f"the first object: member {' and '.join(map(repr, missing))} is missing"
        raise RejectedError(CHECK, msg)


def split(stream: BinaryIO, contract: Contract, chunk: int = CHUNK) -> Iterator[Callable[[], Block]]:
    """As `Format.split`."""
    text, encodings = open_text(stream, contract.file.encodings)
    line, rest = 1, b""
    while True:
        more = read_fully(text, max(chunk, len(rest)))
        data = rest + more
        cut = data.rfind(b"\n") + 1 if more else len(data)
        if cut:
            yield partial(read, data[:cut], line, contract, encodings)
            line += data.count(b"\n", 0, cut)
        rest = data[cut:]
        if len(rest) > MAX_LINE:
            msg = f"line {line} is longer than {MAX_LINE:,} bytes; JSON Lines has one object on each line"
            raise RejectedError("records", msg)
        if not more:
            return


FORMAT = Format("jsonl", sniff, check_header, split)


def read(data: bytes, first_line: int, contract: Contract, encodings: tuple[str, ...]) -> Block:
    """One block."""
    members = _Members(known_names(contract), contract.file.unknown_columns == "ignore")
    rows: list[int] = []
    texts: list[str] = []
    objects: list[dict[str, str | None]] = []
    broken: list[Broken] = []
    for line, raw in enumerate(data.split(b"\n"), first_line):
        if not raw.strip():
            continue
        text = decoded(raw.removesuffix(b"\r"), encodings, line)
        try:
            objects.append(_row(text, members))
        except _BadRowError as error:
            broken.append(Broken(line, RULE, str(error), text))
            continue
        rows.append(line)
        texts.append(text)
    names = [column.name for column in contract.columns]
    cells = {name: pa.array([row.get(name) for row in objects], pa.string()) for name in names}
    return Block(np.array(rows, np.int64), cells, partial(_picked, texts), tuple(broken))


def _picked(texts: list[str], positions: Sequence[int]) -> list[str]:
    return [texts[position] for position in positions]


def _row(text: str, members: _Members) -> dict[str, str | None]:
    try:
        found = json.loads(text, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=tuple)
    except (ValueError, RecursionError) as error:
        msg = f"the line is not JSON: {error}"
        raise _BadRowError(msg) from error
    if not isinstance(found, tuple):
        msg = "the line is not a JSON object"
        raise _BadRowError(msg)
    row: dict[str, str | None] = {}
    for name, value in found:
        column = members.column(name)
        if column is None:
            continue
        if column in row:
            msg = f"member {name!r} gives {column!r} a second time"
            raise _BadRowError(msg)
        row[column] = _cell(name, value)
    return row


def _cell(name: str, value: Any) -> str | None:  # whatever JSON holds
    if isinstance(value, tuple | list):
        msg = f"member {name!r} holds an object or a list; a text, number, true, false or null is accepted"
        raise _BadRowError(msg)
    if isinstance(value, bool):
        return _JSON_NAMES[value]
    if isinstance(value, str) and not value.isascii():
        return _without_surrogates(name, value)
    return None if value is None else str(value)


def _without_surrogates(name: str, value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        msg = f"member {name!r} holds half a character (a lone surrogate)"
        raise _BadRowError(msg) from error
    return value
