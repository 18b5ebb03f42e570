"""Values as texts, in a notation of their column that the parser reads as the same values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tables.contract import Column, FileFormat, Kind
from validation.parse import BOOLEANS, parse

Mask = npt.NDArray[np.bool_]
Write = Callable[[Any], str]


def said(cells: pa.Array, column: Column, file: FileFormat) -> tuple[list[str | None], Mask]:
    """A text for each cell, and which cells no text says, as the parser would make something else of it.

    A cell that is a text is that text.
    """
    if pa.types.is_string(cells.type) or pa.types.is_dictionary(cells.type):
        return cells.to_pylist(), np.zeros(len(cells), bool)
    texts: list[str | None] = [None] * len(cells)
    unsaid = np.asarray(cells.is_valid().to_numpy(zero_copy_only=False), bool)
    for write in _notations(column, file):
        if not unsaid.any():
            break
        tried = [write(value) if open_ else None for value, open_ in zip(cells.to_pylist(), unsaid, strict=True)]
        read = parse(pa.array(tried, pa.string()), column, file).values
        same = pc.fill_null(pc.equal(cells, read), False).to_numpy(zero_copy_only=False)  # the value
        texts = [new if good else old for new, old, good in zip(tried, texts, same, strict=True)]
        unsaid &= ~same
    return texts, unsaid


def _notations(column: Column, file: FileFormat) -> Iterator[Write]:
    """Ways to write a value of the column, the usual one first."""
    match column.kind:
        case Kind.INTEGER | Kind.DECIMAL:
            yield partial(_number, "f", file.decimal_mark)
            yield partial(_number, "+f", file.decimal_mark)  # where the other is a null token
        case Kind.BOOLEAN:
            yield from (partial(_boolean, pair.split("/")) for pair in column.formats or BOOLEANS)
        case Kind.DATE:
            yield from (partial(_moment, form) for form in column.formats or ("%Y-%m-%d",))
        case Kind.TIMESTAMP:
            yield from (partial(_moment, form) for form in column.formats)
            yield lambda value: value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case Kind.STRING:
            yield str


def _number(form: str, mark: str, value: Any) -> str:
    """`value` is a Decimal, or an int of 64 bits."""
    digits = format(value, form.replace("f", "d") if isinstance(value, int) else form)
    return digits.replace(".", mark)


def _boolean(pair: Sequence[str], value: bool) -> str:  # noqa: FBT001  # the value itself
    yes, no = pair
    return yes if value else no


def _moment(form: str, value: date) -> str:
    """As `strftime`, with all digits of a year before 1000; a time in UTC."""
    value = value.astimezone(UTC) if isinstance(value, datetime) else value
    return value.strftime(form.replace("%Y", f"{value.year:04}"))
