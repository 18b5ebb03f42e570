"""Who calls, as the authorizer proved it, and what exists for them: another tenant's does not."""

from __future__ import annotations

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.exceptions import NotFoundError, UnauthorizedError

from ingestion.bodies import UploadBody
from ingestion.intake import Intake
from ingestion.request import ForbiddenError
from ingestion.row import Row
from ingestion.values import Caller
from ledgerlake.layout import UPLOAD_ID

MAX_CLAIM = 256


def caller_of(app: APIGatewayHttpResolver, intake: Intake) -> Caller:
    """Who the authorizer says it is."""
    context = app.current_event.raw_event.get("requestContext", {})
    claims = context.get("authorizer", {}).get("jwt", {}).get("claims", {})
    principal, tenant = claims.get("sub", ""), claims.get(intake.settings.tenant_claim, "")
    if not 0 < len(principal) <= MAX_CLAIM or not 0 < len(tenant) <= MAX_CLAIM:
        msg = f"The token needs the claims sub and {intake.settings.tenant_claim}, of at most {MAX_CLAIM} characters."
        raise UnauthorizedError(msg)
    scopes = frozenset(str(claims.get("scope", "")).split())
    return Caller(principal, tenant, str(context.get("http", {}).get("sourceIp", "")), scopes)


def own(intake: Intake, upload_id: str, caller: Caller) -> Row:
    """The row of an upload of the caller's tenant."""
    row = intake.ledger.read(upload_id) if UPLOAD_ID.fullmatch(upload_id) else None
    if row is None or row.grant is None or row.grant.tenant != caller.tenant:
        msg = f"There is no upload {upload_id[:MAX_CLAIM]!r}."
        raise NotFoundError(msg)
    return row


def body_of(row: Row) -> UploadBody:
    """An upload as its API shows it."""
    body = UploadBody.of(row)
    if body is None:
        msg = f"There is no upload {row.upload_id!r}."
        raise NotFoundError(msg)
    return body


def known(intake: Intake, dataset: str) -> None:
    """Refuses the name of a dataset that has no contract."""
    names = intake.contracts.names()
    if dataset not in names:
        msg = f"There is no dataset {dataset[:MAX_CLAIM]!r}; known are {', '.join(names) or 'none'}."
        raise NotFoundError(msg)


def decider_of(app: APIGatewayHttpResolver, intake: Intake) -> Caller:
    """The caller, if they may decide."""
    caller, scope = caller_of(app, intake), intake.settings.decide_scope
    if scope not in caller.scopes:
        has = ", ".join(sorted(caller.scopes)) or "none"
        raise ForbiddenError(f"Deciding takes a token with the scope {scope}; this one has {has}.")
    return caller
