"""Which columns tell the rows of a dataset apart, and their values as a person writes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa

from ledgerlake.clock import from_text
from ledgerlake.errors import HistoryError
from tables.contract import Column, Contract, Kind
from tables.mode import Commit
from tables.modes import MODES

Key = Mapping[str, tuple[Any, pa.DataType]]
"""Each column of a key with its value and type."""

PLACE = ("_seq", "_row")
"""The upload and line of a row: its key where it has no other."""


def identity_of(contract: Contract) -> tuple[str, ...]:
    """The columns that name one row of the table: where rows are merged, those of its mode; else where it came from."""
    mode = MODES[contract.mode]
    return mode.identity(contract) if mode.commit is Commit.MERGE else PLACE


def key_of(contract: Contract, texts: Mapping[str, str], *, whole: bool = True) -> Key:
    """A key as a person writes it (`{"payment_id": "P1"}`), as typed values; without a primary key `_seq` and `_row`.

    Unless `whole`, some of its columns are enough.

    Raises:
        HistoryError: it does not name the key's columns, or a value is not of its column's type.
    """
    wanted = contract.primary_key or PLACE
    if set(texts) - set(wanted) or (whole and set(wanted) - set(texts)):
        msg = f"{contract.dataset} has the key {', '.join(wanted)}, given is {', '.join(texts) or 'nothing'}"
        raise HistoryError(msg)
    return {name: value_of(contract, name, texts[name]) for name in wanted if name in texts}


def value_of(contract: Contract, name: str, text: str) -> tuple[Any, pa.DataType]:
    """A value of a column, and its type.

    Raises:
        HistoryError: it is not of the column's type.
    """
    column = Column(name, Kind.INTEGER) if name in PLACE else contract.column(name)
    return typed_as(name, column.arrow, text), column.arrow


def typed_as(name: str, kind: pa.DataType, text: str) -> Any:
    """The value of that type which the text says; `name` is for the message.

    Raises:
        HistoryError: it says none.
    """
    reads: tuple[tuple[Callable[[pa.DataType], bool], Callable[[str], Any]], ...] = (
        (pa.types.is_string, str),
        (pa.types.is_integer, int),
        (pa.types.is_decimal, Decimal),
        (pa.types.is_date, date.fromisoformat),
        (pa.types.is_timestamp, from_text),
        (pa.types.is_boolean, lambda given: {"true": True, "false": False}[given.lower()]),
    )
    try:
        value = next(read for is_kind, read in reads if is_kind(kind))(text)
        pa.scalar(value, kind)
    except (ValueError, KeyError, InvalidOperation, OverflowError, pa.ArrowInvalid) as error:
        msg = f"{name}={text!r} is no {kind}; write dates as 2026-03-31 and times as 2026-03-31T00:00:00Z"
        raise HistoryError(msg) from error
    return value
