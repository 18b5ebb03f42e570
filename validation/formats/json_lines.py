"""JSON Lines: one object on a line. Numbers keep the digits they were written with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from ledgerlake.errors import RejectedError
from tables.contract import Contract
from validation.columns import CHECK, Names, fold, names_of, nearest, needed
from validation.formats.block import Block, Broken, Format, Others, noted, read_fully
from validation.formats.encoding import decoded, open_text, readable

CHUNK = 1024 * 1024
MAX_LINE = 64 * CHUNK
RULE = "json"
_JSON_NAMES = {True: "true", False: "false"}


class _BadRowError(ValueError):
    """Why a line is no row."""


class _Number(str):
    """A number in the digits it was written with."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class _Row:
    """One object: its cells by contract column, and those kept beside by name."""

    cells: dict[str, str | None] = field(default_factory=dict)
    others: dict[str, str | None] = field(default_factory=dict)
    folded: set[str] = field(default_factory=set)

    def put(self, name: str, value: Any, names: Names) -> None:  # whatever JSON holds
        """Adds a member; raises `_BadRowError` where it cannot stand in a row."""
        column = names.known.get(fold(name))
        other = None if column else names.other(name)
        if column is None and names.is_wrong(name):
            msg = f"member {name!r} is unknown{nearest(name, [*names.known, *names.listed])}"
            raise _BadRowError(msg)
        if column in self.cells or (other is not None and fold(other) in self.folded):
            msg = f"member {name!r} gives {column or other!r} a second time"
            raise _BadRowError(msg)
        if column:
            self.cells[column] = _cell(name, value)
        elif other is not None:
            self.folded.add(fold(other))
            _without_surrogates(name, other)
            self.others[other] = _any_text(name, value) if names.others == "rescue" else _cell(name, value)


def sniff(prefix: bytes) -> bool:
    """The first character that is not blank opens an object."""
    return prefix.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{"


def check_header(prefix: bytes, contract: Contract, complete: bool) -> None:  # noqa: FBT001  # the shape of a Format
    """There is no header; the first line must be an object with the required members."""
    stream, encodings = open_text(pa.BufferReader(prefix), contract.file.encodings)
    lines = stream.read().lstrip().splitlines()
    if not lines or (len(lines) == 1 and not complete):
        return
    check_object(readable(lines[0], encodings), contract)


def check_object(text: str, contract: Contract) -> None:
    """The first object must have the required members.

    Raises:
        RejectedError: names those that are missing.
    """
    try:
        row = _row(text, names_of(contract))
    except _BadRowError as error:
        msg = f"the first object: {error}"
        raise RejectedError(CHECK, msg) from error
    missing = [column.name for column in needed(row.cells, contract) if column.name not in row.cells]
    if missing:
        msg = f"the first object: member {' and '.join(map(repr, missing))} is missing"
        raise RejectedError(CHECK, msg)


def split(stream: BinaryIO, contract: Contract, chunk: int = CHUNK) -> Iterator[Callable[[], Block]]:
    """As `Format.split`."""
    notes: dict[str, str] = {}
    text, encodings = open_text(stream, contract.file.encodings, notes)
    line, rest = 1, b""
    while True:
        more = read_fully(text, max(chunk, len(rest)))
        data = rest + more
        cut = data.rfind(b"\n") + 1 if more else len(data)
        if cut:
            yield partial(noted, partial(read, data[:cut], line, contract, encodings), notes)
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
    lines, notes = enumerate(data.split(b"\n"), first_line), dict[str, str]()
    found = [(line, decoded(raw.removesuffix(b"\r"), encodings, line, notes)) for line, raw in lines if raw.strip()]
    return noted(partial(read_objects, found, contract), notes)


def read_objects(found: Sequence[tuple[int, str]], contract: Contract) -> Block:
    """A block of the objects that start on these lines."""
    names = names_of(contract)
    rows: list[int] = []
    texts: list[str] = []
    objects: list[_Row] = []
    broken: list[Broken] = []
    for line, text in found:
        try:
            objects.append(_row(text, names))
        except _BadRowError as error:
            broken.append(Broken(line, RULE, str(error), text))
            continue
        rows.append(line)
        texts.append(text)
    cells = {
        column: pa.array([row.cells.get(column) for row in objects], pa.string())
        for column in dict.fromkeys(names.known.values())
    }
    return Block(
        np.array(rows, np.int64), cells, partial(_picked, texts), tuple(broken), others=_others(objects, names)
    )


def _others(objects: Sequence[_Row], names: Names) -> Others | None:
    if names.others == "ignore" and not names.listed:
        return None
    return Others(
        np.repeat(np.arange(len(objects)), [len(row.others) for row in objects]),
        pa.array([name for row in objects for name in row.others], pa.string()),
        pa.array([cell for row in objects for cell in row.others.values()], pa.string()),
    )


def _picked(texts: list[str], positions: Sequence[int]) -> list[str]:
    return [texts[position] for position in positions]


def _row(text: str, names: Names) -> _Row:
    try:
        found = json.loads(
            text, parse_float=_Number, parse_int=_Number, parse_constant=_Number, object_pairs_hook=tuple
        )
    except (ValueError, RecursionError) as error:
        msg = f"the line is not JSON: {error}"
        raise _BadRowError(msg) from error
    if not isinstance(found, tuple):
        msg = "the line is not a JSON object"
        raise _BadRowError(msg)
    row = _Row()
    for name, value in found:
        row.put(name, value, names)
    return row


def _cell(name: str, value: Any) -> str | None:
    if isinstance(value, tuple | list):
        msg = f"member {name!r} holds an object or a list; a text, number, true, false or null is accepted"
        raise _BadRowError(msg)
    if isinstance(value, bool):
        return _JSON_NAMES[value]
    if isinstance(value, str) and not value.isascii():
        return _without_surrogates(name, value)
    return None if value is None else str(value)


def _any_text(name: str, value: Any) -> str | None:
    """A cell, or an object or list as JSON text; its numbers keep their digits, its members their order."""
    if not isinstance(value, tuple | list):
        return _cell(name, value)
    try:
        return _without_surrogates(name, _dumped(value))
    except RecursionError as error:
        msg = f"member {name!r} is nested too deep"
        raise _BadRowError(msg) from error


def _dumped(value: Any) -> str:
    match value:
        case tuple():
            return "{" + ",".join(f"{_dumped(name)}:{_dumped(each)}" for name, each in value) + "}"
        case list():
            return "[" + ",".join(map(_dumped, value)) + "]"
        case _Number():
            return str(value)
        case _:
            return json.dumps(value, ensure_ascii=False)


def _without_surrogates(name: str, value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        msg = f"member {name!r} holds half a character (a lone surrogate)"
        raise _BadRowError(msg) from error
    return value
