"""The part of the API that gives receipts, and tells whether one is genuine."""

from __future__ import annotations

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path
from pydantic import BaseModel, ConfigDict, Field

from ingestion.access import caller_of, own
from ingestion.intake import Intake
from ingestion.receipt import ALGORITHM, is_genuine, public_key, receipt


class ReceiptBody(BaseModel):
    """What became of an upload, signed; the signature is that of the receipt's canonical JSON."""

    model_config = ConfigDict(extra="forbid", strict=True)

    receipt: Annotated[dict[str, Any], Field(description="Hash, counts, totals, table version; see docs/receipts.md")]
    algorithm: str = ALGORITHM
    signature: Annotated[str, Field(description="Base64", max_length=1024)]


class GenuineBody(BaseModel):
    """Whether a receipt is genuine, to the last character."""

    genuine: bool


class KeyBody(BaseModel):
    """The public key of receipts."""

    pem: str


def receipt_routes(app: APIGatewayHttpResolver, intake: Intake) -> Router:
    """Receipts of the caller's tenant; whether any receipt is genuine may be asked by everybody."""
    routes = Router()  # type: ignore[no-untyped-call]  # as Powertools has it

    @routes.get("/v1/uploads/<upload_id>/receipt", summary="The receipt of an upload", tags=["receipts"])
    def show(upload_id: Annotated[str, Path(description="Id of the upload")]) -> ReceiptBody:
        made = receipt(intake.aws, own(intake, upload_id, caller_of(app, intake)))
        return ReceiptBody(receipt=made.members, signature=made.signature)

    @routes.post("/v1/receipts/verify", summary="Whether a receipt is genuine", tags=["receipts"])
    def verify(body: ReceiptBody) -> GenuineBody:
        caller_of(app, intake)
        return GenuineBody(genuine=is_genuine(intake.aws, body.receipt, body.signature))

    @routes.get("/v1/receipts/key", summary="The public key of receipts", tags=["receipts"])
    def key() -> KeyBody:
        caller_of(app, intake)
        return KeyBody(pem=public_key(intake.aws))

    return routes
