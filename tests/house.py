"""A whole house without processes: files granted, landed and admitted by ingestion, applied by the stream's loop."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

from cli import resources
from ingestion.admission import admit
from ingestion.intake import Intake
from ingestion.rebuild import rebuild
from ingestion.request import UploadRequest
from ingestion.row import Row
from ingestion.triggers import LandedObject
from ingestion.values import Caller
from ledgerlake.aws import Aws
from ledgerlake.events import Outcome
from ledgerlake.layout import table_uri
from ledgerlake.settings import Settings
from streaming_jobs.lake import Lake
from streaming_jobs.microbatch import catch_up
from tables import delta
from tables.contract_store import ContractStore
from tables.plan import apply, plan
from tests.local.clients import land, ledger_items

DATASET = "fees"
ANN, BOB = (Caller(name, "acme", "192.0.2.7", frozenset({"ledgerlake/decide"})) for name in ("ann", "bob"))
_TEXT = """apiVersion: v3.2.0
kind: DataContract
id: fees
version: 1.0.0
status: active
schema:
  - name: fees
    customProperties:
{custom}    properties:
      - {{name: id, logicalType: string, required: true, primaryKey: {key}}}
      - {{name: day, logicalType: date, required: {ordered}}}
      - name: amount
        logicalType: number
        physicalType: decimal(18,2)
        required: true
        customProperties: [{{property: money, value: true}}]
"""


def a_contract_text(mode: str = "upsert", **custom: Any) -> str:
    """A contract of that mode with these custom properties."""
    stated = "".join(f"      - {{property: {name}, value: {value}}}\n" for name, value in custom.items())
    key = str(mode in {"upsert", "snapshot", "scd2"} or "dedupe" in custom).lower()
    ordered = str("sequenceBy" in custom).lower()
    return _TEXT.format(custom=f"      - {{property: mode, value: {mode}}}\n{stated}", key=key, ordered=ordered)


def a_file(*rows: tuple[str, str], day: str = "2026-03-31") -> bytes:
    """A file of (id, amount)."""
    return "".join(["id,day,amount\n", *(f"{key},{day},{amount}\n" for key, amount in rows)]).encode()


@dataclass
class House:
    """One dataset in one installation."""

    intake: Intake
    lake: Lake
    folder: Path

    def send(self, data: bytes, **said: Any) -> str:
        """A file as any client sends it, of which this is said (as in `land`); its upload id."""
        upload_id, notice = self.land(data, **said)
        self.admit(notice)
        return upload_id

    def land(
        self, data: bytes, *, rows: int | None = None, total: str | None = None, supersedes: str | None = None
    ) -> tuple[str, LandedObject]:
        """A file that was sent, and what tells of it."""
        totals = {} if total is None else {"amount": total}
        sha256 = hashlib.sha256(data).hexdigest()
        request = UploadRequest(DATASET, "fees.csv", len(data), sha256, "text/csv", rows, totals, supersedes)
        landed = land(self.intake, data, request, ANN)
        return landed.upload_id, landed.notice

    def admit(self, notice: LandedObject, intake: Intake | None = None) -> None:
        """Ingestion hears of a file."""
        admit(intake or self.intake, notice)

    def apply(self) -> tuple[Outcome, ...]:
        """All that can be applied, by a driver that knows what the last one knew."""
        return catch_up(self.lake)

    def restart(self) -> None:
        """Another driver takes over; it knows nothing."""
        self.lake = _lake(self.intake.settings, self.intake.aws)

    def state_contract(self, text: str) -> None:
        """Another contract from now on."""
        (self.folder / f"{DATASET}.yaml").write_text(text)
        apply(plan(self.intake.contracts.current(DATASET), self.intake.settings))

    def row(self, upload_id: str) -> Row:
        """What the ledger says of an upload."""
        row = self.intake.ledger.read(upload_id)
        assert row
        return row

    def query(self, statement: str) -> list[dict[str, Any]]:
        """Rows of the house's tables."""
        uris = {
            name: table_uri(self.intake.settings.tables_bucket, name) for name in (DATASET, "uploads", "quarantine")
        }
        named = {name: uri for name, uri in uris.items() if name in statement}
        return list(delta.query(statement, named, self.intake.settings).to_pylist(maps_as_pydicts="strict"))

    def query_at(self, version: int, statement: str) -> dict[str, Any]:
        """The one row that the dataset's table answered at a version."""
        uri = table_uri(self.intake.settings.tables_bucket, DATASET)
        (row,) = delta.query(statement, {DATASET: uri}, self.intake.settings, {DATASET: version}).to_pylist()
        return dict(row)

    def fees(self) -> dict[str, str]:
        """The table by id; of mode append the rows of an id joined."""
        found: dict[str, str] = {}
        for row in self.query("SELECT id, amount FROM fees ORDER BY _seq, _row"):
            before = f"{found[row['id']]} " if row["id"] in found else ""
            found[row["id"]] = f"{before}{row['amount']}"
        return found

    def told(self) -> list[dict[str, Any]]:
        """All that the ledger says; leases are no knowledge."""
        return [item for item in ledger_items(self.intake) if not item["pk"]["S"].startswith("lease#")]

    def lose_the_ledger(self) -> None:
        """Every item is gone."""
        for item in ledger_items(self.intake):
            key = {"pk": item["pk"], "sk": item["sk"]}
            self.intake.aws.dynamodb.delete_item(TableName=self.intake.settings.ledger_table, Key=key)

    def from_raw(self) -> House:
        """The house made of raw again; and a ledger that is lost comes back as it was."""
        before = self.told()
        self.lose_the_ledger()
        rebuild(self.intake.settings, self.intake.aws)
        assert self.told() == before
        other = self.again()
        rebuild(other.intake.settings, other.intake.aws)
        other.apply()
        return other

    def again(self) -> House:
        """The same raw, with a ledger and tables that are empty and not yet rebuilt."""
        name = f"{self.intake.settings.tables_bucket}-again-{next(_numbers)}"
        settings = replace(self.intake.settings, tables_bucket=name, ledger_table=name)
        return _house(settings, Aws(settings), self.folder)


_numbers = count(1)


def a_house(settings: Settings, folder: Path, text: str) -> House:
    """A house with one dataset, on an installation that is there."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{DATASET}.yaml").write_text(text)
    settings = replace(settings, contracts=str(folder))
    return _house(settings, Aws(settings), folder)


def _house(settings: Settings, aws: Aws, folder: Path) -> House:
    resources.create(aws)
    house = House(Intake(settings, aws), _lake(settings, aws), folder)
    apply(plan(house.intake.contracts.current(DATASET), settings))
    return house


def _lake(settings: Settings, aws: Aws) -> Lake:
    return Lake(settings, aws, ContractStore(settings, aws))
