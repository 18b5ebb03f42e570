"""Announcing is at least once: only what failed is sent again, and what fails for ever is said."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from ingestion.publish import ATTEMPTS, publish
from ledgerlake.aws import Aws
from ledgerlake.errors import TransientError
from ledgerlake.events import UploadEvent
from ledgerlake.settings import Settings
from tests.unit.test_requests import NAMES

ENV = {f"LEDGERLAKE_{name}": "x" for name in NAMES}
KINESIS = Settings.from_mapping(ENV)
SQS = Settings.from_mapping({**ENV, "LEDGERLAKE_SOURCE": "sqs", "LEDGERLAKE_EVENTS_QUEUE_URL": "http://queue"})


@dataclass
class Flaky:
    """A stream and a queue that refuse each event so many times; `calls` are the sequence numbers of each call.

    `waits` are the seconds that passed between calls.
    """

    refusals: dict[int, int] = field(default_factory=dict)
    calls: list[list[int]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def _refuses(self, seq: int) -> bool:
        self.refusals[seq] = self.refusals.get(seq, 0) - 1
        return self.refusals[seq] >= 0

    def put_records(self, *, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803  # boto3's
        assert StreamName == "x"
        assert {record["PartitionKey"] for record in Records} == {"payments"}
        seqs = [UploadEvent.from_json(record["Data"]).seq for record in Records]
        self.calls.append(seqs)
        return {"Records": [{"ErrorCode": "Busy"} if self._refuses(seq) else {"SequenceNumber": "1"} for seq in seqs]}

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803  # boto3's
        assert QueueUrl == "http://queue"
        seqs = {entry["Id"]: UploadEvent.from_json(entry["MessageBody"]).seq for entry in Entries}
        self.calls.append(list(seqs.values()))
        return {"Failed": [{"Id": identity} for identity, seq in seqs.items() if self._refuses(seq)]}


@dataclass(frozen=True)
class FlakyAws:
    """The clients that publishing needs."""

    kinesis: Flaky
    sqs: Flaky


def ring(settings: Settings, flaky: Flaky, count: int = 3) -> list[list[int]]:
    """Publishes events 1..count; returns what was sent, call by call."""
    moment = datetime(2026, 3, 31, tzinfo=UTC)
    events = [UploadEvent("payments", seq, "u", 7, moment) for seq in range(1, count + 1)]
    publish(cast("Aws", FlakyAws(flaky, flaky)), settings, events, flaky.waits.append)
    return flaky.calls


@pytest.mark.parametrize("settings", [KINESIS, SQS], ids=["kinesis", "sqs"])
def test_only_what_failed_is_sent_again(settings: Settings) -> None:
    assert ring(settings, Flaky()) == [[1, 2, 3]]
    assert ring(settings, Flaky({2: 2, 3: 1})) == [[1, 2, 3], [2, 3], [2]]
    assert ring(settings, Flaky(), count=0) == []


@pytest.mark.parametrize("settings", [KINESIS, SQS], ids=["kinesis", "sqs"])
def test_what_is_refused_for_ever_is_an_error_to_be_retried(settings: Settings) -> None:
    flaky = Flaky({2: ATTEMPTS})
    with pytest.raises(TransientError, match=f"1 upload events were refused {ATTEMPTS} times"):
        ring(settings, flaky)
    assert len(flaky.calls) == ATTEMPTS
    assert flaky.waits == [0.1, 0.2, 0.4, 0.8]


def test_a_call_never_holds_more_than_the_service_takes() -> None:
    assert [len(call) for call in ring(KINESIS, Flaky(), count=1100)] == [500, 500, 100]
    assert [len(call) for call in ring(SQS, Flaky(), count=25)] == [10, 10, 5]
