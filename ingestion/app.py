"""The upload API: ask for an upload, complete it, see what became of it, see what a dataset wants.

One Powertools application. API Gateway has checked the caller's token; its claims say who it is, and what is another
tenant's does not exist for them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.exceptions import NotFoundError, UnauthorizedError
from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer, Server
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from ingestion import problems
from ingestion.bodies import AskBody, DatasetBody, DatasetsBody, GrantBody, UploadBody, UploadsBody
from ingestion.grant import grant_upload
from ingestion.intake import Intake
from ingestion.presign import complete_multipart
from ingestion.request import FieldProblem, InvalidRequestError
from ingestion.row import Row
from ingestion.values import Caller
from ledgerlake.layout import UPLOAD_ID
from ledgerlake.logs import about
from monitoring.publish import Emit, emf

MAX_CLAIM = 256
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


def build_app(intake: Intake, emit: Emit) -> APIGatewayHttpResolver:
    """The application: call it with an HTTP API event (payload 2.0) and a context."""
    app = APIGatewayHttpResolver(enable_validation=True)
    app.include_router(_upload_routes(app, intake, emit))
    app.include_router(_dataset_routes(app, intake))
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
        granted = grant_upload(intake, body.request(), _caller(app, intake))
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
        return _body(_own(intake, upload_id, _caller(app, intake)))

    @routes.post("/v1/uploads/<upload_id>/complete", summary="Join the parts of an upload", tags=["uploads"])
    def complete(upload_id: _ID) -> UploadBody:
        row = _own(intake, upload_id, _caller(app, intake))
        if row.grant is None or row.grant.multipart_id is None:
            raise InvalidRequestError((FieldProblem("upload_id", "this upload is not in parts; its PUT completed it"),))
        complete_multipart(intake, row.grant)
        return _body(row)

    @routes.get("/v1/uploads", summary="The latest uploads to a dataset", tags=["uploads"])
    def latest(
        dataset: Annotated[str, Query(description="Name of the dataset")],
        limit: _PAGE = 50,
        before: _BEFORE = None,
    ) -> UploadsBody:
        _known(intake, dataset)
        rows = intake.ledger.listing(dataset, _caller(app, intake).tenant, limit, before)
        return UploadsBody(
            uploads=[_body(row) for row in rows],
            next=rows[-1].upload_id if len(rows) == limit else None,
        )

    return routes


def _dataset_routes(app: APIGatewayHttpResolver, intake: Intake) -> Router:
    routes = Router()  # type: ignore[no-untyped-call]  # as Powertools has it

    @routes.get("/v1/datasets", summary="All datasets", tags=["datasets"])
    def names() -> DatasetsBody:
        _caller(app, intake)
        return DatasetsBody(datasets=list(intake.contracts.names()))

    @routes.get("/v1/datasets/<name>", summary="A dataset and its contract", tags=["datasets"])
    def contract(name: Annotated[str, Path(description="Name of the dataset")]) -> DatasetBody:
        _caller(app, intake)
        _known(intake, name)
        return DatasetBody.of(intake.contracts.current(name))

    return routes


def _caller(app: APIGatewayHttpResolver, intake: Intake) -> Caller:
    """Who the authorizer says it is."""
    context = app.current_event.raw_event.get("requestContext", {})
    claims = context.get("authorizer", {}).get("jwt", {}).get("claims", {})
    principal, tenant = claims.get("sub", ""), claims.get(intake.settings.tenant_claim, "")
    if not 0 < len(principal) <= MAX_CLAIM or not 0 < len(tenant) <= MAX_CLAIM:
        msg = f"The token needs the claims sub and {intake.settings.tenant_claim}, of at most {MAX_CLAIM} characters."
        raise UnauthorizedError(msg)
    return Caller(principal, tenant, str(context.get("http", {}).get("sourceIp", "")))


def _own(intake: Intake, upload_id: str, caller: Caller) -> Row:
    row = intake.ledger.read(upload_id) if UPLOAD_ID.fullmatch(upload_id) else None
    if row is None or row.grant is None or row.grant.tenant != caller.tenant:
        msg = f"There is no upload {upload_id[:MAX_CLAIM]!r}."
        raise NotFoundError(msg)
    return row


def _body(row: Row) -> UploadBody:
    body = UploadBody.of(row)
    if body is None:
        msg = f"There is no upload {row.upload_id!r}."
        raise NotFoundError(msg)
    return body


def _known(intake: Intake, dataset: str) -> None:
    names = intake.contracts.names()
    if dataset not in names:
        msg = f"There is no dataset {dataset[:MAX_CLAIM]!r}; known are {', '.join(names) or 'none'}."
        raise NotFoundError(msg)
