"""Bodies of the requests and answers about refused rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, Field

from ingestion.hold_bodies import ReasonedBody
from ingestion.quarantine import Choice
from ledgerlake.clock import to_text
from tables.quarantine import Refused


class RowsBody(ReasonedBody):
    """Which open rows of the upload: those on these lines, or all that break a rule, or all."""

    rows: Annotated[list[int] | None, Field(description="Lines of the file, as quarantine names them")] = None
    rule: Annotated[str | None, Field(description="Only rows that break this rule")] = None

    def choice(self) -> Choice:
        """The same as a value."""
        return Choice(None if self.rows is None else frozenset(self.rows), self.rule)


class ReenterBody(RowsBody):
    """Rows that enter again."""

    newest: Annotated[bool, Field(description="They are newer than what later uploads said of their keys")] = False


class CorrectBody(ReenterBody):
    """Rows, corrected."""

    content: Annotated[
        str,
        Field(
            description="Row k replaces the k-th of the rows: a file of the dataset where that has lines (csv with a "
            "stated header, fixed width, JSON Lines), else JSON Lines with an object of columns for each row"
        ),
    ]


class RefusedRowBody(BaseModel):
    """A refused row with every reason."""

    row: Annotated[int, Field(description="Its line in the file")]
    raw: Annotated[str, Field(description="Its text")]
    reasons: list[dict[str, str | None]]
    quarantined_at: str

    @classmethod
    def of(cls, refused: Refused) -> RefusedRowBody:
        """Body of a refused row."""
        at = to_text(refused.quarantined_at)
        return cls(row=refused.row, raw=refused.raw, reasons=refused.reasons, quarantined_at=at)


class RefusedRowsBody(BaseModel):
    """Open rows of an upload in the order of the file, and how many there are in all."""

    rows: list[RefusedRowBody]
    open: int
    by_rule: Annotated[dict[str, int], Field(description="Open rows by the rules they break")]

    @classmethod
    def of(cls, refused: Sequence[Refused], limit: int) -> RefusedRowsBody:
        """Body of the first of them."""
        rules = Counter(rule for each in refused for rule in each.rules)
        rows = [RefusedRowBody.of(each) for each in refused[:limit]]
        return cls(rows=rows, open=len(refused), by_rule=dict(rules.most_common()))


class UploadRefusedBody(BaseModel):
    """An upload with open rows."""

    upload_id: str
    open: int
    since: Annotated[str, Field(description="When the first of them was refused")]


class QuarantineBody(BaseModel):
    """Open rows of the caller's uploads to a dataset: how many, by rule and by upload."""

    open: int
    by_rule: dict[str, int]
    uploads: list[UploadRefusedBody]

    @classmethod
    def of(cls, refused: Sequence[Refused]) -> QuarantineBody:
        """Body of these rows."""
        groups: dict[str, list[Refused]] = {}
        for each in refused:
            groups.setdefault(each.upload_id, []).append(each)
        uploads = [
            UploadRefusedBody(
                upload_id=upload_id,
                open=len(rows),
                since=to_text(min(row.quarantined_at for row in rows)),
            )
            for upload_id, rows in groups.items()
        ]
        rules = Counter(rule for each in refused for rule in each.rules)
        return cls(open=len(refused), by_rule=dict(rules.most_common()), uploads=uploads)
