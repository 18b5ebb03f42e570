"""Bodies of a dry run: a file, and what it would get."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ingestion.dry_run import DryRun
from ingestion.request import DECIMAL, MAX_NAME, FieldProblem, InvalidRequestError
from validation.totals import Declared

MAX_CHECKED = 4 * 1024 * 1024 * 4 // 3 + 4
"""Characters of 4 MiB in base64; API Gateway and Lambda take no more than about that."""


class CheckBody(BaseModel):
    """A file that the caller wants to know the verdict on, without sending it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    content: Annotated[str, Field(description="The file in base64; at most 4 MiB of it", max_length=MAX_CHECKED)]
    declared_rows: Annotated[int | None, Field(description="Data rows that will be declared")] = None
    declared_totals: Annotated[dict[str, str], Field(description="Totals that will be declared")] = {}

    def file(self) -> bytes:
        """The file.

        Raises:
            InvalidRequestError: the content is no base64.
        """
        try:
            return base64.b64decode(self.content, validate=True)
        except ValueError as error:
            raise InvalidRequestError((FieldProblem("content", f"must be base64: {error}"),)) from error

    def declared(self) -> Declared:
        """What will be declared.

        Raises:
            InvalidRequestError: a total is no decimal text.
        """
        bad = [name for name, amount in self.declared_totals.items() if not DECIMAL.fullmatch(amount)]
        if bad:
            fault = 'must be a plain decimal text, for example "-1234.50"'
            raise InvalidRequestError(tuple(FieldProblem(f"declared_totals.{name[:MAX_NAME]}", fault) for name in bad))
        return Declared(self.declared_rows, {name: Decimal(text) for name, text in self.declared_totals.items()})


class DryRunBody(BaseModel):
    """What would become of the file: applied, held or rejected, and every reason."""

    state: Literal["applied", "held", "rejected"]
    reasons: list[str]
    rows: int
    refused: Annotated[int, Field(description="Rows that would go to quarantine")]
    by_rule: dict[str, int]
    money: Annotated[dict[str, str], Field(description="Sum of each money column")]
    shown: Annotated[list[dict[str, Any]], Field(description="The first refused rows, each with every reason")]
    warnings: Annotated[dict[str, int], Field(description="Rows that would be kept with a warning, by rule")]
    unjudged: Annotated[list[str], Field(description="Rules about other tables, which a check does not ask")]

    @classmethod
    def of(cls, found: DryRun) -> DryRunBody:
        """Body of a dry run."""
        return cls(
            state=found.state,  # type: ignore[arg-type]  # pydantic checks it
            reasons=list(found.reasons),
            rows=found.rows,
            refused=found.refused,
            by_rule=dict(found.by_rule),
            money={name: format(amount, "f") for name, amount in found.money.items()},
            shown=list(found.shown),
            warnings=dict(found.warnings),
            unjudged=list(found.unjudged),
        )
