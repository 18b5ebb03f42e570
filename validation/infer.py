"""Drafts a contract from a sample file: each guess is the first that the parser itself takes for every cell.

A draft is for a person to read. Nothing in it is sure, and every line says what it was guessed from.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import pyarrow as pa
import pyarrow.compute as pc

from tables.contract import Column, FileFormat, Kind
from validation.parse import parse
from validation.sample import decoded, json_columns, sheet_of

NULL_TOKENS = ("NULL", "null", "N/A", "n/a", "NA", "#N/A", "None", "nan", "NaN", "-", ".")
DATES = ("yyyy-MM-dd", "dd.MM.yyyy", "dd/MM/yyyy", "MM/dd/yyyy", "yyyy/MM/dd", "dd-MM-yyyy", "dd-MMM-yyyy", "yyyyMMdd")
"""Tried in this order; where days up to the twelfth leave room for doubt, the earlier one is taken, and said so."""

_STRPTIME = {"yyyy": "%Y", "MMM": "%b", "MM": "%m", "dd": "%d"}
_MONEY = re.compile(
    r"amount|total|balance|fee|price|sum|net|gross|tax|debit|credit|value|cost|betrag|saldo", re.IGNORECASE
)
_FORMAT = ("      - property: fileFormat", "        value:")
_KEYED = re.compile(r"(^|_)(id|key|no|number|nr|ref|reference|code)($|_)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Guess:
    """A column of the draft: its YAML members, and why."""

    name: str
    header: str
    members: tuple[str, ...]
    reason: str
    required: bool
    texts: pa.ChunkedArray = field(repr=False)


def infer(data: bytes, dataset: str) -> str:
    """The text of a contract for files like this one.

    Raises:
        RejectedError: no header is to be found in it, or it is neither delimited text nor JSON lines.
    """
    text, encoding = decoded(data)
    if text.lstrip()[:1] == "{":
        return _draft(dataset, json_columns(text), [_said("format: jsonl", "each line begins with {")], encoding)
    sheet = sheet_of(text)
    named = [(at, name) for at, name in enumerate(sheet.names) if name]
    columns = [(name, tuple(row[at] for row in sheet.rows)) for at, name in named]
    stated = [] if sheet.delimiter == "," else [_said(f"delimiter: {json.dumps(sheet.delimiter)}", "every line has it")]
    stated += [_said(f"header: {sheet.header}", "the lines above it have fewer cells")] if sheet.header > 1 else []
    stated += (
        [_said("raggedRows: refuse", f"{sheet.ragged} lines have another width: footers?")] if sheet.ragged else []
    )
    return _draft(dataset, columns, stated, encoding)


def _said(line: str, reason: str) -> str:
    return f"{line}  # guess: {reason}"


# Guesses


def _guess(header: str, name: str, cells: Sequence[str], file: FileFormat) -> Guess:
    texts = pa.array(cells, pa.string())
    values = parse(texts, Column(name, Kind.STRING), file).values
    nulls = values.null_count
    members, reason = _typed(name, values, texts, file)
    empty = f"; {nulls} of {len(values)} cells are empty" if nulls else f"; no cell of {len(values)} is empty"
    required = nulls == 0 and len(values) > 0
    return Guess(name, header, members, reason + empty, required, pa.chunked_array([values]))


def _typed(name: str, values: pa.Array, texts: pa.Array, file: FileFormat) -> tuple[tuple[str, ...], str]:
    if values.null_count == len(values):
        return ("logicalType: string",), "no cell has a value"
    for column, members, reason in _candidates(name, values):
        parsed = parse(texts, column, file)
        if parsed.bad is None or not pc.any(parsed.bad).as_py():
            return members, reason
    return ("logicalType: string",), "no other type reads every cell"


def _candidates(name: str, values: pa.Array) -> Iterator[tuple[Column, tuple[str, ...], str]]:
    distinct = {text.casefold() for text in pc.unique(values.drop_null()).to_pylist()}
    if distinct <= {"true", "false", "yes", "no"}:
        yield (
            Column(name, Kind.BOOLEAN),
            ("logicalType: boolean",),
            f"every cell is one of {', '.join(sorted(distinct))}",
        )
    for pattern in DATES:
        form = re.sub("yyyy|MMM|MM|dd", lambda part: _STRPTIME[part.group()], pattern)
        stated = () if pattern == DATES[0] else (f"logicalTypeOptions: {{format: {json.dumps(pattern)}}}",)
        doubt = "; days and months may be the other way round" if pattern in {"dd/MM/yyyy", "MM/dd/yyyy"} else ""
        yield (
            Column(name, Kind.DATE, formats=(form,)),
            ("logicalType: date", *stated),
            f"every cell reads as {pattern}{doubt}",
        )
    yield Column(name, Kind.TIMESTAMP), ("logicalType: timestamp",), "every cell is an ISO 8601 time with its zone"
    if any(len(text) > 1 and text[0] == "0" and text.isdigit() for text in distinct):
        yield Column(name, Kind.STRING), ("logicalType: string",), "numbers with leading zeros are names"
    yield from _numbers(name, distinct)


def _numbers(name: str, distinct: Iterable[str]) -> Iterator[tuple[Column, tuple[str, ...], str]]:
    parts = [text.lstrip("+-").replace(",", "").partition(".") for text in distinct]
    scale = max((len(part[2]) for part in parts), default=0)
    whole = max((len(part[0]) for part in parts), default=0)
    money = bool(_MONEY.search(name))
    if not scale and not money:
        yield Column(name, Kind.INTEGER), ("logicalType: integer",), "every cell is a whole number"
    precision = max(18, whole + scale)
    if precision > 38:  # noqa: PLR2004  # Delta's widest
        return
    members = ["logicalType: number", f"physicalType: decimal({precision},{scale})"]
    reason = f"every cell is a number of at most {scale} decimals"
    if money:
        members.append("customProperties: [{property: money, value: true}]")
        reason += "; its name is that of money"
    yield Column(name, Kind.DECIMAL, precision, scale), tuple(members), reason


def _key(guesses: Sequence[Guess]) -> tuple[str, ...]:
    """One or two columns that no two rows share; those first that are called like a key."""
    able = [each for each in guesses if each.required and "money" not in " ".join(each.members)]
    able.sort(key=lambda each: not _KEYED.search(each.name))
    for count in (1, 2):
        for group in combinations(able[:8], count):
            rows = pa.table({each.name: each.texts for each in group})
            if rows.num_rows > 1 and rows.group_by(rows.column_names).aggregate([]).num_rows == rows.num_rows:
                return tuple(rows.column_names)
    return ()


def _names(headers: Sequence[str]) -> list[str]:
    """Column names as contracts have them: each once, and none that is another column's header."""
    said = [header.strip().casefold() for header in headers]
    found: list[str] = []
    for at, header in enumerate(said):
        plain = re.sub(r"[^a-z0-9]+", "_", header).strip("_")[:55] or "column"
        plain = plain if plain[0].isalpha() else f"c_{plain}"
        taken = {*found, *said[:at], *said[at + 1 :]}
        tries = (plain, *(f"{plain}_{number}" for number in range(at + 1, at + 2 + len(taken))))
        found.append(next(name for name in tries if name not in taken))
    return found


# Writes


def _draft(dataset: str, columns: Sequence[tuple[str, tuple[str, ...]]], stated: list[str], encoding: str) -> str:
    cells = {cell.strip() for _, texts in columns for cell in texts}
    tokens = [each for each in NULL_TOKENS if each in cells]
    file = FileFormat(null_tokens=("", *tokens))
    names = _names([header for header, _ in columns])
    guesses = [_guess(header, name, texts, file) for name, (header, texts) in zip(names, columns, strict=True)]
    key = _key(guesses)
    if encoding != "utf-8":
        stated = [*stated, _said(f"encodings: [{encoding}]", "it is not UTF-8")]
    if tokens:
        stated = [*stated, _said(f"nullTokens: {json.dumps(['', *tokens])}", "cells that look like no value")]
    lines = [
        f"# A draft, guessed from a sample of {len(columns[0][1])} rows. Read every line, then remove the comments.",
        "apiVersion: v3.2.0",
        "kind: DataContract",
        f"id: {dataset}",
        f"name: {dataset}",
        "version: 0.1.0",
        "status: draft",
        "schema:",
        f"  - name: {dataset}",
        "    customProperties:",
        f"      - {{property: mode, value: {'upsert' if key else 'append'}}}"
        + (f"  # guess: no two rows share {', '.join(key)}" if key else "  # guess: no column or two tell rows apart"),
        *(
            ["      - property: fileFormat", "        value:", *(f"          {each}" for each in stated)]
            if stated
            else []
        ),
        "    properties:",
        *(line for each in guesses for line in _property(each, key)),
    ]
    return "\n".join(lines) + "\n"


def _property(guess: Guess, key: Sequence[str]) -> Iterator[str]:
    comment = re.sub(r"[^ -~]", "?", guess.reason)
    yield f"      - name: {guess.name}  # guess: {comment}"
    members = list(guess.members)
    if guess.required:
        members.append("required: true")
    if guess.name in key:
        members.append("primaryKey: true")
        members += [f"primaryKeyPosition: {key.index(guess.name) + 1}"] if len(key) > 1 else []
    if guess.header.strip().casefold() != guess.name:
        alias = f"{{property: aliases, value: [{json.dumps(guess.header)}]}}"
        at = next((at for at, each in enumerate(members) if each.startswith("customProperties")), None)
        if at is None:
            members.append(f"customProperties: [{alias}]")
        else:
            members[at] = members[at].replace("[{", f"[{alias}, {{", 1)
    yield from (f"        {each}" for each in members)
