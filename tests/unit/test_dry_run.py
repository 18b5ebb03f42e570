"""A dry run judges by every rule that needs no table, and names those that it did not ask."""

from __future__ import annotations

import io

from ingestion.dry_run import DryRun, dry_run
from tables.odcs import load
from tests.laws.histories import NOON

CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: fees
version: 1.0.0
status: active
schema:
  - name: fees
    properties:
      - {name: id, logicalType: string, required: true}
      - name: day
        logicalType: date
        quality:
          - {type: custom, engine: ledgerlake, severity: SEVERITY, implementation: {rule: not_future}}
      - name: account
        logicalType: string
        quality:
          - {type: custom, engine: ledgerlake, implementation: {rule: foreign_key, dataset: accounts, column: id}}
"""
FILE = b"id,day,account\na,2026-01-01,x\nb,2026-01-02,y\n,2026-01-03,z\n"


def judged(severity: str) -> DryRun:
    return dry_run(io.BytesIO(FILE), load(CONTRACT.replace("SEVERITY", severity), "fees.yaml"), NOON)


def test_rows_with_a_warning_are_kept_and_counted_and_refused_ones_are_not_warned_of() -> None:
    found = judged("warning")
    assert (found.state, found.refused, found.by_rule, found.warnings) == (
        "applied",
        1,
        {"required": 1},
        {"day.not_future": 1},
    )


def test_a_rule_that_holds_holds_the_file() -> None:
    found = judged("hold")
    assert found.state == "held"
    assert found.reasons[0].startswith("1 row, first on line 3: day must")


def test_a_rule_about_another_table_is_named_and_not_asked() -> None:
    assert judged("error").unjudged == ("account.foreign_key",)
    assert judged("error").by_rule == {"not_future": 2, "required": 1}
