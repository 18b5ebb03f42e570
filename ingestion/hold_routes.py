"""The part of the API where people decide about held uploads. Deciding takes a scope of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path

from ingestion.access import body_of, caller_of, decider_of, known, own
from ingestion.bodies import DecisionBody
from ingestion.hold_bodies import HoldsBody, ReasonedBody
from ingestion.holds import open_holds, reject, release
from ingestion.intake import Intake
from ingestion.row import Row
from ingestion.values import Caller
from ledgerlake.decisions import Decision
from monitoring.publish import Emit, emf

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
