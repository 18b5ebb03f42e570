"""Plays the part of CloudWatch Logs that turns the EMF lines of a Lambda function into metrics."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

from ledgerlake.aws import Aws
from monitoring.publish import put


def deliver(aws: Aws) -> Callable[[str], None]:
    """The `emit` of a handler on the laptop: each line becomes metrics, as CloudWatch would make them of it."""

    def emit(line: str) -> None:
        members = json.loads(line)
        moment = datetime.fromtimestamp(members["_aws"]["Timestamp"] / 1000, UTC)
        for directive in members["_aws"]["CloudWatchMetrics"]:
            values = {each["Name"]: members[each["Name"]] for each in directive["Metrics"]}
            for names in directive["Dimensions"]:
                put(aws, aws.settings, moment, (values, {name: members[name] for name in names}))

    return emit
