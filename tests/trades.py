"""A dataset whose rules ask for all that rules can ask for: the time, the file, another table, its own table."""

from __future__ import annotations

from collections.abc import Sequence

from tables.contract import Contract
from tables.odcs import load
from tests.books import Books

Line = tuple[str, str, str, str, int, int]
"""trade, account, journal, day, debit, credit"""


def accounts() -> Contract:
    """The table that trades refer to."""
    return load(
        """apiVersion: v3.2.0
kind: DataContract
id: accounts
version: 1.0.0
status: active
schema:
  - name: accounts
    customProperties: [{property: mode, value: upsert}]
    properties:
      - {name: account, logicalType: string, primaryKey: true}
""",
        "accounts.yaml",
    )


def trades(dataset: str = "trades", severity: str = "error", encodings: Sequence[str] = ("utf-8",)) -> Contract:
    """Their contract; unbalanced journals have the consequence of that severity."""
    return load(
        f"""apiVersion: v3.2.0
kind: DataContract
id: trades
version: 1.0.0
status: active
schema:
  - name: {dataset}
    customProperties: [{{property: fileFormat, value: {{encodings: [{", ".join(encodings)}]}}}}]
    quality:
      - type: custom
        engine: ledgerlake
        severity: {severity}
        implementation: {{rule: balanced, by: [journal], debit: debit, credit: credit}}
      - {{type: custom, engine: ledgerlake, implementation: {{rule: new_to_table, columns: [trade]}}}}
    properties:
      - {{name: trade, logicalType: string, required: true}}
      - name: account
        logicalType: string
        quality:
          - type: custom
            engine: ledgerlake
            implementation: {{rule: foreign_key, dataset: accounts, column: account}}
      - {{name: journal, logicalType: string}}
      - name: day
        logicalType: date
        quality: [{{type: custom, engine: ledgerlake, implementation: {{rule: not_future, days: 1}}}}]
      - name: debit
        logicalType: number
        physicalType: decimal(18,2)
        customProperties: [{{property: money, value: true}}]
        quality:
          - {{type: custom, engine: ledgerlake, implementation: {{rule: outlier, limit: 3}}}}
          - {{metric: invalidValues, arguments: {{validValues: [0, 1, 2, 3, 100]}}, mustBe: 0, severity: warning}}
      - {{name: credit, logicalType: number, physicalType: 'decimal(18,2)'}}
""",
        f"{dataset}.yaml",
    )


def to_file(lines: Sequence[Line]) -> bytes:
    """The file of these trades, line 2 first."""
    cells = [("trade", "account", "journal", "day", "debit", "credit"), *lines]
    return "".join(",".join(map(str, line)) + "\n" for line in cells).encode()


def accept_accounts(books: Books, *names: str) -> None:
    """One more file of accounts, applied."""
    books.accept("".join(f"{name}\n" for name in ("account", *names)).encode())
    books.apply(len(books.uploads), len(books.uploads))
