"""Contracts of every merge mode and its options, each with the model that its table must equal."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tables.contract import Column, Contract, Deletes, Kind
from tests import models
from tests.laws.histories import DELETING
from tests.laws.laws import Law

_BY_KEY = Contract(
    dataset="books",
    version="1.0.0",
    sha256="0" * 64,
    columns=(
        Column("name", Kind.STRING, required=True),
        Column("part", Kind.INTEGER),
        Column("time", Kind.INTEGER, required=True),
        Column("amount", Kind.DECIMAL, 18, 2),
        Column("text", Kind.STRING),
        Column("op", Kind.STRING, stored=False),
    ),
    primary_key=("name", "part"),
    max_shrink=Decimal("0.55"),
)
_BY_TIME = replace(_BY_KEY, sequence_by="time")
_DELETES = Deletes("op", DELETING)

LAWS = {
    "append": Law(replace(_BY_KEY, mode="append", primary_key=()), models.append),
    "append, deduplicated": Law(replace(_BY_KEY, mode="append", dedupe=True), models.append_dedupe),
    "upsert": Law(replace(_BY_TIME, mode="upsert"), models.upsert),
    "upsert by arrival": Law(replace(_BY_KEY, mode="upsert", deletes=_DELETES), models.upsert),
    "upsert with deletions": Law(replace(_BY_TIME, mode="upsert", deletes=_DELETES), models.upsert),
    "partial": Law(replace(_BY_TIME, mode="upsert", ignore_nulls=True), models.partial_upsert),
    "partial by arrival": Law(
        replace(_BY_KEY, mode="upsert", ignore_nulls=True, deletes=_DELETES), models.partial_upsert
    ),
    "partial with deletions": Law(
        replace(_BY_TIME, mode="upsert", ignore_nulls=True, deletes=_DELETES), models.partial_upsert
    ),
    "scd2": Law(replace(_BY_TIME, mode="scd2"), models.scd2),
    "scd2 with deletions, untracked": Law(
        replace(_BY_TIME, mode="scd2", deletes=_DELETES, untracked=("text",)), models.scd2
    ),
    "snapshot": Law(replace(_BY_KEY, mode="snapshot"), models.snapshot),
    "snapshot with history": Law(replace(_BY_KEY, mode="snapshot", keep_history=True), models.snapshot_history),
    "replace": Law(replace(_BY_KEY, mode="replace", primary_key=()), models.replace),
}
