"""The sweeper as a scheduled Lambda function."""

from __future__ import annotations

from collections import Counter
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from ingestion.handlers.entry import Handler, at_first_call
from ingestion.intake import Intake
from ingestion.sweeper import Swept, sweep
from ledgerlake.aws import Aws
from ledgerlake.clock import Clock, utc_now
from ledgerlake.errors import TransientError
from ledgerlake.settings import Settings
from monitoring.publish import Emit, emf


def build(settings: Settings, aws: Aws, clock: Clock = utc_now, emit: Emit = print) -> Handler:
    """The handler over these dependencies; `emit` takes metrics as EMF lines."""
    intake = Intake(settings, aws, clock)

    def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        del event, context
        swept = sweep(intake)
        _measure(intake, swept, emit)
        if swept.failures:
            raise TransientError("\n".join(swept.failures))
        return {"found": len(swept.found), "rung": len(swept.rung)}

    return handle


def _measure(intake: Intake, swept: Swept, emit: Emit) -> None:
    namespace, now = intake.settings.metrics_namespace, intake.clock()
    found = Counter(each.row.grant.dataset for each in swept.found if each.row.grant)
    rung = Counter(manifest.dataset for manifest in swept.rung)
    for dataset in sorted(found.keys() | swept.lag.keys() | swept.holds.keys()):
        values = {
            "uploads_found": found[dataset],
            "uploads_rung_again": rung[dataset],
            "lag_uploads": swept.lag.get(dataset, 0),
            "holds_open": swept.holds.get(dataset, 0),
            "holds_released": 0,  # counted where they are decided; without a zero now and then a chart has no line
            "holds_rejected": 0,
        }
        emit(emf(namespace, now, values, {"dataset": dataset}))


_handler = at_first_call(build)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Admits what landed unnoticed, rings what no table applied; fails if something could not be admitted."""
    return _handler()(event, context)
