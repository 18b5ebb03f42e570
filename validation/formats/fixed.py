"""Fixed width: each column stands at its declared positions of a line, counted in characters from 1."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tables.contract import Contract
from validation.columns import match
from validation.formats.block import Block, Broken, Format, Lookahead, noted
from validation.formats.chunks import CHUNK, TAIL, Chunk, chunks, with_records, without_trailers
from validation.formats.delimited import sniff
from validation.formats.dialect import Dialect, open_delimited
from validation.formats.encoding import decoded
from validation.formats.records import find_records

RULE = "columns"


def check_header(_prefix: bytes, contract: Contract, _complete: bool) -> None:  # noqa: FBT001  # the shape of a Format
    """There is no header: the contract says where its columns stand, and must not want another."""
    _check_columns(contract)


def split(stream: BinaryIO, contract: Contract, chunk: int = CHUNK, tail: int = TAIL) -> Iterator[Callable[[], Block]]:
    """As `Format.split`; `chunk` and `tail` are sizes in bytes."""
    _check_columns(contract)
    notes: dict[str, str] = {}
    text, dialect = open_delimited(stream, contract, notes)
    ahead = Lookahead(text)
    lines = contract.file.header or 0  # those above the data
    for each in chunks(ahead, 1, dialect, chunk, tail):
        yield partial(noted, partial(read, each, dialect, contract, lines, tail), notes)


FORMAT = Format("fixed", sniff, check_header, split)


def read(chunk: Chunk, dialect: Dialect, contract: Contract, above: int, tail: int = TAIL) -> Block:
    """One block; the first `above` lines of the file are none."""
    chunk, trailers = without_trailers(chunk, dialect, tail)
    records = with_records(chunk, dialect).records or find_records(chunk.data, b",", None, final=True)
    notes: dict[str, str] = {}
    width, fill = max(last for _, _, last in contract.file.positions), contract.file.ragged_rows == "fill"
    rows: list[int] = []
    texts: list[str] = []
    broken: list[Broken] = []
    for start, end, at in zip(records.starts, records.ends, records.lines, strict=True):
        line = chunk.line + int(at)
        raw = bytes(chunk.data[start:end])
        if line <= above or not raw.strip(dialect.nothing):
            continue
        text = decoded(raw, dialect.encodings, line, notes)
        beyond = text[width:].strip()
        if (len(text) < width and not fill) or (beyond and contract.file.unknown_columns == "reject"):
            what = f"the row has {len(text)} characters, its columns end at {width}"
            broken.append(Broken(line, RULE, what, text))
            continue
        rows.append(line)
        texts.append(text)
    lines = pa.array(texts, pa.string())
    cells = {name: pc.utf8_slice_codeunits(lines, first - 1, last) for name, first, last in contract.file.positions}
    raws = partial(_picked, texts)
    return Block(np.array(rows, np.int64), cells, raws, tuple(broken), trailers, notes=notes)


def _check_columns(contract: Contract) -> None:
    match([name for name, _, _ in contract.file.positions], contract, "positions of the contract")


def _picked(texts: list[str], positions: list[int]) -> list[str]:
    return [texts[position] for position in positions]
