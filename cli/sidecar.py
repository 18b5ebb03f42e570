"""A sidecar: the small file beside a file in which its sender says what must be in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from ledgerlake.errors import ConfigurationError

ROWS = frozenset({"rows", "row", "count", "records", "record count"})
MAX_SIZE = 64 * 1024
_LINE = re.compile(r"([^=:;,\t]+?)\s*[=:;,\t]\s*(.+)")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?|[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What was declared: the number of rows, and totals by their names."""

    rows: int | None = None
    totals: dict[str, str] = field(default_factory=dict)

    def overruled(self, rows: int | None, totals: dict[str, str]) -> Sidecar:
        """The same, but for what is stated otherwise."""
        return Sidecar(self.rows if rows is None else rows, {**self.totals, **totals})


def read_sidecar(path: Path) -> Sidecar:
    """The declarations of a file: a JSON object, or lines of `name = number` (also with `:`, `;`, `,` or a tab).

    Raises:
        ConfigurationError: names the line that is no declaration, or that repeats one.
    """
    try:
        text = path.read_text("utf-8-sig") if path.stat().st_size <= MAX_SIZE else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    rows: int | None = None
    totals: dict[str, str] = {}
    for where, name, number in _declared(text, path):
        plain = number.replace(",", "").removeprefix("+")
        if not _NUMBER.fullmatch(number):
            raise ConfigurationError(f"{where}: {number!r} is no number; write for example 1234.50")
        if name in totals or (name.lower() in ROWS and rows is not None):
            raise ConfigurationError(f"{where}: {name!r} is declared twice; keep one")
        if name.lower() not in ROWS:
            totals[name] = plain
        elif Decimal(plain) != int(Decimal(plain)):
            raise ConfigurationError(f"{where}: {number!r} is no number of rows")
        else:
            rows = int(Decimal(plain))
    if rows is None and not totals:
        raise ConfigurationError(f"{path} declares nothing; write lines such as `rows = 100` and `amount = 1234.50`")
    return Sidecar(rows, totals)


def _declared(text: str, path: Path) -> Iterator[tuple[str, str, str]]:
    """Each declaration with its place."""
    if text.lstrip().startswith("{"):
        try:
            members = json.loads(text, parse_float=str, parse_int=str, object_pairs_hook=list)
        except (ValueError, RecursionError) as error:
            raise ConfigurationError(f"{path} is no JSON object: {error}") from error
        yield from ((f"{path}: {name!r}", str(name).strip(), str(value)) for name, value in members)
        return
    for at, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            found = _LINE.fullmatch(line.strip())
            if not found:
                raise ConfigurationError(f"{path}:{at}: {line.strip()[:60]!r} declares nothing; write `name = number`")
            yield f"{path}:{at}", found[1].strip(), found[2].strip()
