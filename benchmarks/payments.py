"""Payment files for the benchmarks: made here, seeded, the same for each pipeline, right under `contracts/payments`."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

KEY = "payment_id"
SCHEMA = pa.schema(
    [
        ("payment_id", pa.string()),
        ("booking_date", pa.date32()),
        ("debtor_iban", pa.string()),
        ("creditor_iban", pa.string()),
        ("amount", pa.decimal128(18, 2)),
        ("currency", pa.string()),
        ("status", pa.string()),
        ("reference", pa.string()),
        ("updated_at", pa.timestamp("us", tz="UTC")),
    ],
)
DDL = (
    "payment_id string, booking_date date, debtor_iban string, creditor_iban string, amount decimal(18,2), "
    "currency string, status string, reference string, updated_at timestamp"
)
_START = datetime(2026, 1, 1, tzinfo=UTC)


def rows(first: int, count: int, revision: int = 0) -> list[tuple[Any, ...]]:
    """Payments number `first` and on; a later `revision` of the same number has another amount and a later time."""
    pick = random.Random(first * 31 + revision)  # noqa: S311  # data, not secrets
    return [
        (
            f"P{number:010d}",
            (_START + timedelta(days=number % 90)).date(),
            f"DE{pick.randrange(10**20):020d}",
            f"DE{pick.randrange(10**20):020d}",
            Decimal(pick.randrange(100, 10_000_000)) / 100,
            pick.choice(("EUR", "USD", "GBP", "CHF")),
            "BOOKED",
            f"Invoice {pick.randrange(10**6):06d}",
            _START + timedelta(seconds=number, days=revision),
        )
        for number in range(first, first + count)
    ]


def table(first: int, count: int, revision: int = 0) -> pa.Table:
    """The same payments as Arrow."""
    columns = zip(*rows(first, count, revision), strict=True)
    return pa.table([pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)], SCHEMA)


def csv(first: int, count: int, revision: int = 0) -> bytes:
    """The same payments as a CSV file."""
    lines = [",".join(SCHEMA.names)]
    lines += [",".join(map(str, (*row[:-1], f"{row[-1]:%Y-%m-%dT%H:%M:%SZ}"))) for row in rows(first, count, revision)]
    return ("\n".join(lines) + "\n").encode()
