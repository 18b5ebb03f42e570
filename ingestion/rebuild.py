"""The ledger, made again: grants, manifests, reasons and decisions from S3, outcomes from the `uploads` table.

What that table has not been told yet, the stream tells the ledger itself when it starts.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from ingestion.follow import follow
from ingestion.intake import Intake
from ingestion.restorations import restore_outcome
from ingestion.restore import datasets_in_raw, restore_dataset, restore_grants
from ledgerlake.aws import Aws
from ledgerlake.decisions import read_decisions
from ledgerlake.events import Outcome
from ledgerlake.layout import table_uri
from ledgerlake.settings import Settings
from tables.delta import open_table, schema, select

UPLOADS = "uploads"


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How many of each were read back."""

    grants: int
    acceptances: int
    rejections: int
    outcomes: int
    datasets: tuple[str, ...]
    decisions: int


def rebuild(settings: Settings, aws: Aws) -> Rebuilt:
    """Makes the whole ledger again; what it still has, stays.

    Raises:
        TransientError: a system was out of reach; run it again.
        ValueError: an object under one of the prefixes is not what its key says.
    """
    intake = Intake(settings, aws)
    grants, datasets = restore_grants(intake), datasets_in_raw(intake)
    counts = [restore_dataset(intake, dataset) for dataset in datasets]
    return Rebuilt(
        grants,
        sum(count[0] for count in counts),
        sum(count[1] for count in counts),
        _restore_outcomes(intake),
        datasets,
        sum(_restore_decisions(intake, dataset) for dataset in datasets),
    )


def _restore_decisions(intake: Intake, dataset: str) -> int:
    """After the outcomes, so that what was decided about is no open hold; what a crash left undone is done."""
    decisions = list(read_decisions(intake.aws, dataset))
    for decision in decisions:
        follow(intake, decision)
    return len(decisions)


def _restore_outcomes(intake: Intake) -> int:
    table = open_table(table_uri(intake.settings.tables_bucket, UPLOADS), intake.settings)
    if table is None:
        return 0
    there = schema(table).names
    columns = ", ".join(f'"{field.name}"' for field in fields(Outcome) if field.name in there)
    rows = select(table, f"SELECT {columns} FROM t").to_pylist(maps_as_pydicts="strict")  # noqa: S608  # our own names
    for row in rows:
        known = {name: value for name, value in row.items() if value is not None}
        restore_outcome(intake.ledger, Outcome(**known))
    return len(rows)
