"""A sample of a file of which nothing is known yet: its encoding, its delimiter, its header, its columns as text."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ledgerlake.errors import RejectedError
from validation.container import open_container
from validation.formats.block import read_fully
from validation.formats.encoding import open_text

SAMPLE = 4 * 1024 * 1024
"""So much of a file is read, up to its last whole line."""

DELIMITERS = (",", ";", "\t", "|", ":")
ENCODINGS = ("utf-8", "cp1252")
_NUMBER = re.compile(r"[+-]?[0-9]*\.?[0-9]+")


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a delimited text is made of."""

    delimiter: str
    header: int
    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    ragged: int


def decoded(data: bytes) -> tuple[str, str]:
    """The sample's text, up to its last whole line, and the first encoding that reads it."""
    if data.startswith(b"PAR1"):
        raise RejectedError("format", "a Parquet file says its own types: name its columns in a contract by hand")
    unpacked = read_fully(open_container(data), SAMPLE)
    for encoding in ("utf-16", *ENCODINGS) if unpacked[:2] in {b"\xff\xfe", b"\xfe\xff"} else ENCODINGS:
        try:
            stream, _ = open_text(io.BytesIO(unpacked), (encoding,))
            read = read_fully(stream, 2 * SAMPLE)
            whole = read if len(unpacked) < SAMPLE else read[: read.rfind(b"\n") + 1]
            text = whole.decode("utf-8" if encoding == "utf-16" else encoding)
        except (UnicodeDecodeError, RejectedError):
            continue
        return text.replace("\r\n", "\n").replace("\r", "\n"), encoding
    raise RejectedError("encoding", f"the file is in none of {', '.join(ENCODINGS)}: save it as UTF-8")


def sheet_of(text: str) -> Sheet:
    """The text as a sheet, by the delimiter that gives most lines the same number of cells.

    Raises:
        RejectedError: no line looks like a header.
    """
    read = {each: _rows(text, each) for each in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda each: _fit(read[each]))
    rows, width = read[delimiter], _fit(read[delimiter])[1]
    start = next((at for at, row in enumerate(rows) if len(row) == width and _is_header(row)), None)
    if start is None or width < 1:
        raise RejectedError("header", "no line looks like a header: names, each once, and a cell in each column")
    line = _line_of(text, delimiter, start)
    body = [row for row in rows[start + 1 :] if len(row) > 1 or any(cell.strip() for cell in row)]
    good = tuple(tuple(row) for row in body if len(row) == width)
    return Sheet(delimiter, line, tuple(cell.strip() for cell in rows[start]), good, len(body) - len(good))


def _rows(text: str, delimiter: str) -> list[list[str]]:
    """None where a quote swallows so much that it cannot be meant."""
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error:
        return []


def _fit(rows: Sequence[Sequence[str]]) -> tuple[float, int]:
    """How many rows have the usual width of more than one cell, and that width."""
    widths = Counter(len(row) for row in rows if row)
    width, count = max(widths.items(), key=lambda each: (each[0] > 1, each[1]), default=(0, 0))
    return (count / max(sum(widths.values()), 1) if width > 1 else 0.0, width)


def _is_header(row: Sequence[str]) -> bool:
    """Whether all cells are names, each once; columns at the end may have none, as where lines end in a delimiter."""
    names = ",".join(cell.strip().casefold() for cell in row).rstrip(",").split(",")
    return all(names) and len(set(names)) == len(names) and not any(_NUMBER.fullmatch(name) for name in names)


def _line_of(text: str, delimiter: str, start: int) -> int:
    """The 1-based line on which record `start` begins."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    for at, _ in enumerate(reader):
        if at == start - 1:
            return reader.line_num + 1
        if at == start:
            break
    return 1


def json_columns(text: str) -> list[tuple[str, tuple[str, ...]]]:
    """Every member that an object has, and its text in each; none where it is missing.

    Raises:
        RejectedError: a line is no JSON object.
    """
    rows = [_object(line, number) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    names = dict.fromkeys(name for row in rows for name in row if name.strip())
    if not names:
        raise RejectedError("json", "no object has a member with a name")
    return [(name, tuple(_json_text(row.get(name)) for row in rows)) for name in names]


def _object(line: str, number: int) -> dict[str, object]:
    try:
        found = json.loads(line, parse_float=str, parse_int=str)
    except ValueError as error:
        raise RejectedError("json", f"line {number} is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise RejectedError("json", f"line {number} is no JSON object, but {type(found).__name__}")
    return found


def _json_text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
