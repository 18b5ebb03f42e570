"""A dry run: what would become of a file, said by the very functions that decide it, without keeping anything.

What depends on what was before is not said: whether the same delivery was accepted already, whether a full state is too
small beside the last one, what becomes of good rows beside those of other files, and what rules about other tables say:
these are named.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, BinaryIO

from ingestion.inspection import LandedFile, inspect
from ingestion.values import Grant
from ledgerlake.errors import RejectedError
from tables.budget import over_budget
from tables.contract import Contract
from validation.known import Known
from validation.rules import Ask, not_asking
from validation.totals import Declared, add_totals, hold_reasons
from validation.validate import parts
from validation.verdict import Flag, Part, add_flags, rule_name, rules_that_hold, warnings

SHOWN = 100
"""Refused rows that are named; all are counted."""

NOTHING = Declared()
_NOBODY = "00000000-0000-0000-0000-000000000000"
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class DryRun:
    """What would become of a file: `applied`, `held` or `rejected`, and why if it is not the first.

    `refused` of its `rows` would go to quarantine, the first of them with every reason (`row`, `raw`, `reasons`);
    `by_rule` counts rows by the rules they break; `money` has the sum of each money column; `warnings` counts rows that
    are kept with one, by rule; `unjudged` are the rules about tables, which were not asked.
    """

    state: str
    reasons: tuple[str, ...]
    rows: int = 0
    refused: int = 0
    by_rule: Mapping[str, int] = field(default_factory=dict)
    money: Mapping[str, Decimal] = field(default_factory=dict)
    shown: tuple[dict[str, Any], ...] = ()
    warnings: Mapping[str, int] = field(default_factory=dict)
    unjudged: tuple[str, ...] = ()


def dry_run(file: BinaryIO, contract: Contract, at: datetime, declared: Declared = NOTHING) -> DryRun:
    """What the file would get, accepted `at` that time. `file` is seekable, and read from its start."""
    size, digest = 0, hashlib.sha256()
    while chunk := file.read(1024**2):
        size += len(chunk)
        digest.update(chunk)
    try:
        inspect(_landed(file, contract, size, digest.hexdigest()))
    except RejectedError as error:
        return DryRun("rejected", (f"{error.check}: {error.message}",))
    file.seek(0)
    judged, unjudged = _without_tables(contract)
    return replace(_judged(file, judged, Known(at), declared), unjudged=unjudged)


def _without_tables(contract: Contract) -> tuple[Contract, tuple[str, ...]]:
    """The contract without the rules that ask for tables, and the names of these."""
    judged = not_asking(contract, Ask.LAKE, Ask.TABLE)
    left = {use for _, use in judged.uses}
    names = (rule_name(use, column.name if column else None) for column, use in contract.uses if use not in left)
    return judged, tuple(names)


def _judged(file: BinaryIO, contract: Contract, known: Known, declared: Declared) -> DryRun:
    """Part by part, so that memory does not grow with the file."""
    totals, refused, rules = [], 0, Counter[str]()
    shown: list[dict[str, Any]] = []
    flags: list[Flag] = []
    try:
        for part in parts(file, contract, known):
            totals.append(part.totals)
            flags += part.flags
            refused += part.quarantined.num_rows
            _count(part, rules, shown)
    except RejectedError as error:  # the file was accepted by then, and is held
        return DryRun("held", (f"{error.check}: {error.message}",))
    found, flagged = add_totals(contract, totals), add_flags(flags)
    held = (
        *hold_reasons(contract, found, declared),
        *rules_that_hold(flagged),
        *over_budget(contract, refused, found.rows),
    )
    return DryRun(
        "held" if held else "applied",
        held,
        found.rows,
        refused,
        dict(rules.most_common()),
        found.money,
        tuple(shown),
        warnings(flagged),
    )


def _count(part: Part, rules: Counter[str], shown: list[dict[str, Any]]) -> None:
    rows = part.quarantined.select(["_row", "raw", "reasons"]).to_pylist()
    for row in rows:
        rules.update({reason["rule"] for reason in row["reasons"]})
    room = SHOWN - len(shown)
    shown += [{"row": row["_row"], "raw": row["raw"], "reasons": row["reasons"]} for row in rows[:room]]


def _landed(file: BinaryIO, contract: Contract, size: int, sha256: str) -> LandedFile:
    """The file as if it had just landed, as granted."""
    grant = Grant(
        dataset=contract.dataset,
        upload_id=_NOBODY,
        file_name="",
        size=size,
        sha256=sha256,
        content_type="",
        tenant="",
        principal="",
        source_ip="",
        declared_rows=None,
        declared_totals={},
        granted_at=_NEVER,
        multipart_id=None,
    )
    return LandedFile(grant, contract, size, sha256, _NEVER, file)
