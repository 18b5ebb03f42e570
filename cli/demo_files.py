"""A week of payment files as a bank's clients would send them, made from a seed; and what must become of each.

The expectation is computed here from the generator's own knowledge of every row, with none of the product's code: the
demo compares the two.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

DATASET = "payments"
COLUMNS = (
    "payment_id",
    "booking_date",
    "debtor_iban",
    "creditor_iban",
    "amount",
    "currency",
    "status",
    "reference",
    "updated_at",
)
ROWS = 250
PURPOSES = ("invoice", "rent", "salary", "subscription", "refund", "insurance", "tax", "transfer")


@dataclass(frozen=True, slots=True)
class Payment:
    """One row, and what the generator knows of it: whether it is `good`, and its amount if that can be read."""

    cells: tuple[str, ...]
    updated_at: datetime
    amount: Decimal | None
    good: bool = True

    @property
    def key(self) -> str:
        """Number of the payment."""
        return self.cells[0]


@dataclass(frozen=True, slots=True)
class DemoFile:
    """A file to upload: its story, what the uploader declares, and how it must end."""

    name: str
    story: str
    content: bytes
    rows: tuple[Payment, ...] = ()
    ends: str = "applied"
    declared_rows: int | None = None
    declared_totals: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the rows of one file, and of their money."""

    rows: int = 0
    merged: int = 0
    superseded: int = 0
    duplicate: int = 0
    quarantined: int = 0
    file_amount: Decimal = Decimal(0)
    merged_amount: Decimal = Decimal(0)


def first_wave(seed: int = 2026) -> tuple[DemoFile, ...]:
    """Two days of payments, the first day once more, and two files that must not get into the table."""
    monday, tuesday = _day(seed, 2), _day(seed, 3)
    broken = _with_bad_rows(tuesday)
    shorted = _day(seed, 4)[:60]
    total = sum((row.amount or Decimal(0) for row in shorted), Decimal(0))
    clean = _file(
        "payments-2026-03-02.csv",
        "a clean day, totals declared",
        monday,
        declared_rows=len(monday),
        declared_totals={"amount": str(_total(monday))},
    )
    return (
        clean,
        _file("payments-2026-03-03.csv", "a day with 7 bad rows", broken),
        replace(clean, name="payments-2026-03-02 (copy).csv", story="the same file delivered twice", ends="rejected"),
        _file(
            "payments-2026-03-04.csv",
            "declared total is 1.00 too high",
            shorted,
            ends="held",
            declared_totals={"amount": str(total + 1)},
        ),
        _rejected("payments-2026-03-05.csv", "column amount is missing", monday[:20]),
    )


def second_wave(seed: int = 2026) -> tuple[DemoFile, ...]:
    """What comes late: a correction of the first day, and an older state of the second after the newer one."""
    monday, tuesday = _day(seed, 2), _day(seed, 3)
    corrected = [
        _changed(row, hours=30, amount=(row.amount or Decimal(0)) + Decimal("0.10"), status="BOOKED")
        for row in monday[:25]
    ]
    older = [_changed(row, hours=-5, status="PENDING") for row in tuesday[150:190]]
    twice = [*older, _changed(older[0], hours=-1, status="PENDING")]
    return (
        _file("payments-2026-03-02-correction.csv", "a late correction of 25 amounts", corrected),
        _file("payments-2026-03-03-morning.csv", "an older state arrives after the newer", twice),
    )


def expected(files: Iterable[DemoFile]) -> tuple[tuple[Counts, ...], dict[str, Payment]]:
    """What must become of each file, applied in this order, and the table that must remain: the latest state by key."""
    table: dict[str, Payment] = {}
    counts = tuple(_fold(table, each) if each.ends == "applied" else Counts() for each in files)
    return counts, table


def _fold(table: dict[str, Payment], file: DemoFile) -> Counts:
    good = [row for row in file.rows if row.good]
    winners: dict[str, Payment] = {}
    for row in good:
        if row.key not in winners or row.updated_at >= winners[row.key].updated_at:
            winners[row.key] = row
    merged = [row for row in winners.values() if row.key not in table or row.updated_at >= table[row.key].updated_at]
    table.update({row.key: row for row in merged})
    return Counts(
        len(file.rows),
        len(merged),
        len(winners) - len(merged),
        len(good) - len(winners),
        len(file.rows) - len(good),
        _total(file.rows),
        _total(merged),
    )


def _total(rows: Sequence[Payment]) -> Decimal:
    return sum((row.amount for row in rows if row.amount is not None), Decimal(0))


def _day(seed: int, day: int) -> tuple[Payment, ...]:
    """The payments of one day of March 2026; the same for the same seed."""
    random = Random(f"{seed}-{day}")  # noqa: S311  # test data, not secrets
    made = []
    for number in range(ROWS):
        amount = Decimal(round(random.lognormvariate(5, 1.4) * 100) + 1).scaleb(-2)
        moment = datetime(2026, 3, day, 6, tzinfo=UTC) + timedelta(seconds=random.randrange(12 * 3600))
        cells = (
            f"P{day:02d}{number:08d}",
            date(2026, 3, day).isoformat(),
            _iban(random),
            _iban(random),
            str(amount),
            random.choice(("EUR", "EUR", "EUR", "USD", "GBP", "CHF")),
            random.choice(("BOOKED", "BOOKED", "PENDING")),
            f"{random.choice(PURPOSES)} {random.randrange(1000, 9999)}",
            _moment(moment),
        )
        made.append(Payment(cells, moment, amount))
    return tuple(made)


def _iban(random: Random) -> str:
    """A German IBAN with right check digits (ISO 7064, MOD 97-10)."""
    account = f"{random.randrange(10**18):018d}"
    return f"DE{98 - int(account + '131400') % 97:02d}{account}"


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _with_bad_rows(rows: Sequence[Payment]) -> tuple[Payment, ...]:
    """The day with seven rows spoiled, each in its own way."""
    spoiled = {
        10: ("amount", "12,50 EUR"),
        31: ("amount", ""),
        52: ("currency", "XXX"),
        73: ("booking_date", "2026-02-30"),
        94: ("debtor_iban", "unknown"),
        115: ("amount", "-3.00"),
        136: ("payment_id", "42"),
    }
    readable = {115: Decimal("-3.00"), 10: None, 31: None}
    made = list(rows)
    for position, (column, text) in spoiled.items():
        cells = list(made[position].cells)
        cells[COLUMNS.index(column)] = text
        amount = readable.get(position, made[position].amount)
        made[position] = replace(made[position], cells=tuple(cells), amount=amount, good=False)
    return tuple(made)


def _changed(row: Payment, hours: int, status: str, amount: Decimal | None = None) -> Payment:
    """Another state of the same payment, so many hours later."""
    moment = row.updated_at + timedelta(hours=hours)
    new = {"amount": str(amount or row.amount), "status": status, "updated_at": _moment(moment)}
    cells = tuple(new.get(column, cell) for column, cell in zip(COLUMNS, row.cells, strict=True))
    return Payment(cells, moment, amount or row.amount)


def _file(name: str, story: str, rows: Sequence[Payment], **stated: Any) -> DemoFile:
    """A file of these rows; `stated` are further members of it."""
    return DemoFile(name, story, _csv(COLUMNS, [row.cells for row in rows]), tuple(rows), **stated)


def _rejected(name: str, story: str, rows: Sequence[Payment]) -> DemoFile:
    """A file without the column `amount`: no row of it can be judged."""
    at = COLUMNS.index("amount")
    without = [row.cells[:at] + row.cells[at + 1 :] for row in rows]
    return DemoFile(name, story, _csv(COLUMNS[:at] + COLUMNS[at + 1 :], without), ends="rejected")


def _csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()
