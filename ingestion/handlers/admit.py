"""Admission as a Lambda function behind the landing queue: what fails goes back to the queue, alone."""

from __future__ import annotations

import logging
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from ingestion.admission import Admitted, admit
from ingestion.handlers.entry import Handler, at_first_call
from ingestion.intake import Intake
from ingestion.row import Row
from ingestion.triggers import landed_objects
from ledgerlake.aws import Aws
from ledgerlake.clock import Clock, utc_now
from ledgerlake.events import Manifest
from ledgerlake.layout import parse_landing_key
from ledgerlake.logs import about
from ledgerlake.settings import Settings
from monitoring import traces
from monitoring.publish import Emit, emf
from monitoring.traces import Stage

_log = logging.getLogger(__name__)


def build(settings: Settings, aws: Aws, clock: Clock = utc_now, emit: Emit = print) -> Handler:
    """The handler over these dependencies; `emit` takes metrics as EMF lines."""
    intake = Intake(settings, aws, clock)

    def one(record: SQSRecord) -> None:
        concerned: dict[str, object] = {}
        try:
            for landed in landed_objects(record.body):
                concerned = _named_by(landed.key)
                admitted = admit(intake, landed)
                if admitted and admitted.first:
                    tell(intake, admitted, emit)
        except Exception:
            _log.exception("message %s goes back to the queue", record.message_id, extra=concerned)
            raise

    def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        response = dict(process_partial_response(event, one, processor, context))
        failed = {"admission_failures": len(processor.fail_messages)}
        emit(emf(settings.metrics_namespace, clock(), failed, {}))
        return response

    return handle


def tell(intake: Intake, admitted: Admitted, emit: Emit) -> None:
    """Logs, measures and traces what was decided of an upload, and how long it took since the file landed."""
    namespace = intake.settings.metrics_namespace
    traces.put(intake.aws, intake.settings, _stages(admitted.row))
    if manifest := admitted.row.manifest:
        _log.info("accepted as number %d", manifest.seq, extra=about(manifest))
        dataset, seconds = {"dataset": manifest.dataset}, (manifest.accepted_at - manifest.landed_at).total_seconds()
        counts = {"uploads_accepted": 1, "uploads_rejected": 0, "bytes_accepted": manifest.size}
        emit(emf(namespace, manifest.accepted_at, counts, dataset))
        emit(emf(namespace, manifest.accepted_at, {"stage_seconds": seconds}, {**dataset, "stage": "admit"}))
    elif rejection := admitted.row.rejection:
        _log.info("rejected by the check %s", rejection.check, extra=about(rejection))
        emit(emf(namespace, rejection.rejected_at, {"uploads_rejected": 1}, {"dataset": rejection.dataset}))


def _stages(row: Row) -> list[Stage]:
    decided, grant = row.manifest or row.rejection, row.grant
    if decided is None or grant is None:
        return []
    upload_id, dataset, landed = decided.upload_id, decided.dataset, decided.landed_at
    until = decided.accepted_at if isinstance(decided, Manifest) else decided.rejected_at
    return [
        Stage("put", upload_id, dataset, grant.granted_at, landed),
        Stage("admit", upload_id, dataset, landed, until, bad=row.manifest is None),
    ]


def _named_by(key: str) -> dict[str, object]:
    try:
        dataset, upload_id = parse_landing_key(key)
    except ValueError:
        return {}
    return {"dataset": dataset, "upload_id": upload_id}


_handler = at_first_call(build)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Admits what a batch of messages says has landed; returns the messages that failed."""
    return _handler()(event, context)
