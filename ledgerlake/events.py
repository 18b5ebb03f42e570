"""The values that cross rooms: `Manifest` (kept in raw), `UploadEvent` (on Kinesis), `Outcome` (in the table).

All are frozen, versioned by `schema`, and `from_json(to_json(x)) == x`. Unknown members are ignored, so
that a later minor writer does not break an earlier reader; an unknown `schema` is refused.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import MISSING, Field, asdict, dataclass, field, fields
from datetime import datetime
from decimal import Context, Decimal
from typing import Any, Self

from ledgerlake.clock import from_text, to_text
from ledgerlake.layout import manifest_key


class JsonValue:
    """JSON form of a flat frozen dataclass: times as text, no other conversion."""

    __slots__ = ()
    SCHEMA = ""

    def to_json(self) -> str:
        """Canonical text: sorted members, no blanks; equal values give equal bytes."""
        values: dict[str, Any] = asdict(self)  # type: ignore[call-overload]  # every subclass is a dataclass
        members = {name: to_text(value) if isinstance(value, datetime) else value for name, value in values.items()}
        return json.dumps({"schema": self.SCHEMA, **members}, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The value; `ValueError` names what is missing, malformed or of another schema."""
        members = json.loads(text)
        if not isinstance(members, dict) or members.get("schema") != cls.SCHEMA:
            found = members.get("schema") if isinstance(members, dict) else type(members).__name__
            msg = f"expected a JSON object of schema {cls.SCHEMA!r}, found {found!r}"
            raise ValueError(msg)
        return cls.from_members(members)

    @classmethod
    def from_members(cls, members: dict[str, Any]) -> Self:
        """As `from_json`, from parsed JSON."""
        every = fields(cls)  # type: ignore[arg-type]  # every subclass is a dataclass
        known = [each for each in every if each.name in members]
        missing = sorted(each.name for each in every if each not in known and _is_needed(each))
        if missing:
            msg = f"{cls.SCHEMA}: missing {', '.join(missing)}"
            raise ValueError(msg)
        return cls(
            **{
                each.name: from_text(members[each.name]) if each.type == "datetime" else members[each.name]
                for each in known
            },
        )


def _is_needed(member: Field[Any]) -> bool:
    """Members that came later have a default: an earlier writer did not know them."""
    return member.default is MISSING and member.default_factory is MISSING


@dataclass(frozen=True, slots=True)
class UploadEvent(JsonValue):
    """Upload number `seq` of `dataset` was accepted; at least once, in any order. The doorbell, not the truth."""

    SCHEMA = "ledgerlake.upload/1"
    dataset: str
    seq: int
    upload_id: str
    size: int
    accepted_at: datetime

    @property
    def manifest_key(self) -> str:
        """Key of the manifest in the raw bucket."""
        return manifest_key(self.dataset, self.seq)


@dataclass(frozen=True, slots=True)
class Manifest(JsonValue):
    """All that is known of an accepted upload; enough to rebuild its ledger row and to apply it.

    Units: `size` is bytes of the raw file; hashes are lower-case hex SHA-256. `declared_totals` maps a money
    column, or another total such as `hash(account)` or `opening(amount)`, to a decimal text; `declared_rows` counts
    data rows; both None or empty where nothing was declared.
    `cause` is None for a file that somebody sent. An upload that a decision made has in it the `kind` of the decision
    (`release`, `correct`, `redrive`, `supersede`), the `upload_id` decided about, the number of the `decision`,
    `reason`, `by` and, where a second person had to agree, `approved_by`; all are texts. `supersedes` are the uploads
    whose rows leave the table as those of this one come in.
    """

    SCHEMA = "ledgerlake.manifest/1"
    dataset: str
    seq: int
    upload_id: str
    raw_key: str
    size: int
    sha256: str
    contract_sha256: str
    contract_version: str
    file_name: str
    content_type: str
    tenant: str
    principal: str
    source_ip: str
    declared_rows: int | None
    declared_totals: dict[str, str]
    granted_at: datetime
    landed_at: datetime
    accepted_at: datetime
    cause: dict[str, str] | None = None
    supersedes: list[str] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """What made it: `upload` for a file that somebody sent, else the kind of its cause."""
        return self.cause["kind"] if self.cause else "upload"

    @property
    def reenters(self) -> bool:
        """Whether it has rows that were refused before, and no more of the file that they came from."""
        return self.kind in {"correct", "redrive"}

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what makes two uploads one delivery: who sent which bytes, under which contract and declaration.

        A file whose declaration was wrong, or whose contract has changed since, may so be sent again. What a decision
        brings is one delivery for each decision, but for a file that somebody sent to supersede another.
        """
        same: list[Any] = [self.tenant, self.sha256, self.contract_sha256, self.declared_rows, self.declared_totals]
        same += [self.cause] if self.cause and self.kind != "supersede" else []
        return hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()

    @property
    def event(self) -> UploadEvent:
        """The event that announces this upload."""
        return UploadEvent(self.dataset, self.seq, self.upload_id, self.size, self.accepted_at)


@dataclass(frozen=True, slots=True)
class Outcome(JsonValue):
    """What became of one upload, decided inside the commit that applied it.

    Rows are conserved: `rows = merged + superseded + duplicate + quarantined`, or, where `state` is `held`, all four
    are 0 and nothing of the file is in the table. `merged` rows took effect when the upload was applied in its turn;
    `superseded` lost to a newer row of an earlier upload; `duplicate` lost to another row of the same file. `money`
    maps each money column to decimal texts of `file`, `merged`, `superseded`, `duplicate` and `quarantined`, and is
    conserved alike. `version` is the table version that holds it: None inside the commit itself, which cannot know,
    and where a dataset waits for the decision about a held file.
    `warnings` counts accepted rows that break a rule which only warns, by `column.rule`. `rules_sha256` says what
    judged the file besides its contract, `reference_versions` which versions of which tables; empty if unknown.
    `waived` are the reasons for which the file would be held, had it not been released. `replaced` says how many `rows`
    of earlier uploads left the table in the same commit, and the sum of each of its money columns; empty if none could.
    `notes` say what had to be decided to read the file, a sentence each: by encoding, why it was needed.
    """

    SCHEMA = "ledgerlake.outcome/1"
    dataset: str
    seq: int
    upload_id: str
    state: str  # "applied" or "held"
    rows: int
    merged: int
    superseded: int
    duplicate: int
    quarantined: int
    money: dict[str, dict[str, str]]
    held: list[str]
    contract_sha256: str
    contract_version: str
    applied_at: datetime
    version: int | None = None
    warnings: dict[str, int] = field(default_factory=dict)
    rules_sha256: str = ""
    reference_versions: dict[str, int] = field(default_factory=dict)
    waived: list[str] = field(default_factory=list)
    replaced: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def unexplained(self) -> dict[str, str]:
        """Of `rows` and of each money column what is in the file and in none of its parts; nothing for a held file.

        Conservation is proved before the commit, so all of it is 0; here whoever doubts it can see.
        """
        if self.state == "held":
            return {}
        rows = self.rows - self.merged - self.superseded - self.duplicate - self.quarantined
        return {"rows": str(rows), **{name: _remainder(parts) for name, parts in self.money.items()}}


def _remainder(parts: dict[str, str]) -> str:
    exact = Context(prec=1000)
    left = Decimal(parts["file"])
    for name, amount in parts.items():
        left = left if name == "file" else exact.subtract(left, Decimal(amount))
    return format(left, "f")
