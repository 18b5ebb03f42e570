"""A second opinion: `datacontract test` reads the same contract, and finds in a file what we quarantined of it.

It runs in an environment of its own, as its pins contradict ours. It reads Parquet, of which it does not judge types.
"""

from __future__ import annotations

import csv
import io
import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tables.contract import Contract, Kind
from tables.odcs import load
from tests.books import Books
from tests.conftest import Cloud

CONTRACT = Path(__file__).parents[2] / "contracts" / "payments.yaml"
UVX = Path(sys.executable).with_name("uvx")
COMMAND = [str(UVX), "--python", sys.executable, "--from", "datacontract-cli[duckdb]==1.2.8", "datacontract"]

A_ROW = {
    "booking_date": "2026-03-31",
    "debtor_iban": "DE02120300000000202051",
    "creditor_iban": "CH9300762011623852957",
    "amount": "12.50",
    "currency": "EUR",
    "status": "BOOKED",
    "reference": "",
    "updated_at": "2026-03-31T12:00:00Z",
}
DEFECTS = (
    ("payment_id", "Q{at:010}"),
    ("booking_date", ""),
    ("booking_date", "1999-12-31"),
    ("booking_date", "2026-02-30"),
    ("debtor_iban", "de02"),
    ("creditor_iban", ""),
    ("amount", "0.00"),
    ("amount", "12,50 EUR"),
    ("amount", "1000000000000.00"),
    ("currency", "XXX"),
    ("status", "OPEN"),
    ("reference", "x" * 141),
    ("updated_at", "yesterday"),
)
"""Each breaks one rule."""


@pytest.fixture(scope="module")
def datacontract() -> list[str]:
    """The command, where it can be fetched."""
    if not UVX.exists():
        pytest.skip(f"no {UVX}: uv is not installed beside Python")
    try:
        found = subprocess.run([*COMMAND, "--version"], capture_output=True, text=True, timeout=100, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("datacontract-cli cannot be fetched: no answer in 100 s")
    if found.returncode:
        pytest.skip(f"datacontract-cli cannot be fetched: {found.stderr[-300:]}")
    return COMMAND


@pytest.mark.timeout(240)
def test_it_finds_nothing_in_our_table_and_what_we_quarantined_in_the_raw_rows(
    fresh_cloud: Cloud, tmp_path: Path, datacontract: list[str]
) -> None:
    books = Books(fresh_cloud.settings, fresh_cloud.aws, load(CONTRACT.read_text(), CONTRACT.name))
    rows = some_rows(400)
    books.accept(to_csv(rows))
    (outcome,) = books.apply(1, 1)
    told = books.table("quarantine").to_pylist()
    refused = Counter(reason["column"] for row in told for reason in row["reasons"])
    assert outcome.quarantined == refused.total() > 100
    assert failures(datacontract, books.table(), tmp_path) == Counter()
    assert failures(datacontract, typed(rows, books.contract), tmp_path) == refused


def some_rows(number: int) -> list[dict[str, str]]:
    """Rows of which a third has one defect."""
    chance = random.Random("payments")  # noqa: S311  # examples, not secrets
    rows = []
    for at in range(number):
        column, text = chance.choice(DEFECTS)
        row = {"payment_id": f"P{at:010}", **A_ROW}
        rows.append({**row, column: text.format(at=at)} if at % 3 == 0 else row)
    return rows


def to_csv(rows: list[dict[str, str]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def typed(rows: list[dict[str, str]], contract: Contract) -> pa.Table:
    """The rows as they are, null where a text is no value of its column's type."""
    columns = {
        each.name: pa.array([_value(READS[each.kind], row[each.name]) for row in rows], each.arrow)
        for each in contract.columns
    }
    return pa.table(columns)


READS: dict[Kind, Callable[[str], Any]] = {
    Kind.STRING: str,
    Kind.DATE: date.fromisoformat,
    Kind.DECIMAL: Decimal,
    Kind.TIMESTAMP: lambda text: datetime.fromisoformat(text).astimezone(UTC),
}


def _value(read: Callable[[str], Any], text: str) -> Any:
    try:
        return read(text) if text else None
    except (ValueError, InvalidOperation):
        return None


def failures(datacontract: list[str], rows: pa.Table, folder: Path) -> Counter[str]:
    """Rows that break a rule, by column."""
    data, contract, result = folder / "rows.parquet", folder / "contract.yaml", folder / "result.json"
    pq.write_table(rows, data)
    server = {"server": "here", "type": "local", "path": str(data), "format": "parquet"}
    contract.write_text(f"{CONTRACT.read_text()}\nservers: [{json.dumps(server)}]\n")
    run = [*datacontract, "test", str(contract), "--output", str(result), "--output-format", "json"]
    said = subprocess.run(run, capture_output=True, text=True, timeout=120, check=False)
    assert result.exists(), said.stderr
    checks = json.loads(result.read_text())["checks"]
    unjudged = {each["type"] for each in checks if each["result"] not in {"passed", "failed"}}
    assert unjudged <= {"field_type"}, said.stdout
    assert len(checks) - len(unjudged) > len(rows.column_names)
    found: Counter[str] = Counter()
    for each in checks:
        if each["result"] == "failed":
            found[each["field"]] += each["diagnostics"]["value"]
    return found
