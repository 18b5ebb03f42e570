"""Admission as a Lambda function behind the landing queue: what fails goes back to the queue, alone."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from ingestion.admission import Admitted, admit
from ingestion.intake import Intake
from ingestion.triggers import landed_objects
from ledgerlake.aws import Aws
from ledgerlake.clock import Clock, utc_now
from ledgerlake.settings import Settings
from monitoring.metrics import emf

Handler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]
Emit = Callable[[str], None]
_log = logging.getLogger(__name__)


def build(settings: Settings, aws: Aws, clock: Clock = utc_now, emit: Emit = print) -> Handler:
    """The handler over these dependencies; `emit` takes metrics as EMF lines."""
    intake = Intake(settings, aws, clock)

    def one(record: SQSRecord) -> None:
        try:
            for landed in landed_objects(record.body):
                admitted = admit(intake, landed)
                if admitted and admitted.first:
                    measure(intake, admitted, emit)
        except Exception:
            _log.exception("message %s goes back to the queue", record.message_id)
            raise

    def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        response = dict(process_partial_response(event, one, processor, context))
        failed = {"admission_failures": len(processor.fail_messages)}
        emit(emf(settings.metrics_namespace, clock(), failed, {}))
        return response

    return handle


def measure(intake: Intake, admitted: Admitted, emit: Emit) -> None:
    """Publishes what was decided of an upload, and how long it took since the file landed."""
    namespace = intake.settings.metrics_namespace
    if manifest := admitted.row.manifest:
        dataset, seconds = {"dataset": manifest.dataset}, (manifest.accepted_at - manifest.landed_at).total_seconds()
        counts = {"uploads_accepted": 1, "uploads_rejected": 0, "bytes_accepted": manifest.size}
        emit(emf(namespace, manifest.accepted_at, counts, dataset))
        emit(emf(namespace, manifest.accepted_at, {"stage_seconds": seconds}, {**dataset, "stage": "admit"}))
    elif rejection := admitted.row.rejection:
        emit(emf(namespace, rejection.rejected_at, {"uploads_rejected": 1}, {"dataset": rejection.dataset}))


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Admits what a batch of messages says has landed; returns the messages that failed."""
    return _handler()(event, context)


@cache
def _handler() -> Handler:
    settings = Settings.from_mapping(os.environ)
    return build(settings, Aws(settings))
