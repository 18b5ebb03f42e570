"""The part of the API where people decide: about held uploads, and about refused rows. It takes a scope of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from ingestion.access import Emit, body_of, caller_of, decider_of, known, own
from ingestion.bodies import DecisionBody
from ingestion.decision_bodies import (
    CorrectBody,
    HoldsBody,
    QuarantineBody,
    ReasonedBody,
    ReenterBody,
    RefusedRowsBody,
    RowsBody,
)
from ingestion.holds import open_holds, reject, release
from ingestion.intake import Intake
from ingestion.quarantine import Choice, correct, redrive, still_open, waive
from ingestion.row import Row
from ingestion.values import Caller
from ledgerlake.decisions import Decision
from monitoring.metrics import emf

Step = Callable[[Intake, Row, Caller, str], Decision]
"""Decides about a held upload, for a reason."""

_ID = Annotated[str, Path(description="Id of the upload")]


def hold_routes(app: APIGatewayHttpResolver, intake: Intake, emit: Emit) -> Router:
    """Held uploads: those of the caller's tenant, and what is decided about them."""
    routes = Router()  # type: ignore[no-untyped-call]  # as Powertools has it

    @routes.get("/v1/datasets/<name>/holds", summary="Held uploads that wait for a decision", tags=["holds"])
    def listed(name: Annotated[str, Path(description="Name of the dataset")]) -> HoldsBody:
        tenant = caller_of(app, intake).tenant
        known(intake, name)
        return HoldsBody(uploads=[body_of(row) for row in open_holds(intake, name, tenant)])

    @routes.post("/v1/uploads/<upload_id>/release", summary="Apply a held upload after all", tags=["holds"])
    def let_go(upload_id: _ID, body: ReasonedBody) -> DecisionBody:
        return decided(release, upload_id, body)

    @routes.post("/v1/uploads/<upload_id>/reject", summary="End a hold without the file", tags=["holds"])
    def refuse(upload_id: _ID, body: ReasonedBody) -> DecisionBody:
        return decided(reject, upload_id, body)

    def decided(step: Step, upload_id: str, body: ReasonedBody) -> DecisionBody:
        caller = decider_of(app, intake)
        decision = step(intake, own(intake, upload_id, caller), caller, body.reason)
        if name := {"release": "holds_released", "reject": "holds_rejected"}.get(decision.kind):
            emit(emf(intake.settings.metrics_namespace, decision.at, {name: 1}, {"dataset": decision.dataset}))
        return DecisionBody.of(decision)

    return routes


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
