"""The part of the API where people decide about refused rows. It reads tables, so that it needs deltalake."""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from ingestion.access import caller_of, decider_of, known, own
from ingestion.bodies import DecisionBody
from ingestion.intake import Intake
from ingestion.quarantine import Choice, correct, redrive, still_open, waive
from ingestion.quarantine_bodies import CorrectBody, QuarantineBody, ReenterBody, RefusedRowsBody, RowsBody
from ingestion.row import Row
from ingestion.values import Caller

_ID = Annotated[str, Path(description="Id of the upload")]


def quarantine_routes(app: APIGatewayHttpResolver, intake: Intake) -> Router:
    """Refused rows of the caller's tenant, and what is decided about them."""
    routes = Router()  # type: ignore[no-untyped-call]  # as Powertools has it

    def of(upload_id: str) -> tuple[Row, Caller]:
        caller = decider_of(app, intake)
        return own(intake, upload_id, caller), caller

    @routes.get("/v1/datasets/<name>/quarantine", summary="Open refused rows by rule and upload", tags=["quarantine"])
    def grouped(name: Annotated[str, Path(description="Name of the dataset")]) -> QuarantineBody:
        tenant = caller_of(app, intake).tenant
        known(intake, name)
        return QuarantineBody.of(still_open(intake, name, Choice(), tenant=tenant))

    @routes.get("/v1/uploads/<upload_id>/quarantine", summary="Refused rows that are open", tags=["quarantine"])
    def listed(
        upload_id: _ID,
        rule: Annotated[str | None, Query(description="Only rows that break this rule")] = None,
        limit: Annotated[int, Query(ge=1, le=1000, description="How many at most")] = 100,
    ) -> RefusedRowsBody:
        row = own(intake, upload_id, caller_of(app, intake))
        dataset = row.grant.dataset if row.grant else ""
        return RefusedRowsBody.of(still_open(intake, dataset, Choice(rule=rule), upload_id=upload_id), limit)

    @routes.post("/v1/uploads/<upload_id>/quarantine/waive", summary="Leave rows out for good", tags=["quarantine"])
    def leave(upload_id: _ID, body: RowsBody) -> DecisionBody:
        row, caller = of(upload_id)
        return DecisionBody.of(waive(intake, row, caller, body.reason, body.choice()))

    @routes.post("/v1/uploads/<upload_id>/quarantine/redrive", summary="Let rows enter again", tags=["quarantine"])
    def again(upload_id: _ID, body: ReenterBody) -> DecisionBody:
        row, caller = of(upload_id)
        return DecisionBody.of(redrive(intake, row, caller, body.reason, body.choice(), newest=body.newest))

    @routes.post("/v1/uploads/<upload_id>/quarantine/correct", summary="Replace rows", tags=["quarantine"])
    def mend(upload_id: _ID, body: CorrectBody) -> DecisionBody:
        row, caller = of(upload_id)
        made = correct(intake, row, caller, body.reason, body.choice(), body.content, newest=body.newest)
        return DecisionBody.of(made)

    return routes
