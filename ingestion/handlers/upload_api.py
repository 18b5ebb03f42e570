"""The upload API as a Lambda function behind an HTTP API with a JWT authorizer."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.utilities.typing import LambdaContext

from ingestion.app import build_app
from ingestion.handlers.entry import at_first_call
from ingestion.intake import Intake
from ledgerlake.aws import Aws
from ledgerlake.clock import Clock, utc_now
from ledgerlake.settings import Settings
from monitoring.publish import Emit


def build(settings: Settings, aws: Aws, clock: Clock = utc_now, emit: Emit = print) -> APIGatewayHttpResolver:
    """The API over these dependencies; `emit` takes metrics as EMF lines."""
    return build_app(Intake(settings, aws, clock), emit)


_app = at_first_call(build)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answers one HTTP request (payload format 2.0)."""
    return _app().resolve(event, context)
