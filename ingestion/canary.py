"""One beat of the canary: a row is uploaded as any client would, and must be found by a query."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pyarrow as pa

from ingestion.client import Ask, Client
from ledgerlake.clock import Clock, new_upload_id, to_text
from ledgerlake.errors import LedgerlakeError
from ledgerlake.layout import table_uri
from ledgerlake.settings import Settings
from tables.delta import query
from tables.sql import identifier, literal

DATASET = "canary"
AMOUNT = Decimal("0.01")
PATIENCE = 120.0
"""Seconds until a beat counts as lost."""


@dataclass(frozen=True, slots=True)
class Beat:
    """A row that was uploaded and found again, `seconds` after it was asked for."""

    upload_id: str
    beat: str
    seconds: float


def beat(settings: Settings, client: Client, clock: Clock, source: str, patience: float = PATIENCE) -> Beat:
    """Uploads one row, waits until it is applied, and finds it in the table; `source` tells canaries apart.

    Raises:
        LedgerlakeError: it was rejected, held, or applied and not found.
        TransientError: a system is busy, or the row was not applied within `patience` seconds.
    """
    began, now = time.monotonic(), clock()
    name = new_upload_id(now)
    upload_id = _send(client, f"source,beat,amount,sent_at\n{source},{name},{AMOUNT},{to_text(now)}\n")
    upload = client.wait(upload_id, patience)
    if upload["state"] != "applied":
        msg = f"the canary's upload {upload_id} was {upload['state']}: its contract and its file do not fit any more"
        raise LedgerlakeError(msg)
    found = _found(settings, name)
    if found != [AMOUNT]:
        msg = f"the canary's upload {upload_id} is applied, and a query finds {found} instead of its row"
        raise LedgerlakeError(msg)
    return Beat(upload_id, name, time.monotonic() - began)


def _send(client: Client, text: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "canary.csv")
        path.write_text(text, encoding="utf-8")
        return client.upload(Ask(DATASET, path, declared_rows=1, declared_totals={"amount": str(AMOUNT)}))


def _found(settings: Settings, name: str) -> list[Decimal]:
    wanted = f"{identifier('beat')} = {literal(name, pa.string())}"
    statement = f"SELECT amount FROM {DATASET} WHERE {wanted}"  # noqa: S608  # identifier and literal
    rows = query(statement, {DATASET: table_uri(settings.tables_bucket, DATASET)}, settings)
    amounts: list[Decimal] = rows.column("amount").to_pylist()
    return amounts
