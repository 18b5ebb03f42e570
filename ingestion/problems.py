"""Every refusal of the API is a problem document (RFC 9457) that names the fields at fault."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import ApiGatewayResolver
from aws_lambda_powertools.event_handler.exceptions import ServiceError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestUnsupportedContentType, RequestValidationError

from ingestion.request import ConflictError, FieldProblem, ForbiddenError, InvalidRequestError
from ledgerlake.errors import LedgerlakeError, TransientError

MEDIA_TYPE = "application/problem+json"
_log = logging.getLogger(__name__)


def problem(
    status: HTTPStatus,
    detail: str,
    fields: Sequence[FieldProblem] = (),
    headers: Mapping[str, str] | None = None,
) -> Response[str]:
    """A problem document; `type` is `about:blank`, so that the title is the status's own phrase."""
    members: dict[str, Any] = {"type": "about:blank", "title": status.phrase, "status": int(status), "detail": detail}
    if fields:
        members["errors"] = [{"field": each.field, "message": each.message} for each in fields]
    return Response(
        status_code=int(status),
        content_type=MEDIA_TYPE,
        body=json.dumps(members),
        headers={**(headers or {})},
    )


def install(app: ApiGatewayResolver) -> None:
    """Makes every error of a route a problem document."""
    for error, answer in (
        (InvalidRequestError, _invalid),
        (ConflictError, _conflicting),
        (ForbiddenError, _forbidden),
        (RequestValidationError, _malformed),
        (UnicodeDecodeError, _undecodable),
        (RequestUnsupportedContentType, _unsupported),
        (ServiceError, _refused),
        (TransientError, _busy),
        (LedgerlakeError, _broken),
        (Exception, _broken),
    ):
        app.exception_handler(error)(answer)


def _invalid(error: InvalidRequestError) -> Response[str]:
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The request was understood and is not acceptable.", error.problems)


def _conflicting(error: ConflictError) -> Response[str]:
    return problem(HTTPStatus.CONFLICT, str(error))


def _forbidden(error: ForbiddenError) -> Response[str]:
    return problem(HTTPStatus.FORBIDDEN, str(error))


def _malformed(error: RequestValidationError) -> Response[str]:
    """The framework's findings; its places are tuples such as ('body', 'size')."""
    places = [(".".join(str(part) for part in found["loc"][1:] or found["loc"]), found) for found in error.errors()]
    return problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The request has not the form that /openapi.json describes.",
        [FieldProblem(place, str(found["msg"])) for place, found in places],
    )


def _undecodable(_: UnicodeDecodeError) -> Response[str]:
    """The framework decodes the body before it validates it."""
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The body is not UTF-8.", [FieldProblem("body", "must be UTF-8")])


def _unsupported(_: RequestUnsupportedContentType) -> Response[str]:
    return problem(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "Send application/json.",
        [FieldProblem("Content-Type", "must be application/json")],
    )


def _refused(error: ServiceError) -> Response[str]:
    return problem(HTTPStatus(error.status_code), str(error.msg or HTTPStatus(error.status_code).description))


def _busy(error: TransientError) -> Response[str]:
    _log.warning("%s", error)
    return problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "A system that is needed is busy; try again.",
        headers={"Retry-After": "2"},
    )


def _broken(error: Exception) -> Response[str]:
    """What went wrong is for the operator's log: it may name things that the caller must not see."""
    _log.error("request failed", exc_info=error)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "The request failed here; the operator's log says why.")
