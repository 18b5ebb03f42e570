"""The upload API: ask for an upload, complete it, see what became of it, see what a dataset wants.

One Powertools application. API Gateway has checked the caller's token; its claims say who it is, and what is another
tenant's does not exist for them.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer, Server
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from ingestion import problems
from ingestion.access import body_of, caller_of, known, own
from ingestion.bodies import AskBody, DatasetBody, DatasetsBody, GrantBody, UploadBody, UploadsBody
from ingestion.check_bodies import CheckBody, DryRunBody
from ingestion.dry_run import dry_run
from ingestion.grant import grant_upload
from ingestion.hold_routes import hold_routes
from ingestion.intake import Intake
from ingestion.presign import complete_multipart
from ingestion.receipt_routes import receipt_routes
from ingestion.request import FieldProblem, InvalidRequestError
from ledgerlake.layout import UPLOAD_ID
from ledgerlake.logs import about
from monitoring.publish import Emit, emf

_log = logging.getLogger(__name__)
_PAGE = Annotated[int, Query(ge=1, le=100, description="How many at most")]
_BEFORE = Annotated[str | None, Query(pattern=UPLOAD_ID.pattern, description="`next` of the page before")]
_ID = Annotated[str, Path(description="Id of the upload")]
_ABOUT: Mapping[str, Any] = {
    "title": "ledgerlake upload API",
    "version": "1",
    "description": "Uploads files that become rows of Delta tables within seconds, exactly once.",
    "security_schemes": {"token": HTTPBearer(bearerFormat="JWT")},
    "security": [{"token": []}],
    "servers": [Server(url="/")],
}


Routes = Callable[[APIGatewayHttpResolver, Intake], Router]
"""Makes routes of an application."""


def build_app(intake: Intake, emit: Emit, *more: Routes) -> APIGatewayHttpResolver:
    """The application, with `more` routes: call it with an HTTP API event (payload 2.0) and a context."""
    app = APIGatewayHttpResolver(enable_validation=True)
    app.include_router(_upload_routes(app, intake, emit))
    app.include_router(_dataset_routes(app, intake))
    app.include_router(hold_routes(app, intake, emit))
    app.include_router(receipt_routes(app, intake))
    for routes in more:
        app.include_router(routes(app, intake))
    app.enable_swagger(path="/swagger", **_ABOUT)
    problems.install(app)

    @app.get("/openapi.json", include_in_schema=False)
    def openapi() -> Response[str]:
        return Response(
            status_code=HTTPStatus.OK,
            content_type="application/json",
            body=app.get_openapi_json_schema(**_ABOUT),
        )

    return app


def _upload_routes(app: APIGatewayHttpResolver, intake: Intake, emit: Emit) -> Router:
    routes = Router()  # type: ignore[no-untyped-call]  # as Powertools has it

    @routes.post("/v1/uploads", status_code=HTTPStatus.CREATED, summary="Ask for an upload", tags=["uploads"])
    def ask(body: AskBody) -> GrantBody:
        granted = grant_upload(intake, body.request(), caller_of(app, intake))
        _log.info("granted", extra=about(granted.grant))
        emit(
            emf(
                intake.settings.metrics_namespace,
                granted.grant.granted_at,
                {"uploads_granted": 1},
                {"dataset": granted.grant.dataset},
            ),
        )
        return GrantBody.of(granted)

    @routes.get("/v1/uploads/<upload_id>", summary="What became of an upload", tags=["uploads"])
    def show(upload_id: _ID) -> UploadBody:
        return body_of(own(intake, upload_id, caller_of(app, intake)))

    @routes.post("/v1/uploads/<upload_id>/complete", summary="Join the parts of an upload", tags=["uploads"])
    def complete(upload_id: _ID) -> UploadBody:
        row = own(intake, upload_id, caller_of(app, intake))
        if row.grant is None or row.grant.multipart_id is None:
            raise InvalidRequestError((FieldProblem("upload_id", "this upload is not in parts; its PUT completed it"),))
        complete_multipart(intake, row.grant)
        return body_of(row)

    @routes.get("/v1/uploads", summary="The latest uploads to a dataset", tags=["uploads"])
    def latest(
        dataset: Annotated[str, Query(description="Name of the dataset")],
        limit: _PAGE = 50,
        before: _BEFORE = None,
    ) -> UploadsBody:
        known(intake, dataset)
        rows = intake.ledger.listing(dataset, caller_of(app, intake).tenant, limit, before)
        return UploadsBody(
            uploads=[body_of(row) for row in rows],
            next=rows[-1].upload_id if len(rows) == limit else None,
        )

    return routes


def _dataset_routes(app: APIGatewayHttpResolver, intake: Intake) -> Router:
    routes = Router()  # type: ignore[no-untyped-call]  # as Powertools has it

    @routes.get("/v1/datasets", summary="All datasets", tags=["datasets"])
    def names() -> DatasetsBody:
        caller_of(app, intake)
        return DatasetsBody(datasets=list(intake.contracts.names()))

    @routes.get("/v1/datasets/<name>", summary="A dataset and its contract", tags=["datasets"])
    def contract(name: Annotated[str, Path(description="Name of the dataset")]) -> DatasetBody:
        caller_of(app, intake)
        known(intake, name)
        return DatasetBody.of(intake.contracts.current(name))

    @routes.post("/v1/datasets/<name>/check", summary="What a file would get", tags=["datasets"])
    def check(name: Annotated[str, Path(description="Name of the dataset")], body: CheckBody) -> DryRunBody:
        caller_of(app, intake)
        known(intake, name)
        return DryRunBody.of(
            dry_run(io.BytesIO(body.file()), intake.contracts.current(name), intake.clock(), body.declared())
        )

    return routes
