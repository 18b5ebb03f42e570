"""One X-Ray trace for each upload, from its grant to its commit.

Nothing between S3, SQS and Kinesis carries a trace header that both ends know. So the trace is named by the upload: its
id, a UUIDv7, has the time and the random bits that X-Ray wants of a trace id. Every process can tell of the stages that
it knows, in any order and more than once, and they become one picture. `annotation.upload_id = "..."` finds it.

Source: https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
"""

from __future__ import annotations

import hashlib
import json
import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ledgerlake.aws import Aws, ClientError, transient
from ledgerlake.errors import TransientError
from ledgerlake.settings import Settings

STAGES = ("put", "admit", "wait", "apply")
"""In order: the client sends, admission decides, the upload waits for the stream, the stream commits."""

AT_ONCE = 50
"""Segments that PutTraceSegments takes."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage (of `STAGES`) of an upload; `bad` where it was refused or set aside in it."""

    name: str
    upload_id: str
    dataset: str
    began: datetime
    ended: datetime
    bad: bool = False

    def segment(self) -> str:
        """X-Ray's document; telling it twice changes nothing, because its ids follow from upload and stage."""
        members = {
            "name": f"ledgerlake {self.name}",
            "id": _id(self.upload_id, self.name),
            "trace_id": trace_id(self.upload_id),
            "start_time": self.began.timestamp(),
            "end_time": self.ended.timestamp(),
            "error": self.bad,
            "annotations": {"upload_id": self.upload_id, "dataset": self.dataset},
        }
        position = STAGES.index(self.name)
        if position:
            members["parent_id"] = _id(self.upload_id, STAGES[position - 1])
        return json.dumps(members, sort_keys=True)


def trace_id(upload_id: str) -> str:
    """The trace of an upload: its second as X-Ray's epoch, its other bits as X-Ray's random part."""
    value = uuid.UUID(upload_id).int
    return f"1-{(value >> 80) // 1000:08x}-{value & (2**96 - 1):024x}"


def put(aws: Aws, settings: Settings, stages: Sequence[Stage]) -> None:
    """Sends stages to X-Ray if the installation traces; what cannot be delivered is logged and given up."""
    if settings.tracing != "on":
        return
    for start in range(0, len(stages), AT_ONCE):
        some = stages[start : start + AT_ONCE]
        try:
            with transient("put traces"):
                answer = aws.xray.put_trace_segments(TraceSegmentDocuments=[stage.segment() for stage in some])
        except (TransientError, ClientError) as error:
            _log.warning("%d stages were not traced: %s", len(some), error)
        else:
            for refused in answer.get("UnprocessedTraceSegments", ()):
                _log.warning("a stage was not traced: %s", refused)


def _id(upload_id: str, stage: str) -> str:
    return hashlib.sha256(f"{upload_id} {stage}".encode()).hexdigest()[:16]
