"""Payment files for the benchmarks: made here, the same for each pipeline, right under `contracts/payments`."""

from __future__ import annotations

import io
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

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
_DAY = 20_454
"""2026-01-01, in days since 1970."""

Numbers = npt.NDArray[np.int64]


def table(numbers: Numbers | range, revision: int = 0) -> pa.Table:
    """Payments of these numbers; a later `revision` of the same number has another amount and a later time."""
    number = np.asarray(numbers, dtype=np.int64)
    noise = np.random.default_rng([revision, int(number.sum()) % 2**32])
    seconds = (_DAY + revision) * 86_400 + number
    columns = [
        _text("P", number, 10),
        pa.array((_DAY + number % 90).astype(np.int32)).cast(pa.date32()),
        _text("DE", noise.integers(0, 10**18, number.size), 20),
        _text("DE", noise.integers(0, 10**18, number.size), 20),
        _money(noise.integers(100, 10**7, number.size)),
        pa.array(["EUR", "USD", "GBP", "CHF"]).take(pa.array(noise.integers(0, 4, number.size))),
        pa.repeat("BOOKED", number.size),
        _text("Invoice ", noise.integers(0, 10**6, number.size), 6),
        pa.array(seconds * 10**6).cast(SCHEMA.field("updated_at").type),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def csv(rows: pa.Table) -> bytes:
    """The same payments as a CSV file."""
    at = rows.schema.get_field_index("updated_at")
    texts = pc.strftime(rows["updated_at"].cast(pa.timestamp("s", tz="UTC")), "%Y-%m-%dT%H:%M:%SZ")
    sink = io.BytesIO()
    plain = arrow_csv.WriteOptions(quoting_style="none")
    arrow_csv.write_csv(rows.set_column(at, "updated_at", texts), sink, plain)
    return sink.getvalue()


def _text(prefix: str, numbers: Numbers, digits: int) -> pa.Array:
    padded = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), digits, "0")
    return pc.binary_join_element_wise(prefix, padded, "")


def _money(cents: Numbers) -> pa.Array:
    exact = pc.multiply(pa.array(cents).cast(pa.decimal128(19, 0)), pa.scalar(Decimal("0.01")))
    return exact.cast(SCHEMA.field("amount").type)
