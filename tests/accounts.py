"""A small dataset in any merge mode, for tests of what can be asked of its past."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from ledgerlake.layout import events_table, table_uri
from tables import define, delta, plan
from tables.contract import Contract
from tables.mode import event_schema
from tables.modes import MODES
from tables.odcs import load
from tests.books import Books
from tests.conftest import Cloud

COLUMNS = ("id", "day", "name", "note", "amount", "op")

MODES_OF_TESTS: Mapping[str, Mapping[str, Any]] = {
    "append": {},
    "upsert": {"sequenceBy": "day", "deletes": "{column: op, values: [D]}"},
    "scd2": {"sequenceBy": "day", "deletes": "{column: op, values: [D]}", "untracked": "[note]"},
    "snapshot": {},
    "replace": {},
}


def a_contract(mode: str, *, days: int = 3660, partitioned: bool = False, **options: Any) -> Contract:
    """Key `id`, order `day`; the options of its mode, and others."""
    keyed = mode not in {"append", "replace"}
    stated = {**MODES_OF_TESTS[mode], **options}
    lines = "".join(f"      - {{property: {name}, value: {value}}}\n" for name, value in stated.items())
    text = f"""apiVersion: v3.2.0
kind: DataContract
id: accounts
version: 1.0.0
status: active
slaProperties: [{{property: retention, value: {days}, unit: d}}]
schema:
  - name: accounts
    customProperties:
      - {{property: mode, value: {mode}}}
{lines}    properties:
      - {{name: id, logicalType: string, required: true, primaryKey: {str(keyed).lower()}}}
      - {{name: day, logicalType: date, required: {str("sequenceBy" in stated).lower()}}}
      - {{name: name, logicalType: string, partitioned: {str(partitioned).lower()}}}
      - {{name: note, logicalType: string}}
      - {{name: amount, logicalType: number, physicalType: 'decimal(18,2)'}}
      - name: op
        logicalType: string
        customProperties: [{{property: stored, value: false}}]
"""
    return load(text, "accounts.yaml")


def a_row(number: str, day: str = "2026-01-01", **changes: str) -> dict[str, str]:
    """A line of a file."""
    return {"id": number, "day": day, "name": "x", "note": "", "amount": "1.00", "op": "", **changes}


def to_csv(rows: Sequence[Mapping[str, str]]) -> bytes:
    """The file of these lines, line 2 first."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *([row[name] for name in COLUMNS] for row in rows)])
    return text.getvalue().encode()


class Accounts(Books):
    """One dataset; `put` applies files at once, each list of rows a file, all of them in one commit."""

    def __init__(self, cloud: Cloud, contract: Contract, **more: Any) -> None:
        super().__init__(cloud.settings, cloud.aws, contract, **more)
        uri = table_uri(cloud.settings.tables_bucket, events_table(contract.dataset))
        if MODES[contract.mode].remembers(contract) and delta.open_table(uri, cloud.settings) is None:
            define.create(uri, event_schema(contract), cloud.settings, partition_by=[], properties={})

    def put(self, *files: Sequence[Mapping[str, str]], **lake: Any) -> int:
        """The table's version afterwards."""
        first = len(self.uploads) + 1
        for rows in files:
            self.accept(to_csv(rows))
        self.apply(first, len(self.uploads), **lake)
        return self.version()


def revised(contract: Contract, *changes: tuple[str, str], version: str = "2.0.0") -> Contract:
    """The contract with texts replaced."""
    text = contract.text
    for old, new in ((f"version: {contract.version}", f"version: {version}"), *changes):
        assert old in text, old
        text = text.replace(old, new)
    return load(text, f"{contract.dataset}.yaml")


def follow(books: Accounts, contract: Contract) -> list[str]:
    """Uploads from now on are accepted under another contract; returns what `tables apply` did to the table."""
    made = plan.plan(contract, books.settings)
    plan.apply(made)
    books.store.pin(contract)
    books.contract = contract
    assert plan.plan(contract, books.settings).changes == ()
    return [change.words for change in made.changes if change.table == contract.dataset]
