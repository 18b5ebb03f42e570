"""Bodies of the requests and answers about held uploads."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ingestion.bodies import UploadBody


class ReasonedBody(BaseModel):
    """Why somebody decides so."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: Annotated[str, Field(description="Why; kept for ever", examples=["total confirmed by phone"])]


class HoldsBody(BaseModel):
    """Held uploads that nobody has decided about, the latest first."""

    uploads: list[UploadBody]
