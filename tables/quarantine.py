"""Rows in quarantine, and which are open: refused, and neither corrected, driven again, waived nor superseded since."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from ledgerlake.decisions import Decision, is_open
from ledgerlake.layout import table_uri
from ledgerlake.settings import Settings
from tables import delta, sql

_COLUMNS = "dataset, seq, upload_id, row, raw, reasons, contract_sha256, quarantined_at"


@dataclass(frozen=True, slots=True)
class Refused:
    """A refused row: where it stood, its text, and every reason (`rule`, `column`, `value`, `message`)."""

    dataset: str
    seq: int
    upload_id: str
    row: int
    raw: str
    reasons: list[dict[str, Any]]
    contract_sha256: str
    quarantined_at: datetime

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that it breaks, each once."""
        return tuple(dict.fromkeys(reason["rule"] for reason in self.reasons))


def open_since(handle: Any, dataset: str, decisions: Iterable[Decision]) -> list[datetime]:
    """When each of the dataset's open rows was refused; `handle` is of the quarantine. Raises as `open_rows`."""
    where = sql.one_of("dataset", [dataset], pa.string())
    rows = delta.select(handle, f"SELECT upload_id, row, quarantined_at FROM t WHERE {where}").to_pylist()  # noqa: S608
    still = is_open(decisions)
    return [each["quarantined_at"] for each in rows if still(each["upload_id"], each["row"])]


def open_rows(
    settings: Settings,
    dataset: str,
    decisions: Iterable[Decision],
    upload_id: str | None = None,
    rule: str | None = None,
) -> list[Refused]:
    """The dataset's open rows in order, perhaps of one upload or of one rule only.

    Raises:
        TransientError: the storage cannot be reached.
    """
    handle = delta.open_table(table_uri(settings.tables_bucket, "quarantine"), settings)
    if handle is None:
        return []
    asked = {"dataset": dataset, **({"upload_id": upload_id} if upload_id else {})}
    where = " AND ".join(sql.one_of(sql.identifier(name), [value], pa.string()) for name, value in asked.items())
    statement = f"SELECT {_COLUMNS} FROM t WHERE {where} ORDER BY seq, row"  # noqa: S608  # literals of sql.py
    found, still = (Refused(**row) for row in delta.select(handle, statement).to_pylist()), is_open(decisions)
    return [each for each in found if still(each.upload_id, each.row) and (rule is None or rule in each.rules)]
