"""Which upload caused a change of a row.

The lineage of the row as it is after the commit says so, where it names one of the commit's own uploads. It does not
where the row is gone, nor where an event moved the end of an earlier row's window: then it is the commit's upload, if
that is one, or that of the newest remembered event of the row's key among the commit's uploads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ledgerlake.events import Outcome
from tables import delta, sql
from tables.contract import Contract

Row = Mapping[str, Any]
Change = tuple[Row | None, Row | None]
"""A row before and after."""


@dataclass(frozen=True, slots=True)
class Cause:
    """An upload and, where one row of its file was the reason, the line; a full state has none for what it lacks."""

    upload_id: str
    seq: int
    line: int | None
    file_name: str | None = None


def causes(
    changes: Sequence[Change],
    outcomes: Sequence[Outcome],
    contract: Contract,
    events: delta.DeltaTable | None,
) -> list[Cause | None]:
    """For each change of one commit with these outcomes its upload; None where none was the reason.

    Raises:
        TransientError: the storage cannot be reached.
    """
    applied = {each.seq: each.upload_id for each in outcomes if each.state == "applied"}
    found = [_own(after, applied) for _, after in changes]
    if len(applied) == 1:
        ((seq, upload_id),) = applied.items()
        return [each or Cause(upload_id, seq, None) for each in found]
    keys = [_key(change, contract) for change, each in zip(changes, found, strict=True) if each is None]
    if not applied or not keys or events is None:
        return found
    newest = _newest(events, contract, keys, min(applied), max(applied))
    return [
        each or newest.get(tuple(_key(change, contract).values())) for change, each in zip(changes, found, strict=True)
    ]


def _own(after: Row | None, applied: Mapping[int, str]) -> Cause | None:
    if after is None or after["_seq"] not in applied:
        return None
    return Cause(after["_upload_id"], after["_seq"], after["_row"])


def _key(change: Change, contract: Contract) -> dict[str, Any]:
    row = change[1] or change[0] or {}
    return {name: row[name] for name in contract.primary_key}


def _newest(
    events: delta.DeltaTable,
    contract: Contract,
    keys: Sequence[Row],
    first: int,
    last: int,
) -> dict[tuple[Any, ...], Cause]:
    """The last event of each key in uploads `first..last`."""
    names = [*contract.primary_key, "_upload_id", "_seq", "_row"]
    listed = ", ".join(sql.identifier(name) for name in names)
    statement = f"SELECT {listed} FROM t WHERE _seq BETWEEN {first:d} AND {last:d}"  # noqa: S608  # identifiers and numbers
    one = contract.primary_key[0]
    sought = pa.array([key[one] for key in keys], delta.schema(events).field(one).type)
    found: dict[tuple[Any, ...], Cause] = {}
    for batch in delta.stream(events, statement):
        for row in batch.filter(pc.is_in(batch[one], value_set=sought)).to_pylist():
            key = tuple(row[name] for name in contract.primary_key)
            known = found.get(key)
            if known is None or (known.seq, known.line or 0) < (row["_seq"], row["_row"]):
                found[key] = Cause(row["_upload_id"], row["_seq"], row["_row"])
    return found
