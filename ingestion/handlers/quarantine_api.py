"""The whole upload API, that of refused rows included: it needs deltalake, so that no zip file is small enough.

In AWS it is an image that API Gateway calls for refused rows only; on a laptop it is all of the API.
"""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.utilities.typing import LambdaContext

from ingestion.app import build_app
from ingestion.handlers.entry import at_first_call
from ingestion.intake import Intake
from ingestion.quarantine_routes import quarantine_routes
from ledgerlake.aws import Aws
from ledgerlake.clock import Clock, utc_now
from ledgerlake.settings import Settings
from monitoring.publish import Emit


def build(settings: Settings, aws: Aws, clock: Clock = utc_now, emit: Emit = print) -> APIGatewayHttpResolver:
    """The API over these dependencies; `emit` takes metrics as EMF lines."""
    return build_app(Intake(settings, aws, clock), emit, quarantine_routes)


_app = at_first_call(build)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answers one HTTP request (payload format 2.0)."""
    return _app().resolve(event, context)
