"""The canary as a scheduled Lambda function: a synthetic upload through the public API, asserted by a query."""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from ingestion import token
from ingestion.canary import DATASET, Beat, beat
from ingestion.client import Client
from ingestion.handlers.entry import Handler, at_first_call
from ledgerlake.aws import Aws
from ledgerlake.clock import Clock, utc_now
from ledgerlake.errors import ConfigurationError
from ledgerlake.settings import Settings
from monitoring.publish import Emit, emf

_log = logging.getLogger(__name__)


def build(
    settings: Settings, aws: Aws, clock: Clock = utc_now, emit: Emit = print, source: str = "schedule"
) -> Handler:
    """The handler over these dependencies; `emit` takes metrics as EMF lines."""

    def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        del event, context
        try:
            found = beat(settings, _client(settings, aws), clock, source)
        except Exception:
            emit(emf(settings.metrics_namespace, clock(), {"canary_failures": 1}, {}))
            raise
        tell(settings, found, clock, emit)
        return asdict(found)

    return handle


def tell(settings: Settings, found: Beat, clock: Clock, emit: Emit) -> None:
    """Logs and measures a beat that was found again."""
    _log.info("found after %.1f s", found.seconds, extra={"upload_id": found.upload_id, "dataset": DATASET})
    emit(emf(settings.metrics_namespace, clock(), {"canary_failures": 0, "canary_seconds": found.seconds}, {}))


def _client(settings: Settings, aws: Aws) -> Client:
    if settings.api_url is None:
        msg = "LEDGERLAKE_API_URL is not set: the canary uploads through the public API, and must know where it is"
        raise ConfigurationError(msg)
    return Client(settings.api_url, token.fetch(aws, settings.canary_secret) if settings.canary_secret else None)


_handler = at_first_call(build)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Sends one row and finds it again; fails, and counts the failure, if that does not work."""
    return _handler()(event, context)
