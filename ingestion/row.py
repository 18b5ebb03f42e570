"""One upload, as the ledger knows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ingestion.values import Grant, Rejection
from ledgerlake.decisions import Decision
from ledgerlake.events import Manifest, Outcome

Item = dict[str, dict[str, Any]]
"""A DynamoDB item, each value with its type."""


@dataclass(frozen=True, slots=True)
class Row:
    """One upload, as far as it has come: the texts of its values by name, and the values. None: not reached yet."""

    upload_id: str
    texts: Mapping[str, str]

    @classmethod
    def of(cls, upload_id: str, item: Item) -> Row:
        """The row of a ledger item."""
        names = ("grant", "manifest", "rejection", "outcome", "proposal", "decision", "superseded_by")
        return cls(upload_id, {name: item[name]["S"] for name in names if name in item})

    @property
    def grant(self) -> Grant | None:
        """Who may send what."""
        return Grant.from_json(self.texts["grant"]) if "grant" in self.texts else None

    @property
    def manifest(self) -> Manifest | None:
        """What was accepted, with its number."""
        return Manifest.from_json(self.texts["manifest"]) if "manifest" in self.texts else None

    @property
    def rejection(self) -> Rejection | None:
        """Why it was refused."""
        return Rejection.from_json(self.texts["rejection"]) if "rejection" in self.texts else None

    @property
    def outcome(self) -> Outcome | None:
        """What became of its rows."""
        return Outcome.from_json(self.texts["outcome"]) if "outcome" in self.texts else None

    @property
    def proposal(self) -> Decision | None:
        """Who asked for the release of the held file, where that takes a second person."""
        return Decision.from_json(self.texts["proposal"]) if "proposal" in self.texts else None

    @property
    def decision(self) -> Decision | None:
        """What ended the hold of the file."""
        return Decision.from_json(self.texts["decision"]) if "decision" in self.texts else None

    @property
    def superseded_by(self) -> Decision | None:
        """What put another file in its place."""
        return Decision.from_json(self.texts["superseded_by"]) if "superseded_by" in self.texts else None

    @property
    def is_over(self) -> bool:
        """Whether somebody has ended the hold of the file, if it is or will be held."""
        return "decision" in self.texts or "superseded_by" in self.texts

    @property
    def waited_for(self) -> bool:
        """Whether the file is held, and its dataset goes on only after a decision."""
        outcome = self.outcome
        return outcome is not None and outcome.state == "held" and outcome.version is None

    @property
    def decided(self) -> bool:
        """Whether it was accepted or rejected; neither is ever taken back."""
        return "manifest" in self.texts or "rejection" in self.texts

    @property
    def state(self) -> str:
        """The last stage reached: `granted`, `accepted`, `rejected`, `applied` or `held`."""
        if outcome := self.outcome:
            return outcome.state
        if "rejection" in self.texts:
            return "rejected"
        return "accepted" if "manifest" in self.texts else "granted"

    @property
    def stages(self) -> dict[str, datetime]:
        """When each stage was reached, in order."""
        stages = {}
        if grant := self.grant:
            stages["granted"] = grant.granted_at
        if manifest := self.manifest:
            stages |= {"landed": manifest.landed_at, "accepted": manifest.accepted_at}
        if rejection := self.rejection:
            stages |= {"landed": rejection.landed_at, "rejected": rejection.rejected_at}
        if outcome := self.outcome:
            stages[outcome.state] = outcome.applied_at
        return stages
