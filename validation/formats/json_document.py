"""JSON: an array of objects, at the root or at a declared path of members. Read as it comes, object by object.

What stands around the array is looked at only as far as it takes to find it and to see it end.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import BinaryIO

import pyarrow as pa

from ledgerlake.errors import RejectedError
from tables.contract import Contract
from validation.columns import CHECK as HEADER
from validation.formats.block import Block, Format, noted, read_fully
from validation.formats.encoding import CHECK, open_text
from validation.formats.json_lines import check_object, read_objects

ROWS = 10_000
MAX_OBJECT = 16 * 1024 * 1024  # characters
MAX_DEPTH = 1000
_READ = 256 * 1024
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]:,]|[^\s"{}\[\]:,]+|\s+', re.DOTALL)
_CLOSES = {"}": "{", "]": "["}
Token = tuple[int, str]
"""A piece of the text, with the line on which it starts."""


def sniff(prefix: bytes) -> bool:
    """The first character that is not blank opens an array or an object."""
    return prefix.removeprefix(codecs.BOM_UTF8).lstrip()[:1] in {b"[", b"{"}


def check_header(prefix: bytes, contract: Contract, complete: bool) -> None:  # noqa: FBT001  # the shape of a Format
    """There is no header; the first object must have the required members."""
    try:
        first = next(
            _objects(_tokens(*open_text(pa.BufferReader(prefix), contract.file.encodings)), contract.file.path), None
        )
    except RejectedError:
        if complete:
            raise
        return
    if first is not None:
        check_object(first[1], contract)


def split(stream: BinaryIO, contract: Contract) -> Iterator[Callable[[], Block]]:
    """As `Format.split`."""
    notes: dict[str, str] = {}
    text, encodings = open_text(stream, contract.file.encodings, notes)
    some: list[Token] = []
    for each in _objects(_tokens(text, encodings), contract.file.path):
        some.append(each)
        if len(some) == ROWS:
            yield partial(noted, partial(read_objects, some, contract), notes)
            some = []
    yield partial(noted, partial(read_objects, some, contract), notes)


FORMAT = Format("json", sniff, check_header, split)


def _tokens(stream: BinaryIO, encodings: tuple[str, ...]) -> Iterator[Token]:
    """Every piece of the text: texts with their quotes, marks, words, blanks."""
    decoder, text, line, ended = codecs.getincrementaldecoder(encodings[0])(), "", 1, False
    while not ended:
        if len(text) > MAX_OBJECT:
            raise _refused(line, f"a text goes on for more than {MAX_OBJECT:,} characters")
        data = read_fully(stream, max(_READ, len(text)))
        ended = not data
        try:
            text += decoder.decode(data, final=ended)
        except UnicodeDecodeError as error:
            why = f"byte 0x{error.object[error.start]:02x} cannot be read as {encodings[0]}; save the file as UTF-8"
            raise RejectedError(CHECK, f"after line {line}: {why}") from error
        at = 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            if not found or (found.end() == len(text) and not ended):
                break
            yield line, found[0]
            line += found[0].count("\n")
            at = found.end()
        text = text[at:]
    if text:
        raise _refused(line, "a text is opened and never closed")


def _objects(tokens: Iterator[Token], path: tuple[str, ...]) -> Iterator[Token]:
    """The elements of the array at that path."""
    inside: list[list[str]] = []  # what opened, and the member that is being read
    text, line, found = "", 1, False
    for line, piece in tokens:
        if piece == "[" and not found and path == tuple(name for _, name in inside) and _all_objects(inside):
            found = True
            yield from _elements(tokens, line)
        elif piece in "[{":
            if len(inside) == MAX_DEPTH:
                raise _refused(line, f"the JSON is nested more than {MAX_DEPTH} deep")
            inside.append([piece, ""])
        elif piece in _CLOSES:
            if not inside or inside.pop()[0] != _CLOSES[piece]:
                raise _refused(line, f"{piece!r} closes what was not opened")
        elif piece == ":" and inside:
            inside[-1][1] = _name(text, line)
        text = piece if piece.strip() else text
    if inside:
        raise _refused(line, f"the file ends inside {inside[-1][0]!r}: it may be cut off")
    if not found:
        where = f"at {'.'.join(path)!r}" if path else "at its root (the contract may state a `path` to it)"
        msg = f"the file has no array {where}; an array of objects is expected there"
        raise RejectedError(HEADER, msg)


def _all_objects(inside: list[list[str]]) -> bool:
    return all(opened == "{" for opened, _ in inside)


def _name(text: str, line: int) -> str:
    try:
        return str(json.loads(text))
    except ValueError as error:
        raise _refused(line, f"{text[:40]!r} is no name of a member") from error


def _elements(tokens: Iterator[Token], start: int) -> Iterator[Token]:
    """Each element of an array that is open, with the line on which it starts."""
    pieces: list[str] = []
    depth, size, begun, awaited = 0, 0, start, "first"
    for line, piece in tokens:
        if not depth and not piece.strip():
            continue
        if not depth and piece == "]" and awaited != "element":
            return
        if not depth and (piece in _CLOSES or (piece == ",") != (awaited == "comma")):
            wanted = "a comma" if awaited == "comma" else "an object"
            raise _refused(line, f"{piece[:40]!r} where {wanted} is expected")
        if piece == "," and not depth:
            awaited = "element"
            continue
        begun = begun if depth else line
        depth += (piece in "[{") - (piece in _CLOSES)
        pieces.append(piece)
        size += len(piece)
        if size > MAX_OBJECT:
            raise _refused(begun, f"an object goes on for more than {MAX_OBJECT:,} characters")
        if depth <= 0:
            yield begun, "".join(pieces)
            pieces, size, depth, awaited = [], 0, 0, "comma"
    raise _refused(begun, "the file ends inside its array: it may be cut off")


def _refused(line: int, why: str) -> RejectedError:
    return RejectedError("records", f"line {line}: {why}")
