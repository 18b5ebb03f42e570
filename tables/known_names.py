"""Names that a contract may use for things that live in rooms above: file formats and merge modes.

`validation.formats.FORMATS` and `streaming_jobs.modes.MODES` have exactly these keys; a test there compares them.
"""

from __future__ import annotations

from dataclasses import dataclass

FORMAT_NAMES = ("csv", "jsonl", "parquet")


@dataclass(frozen=True, slots=True)
class ModeNeeds:
    """What a merge mode asks of a contract: a primary key or none, and whether `sequenceBy` means anything to it."""

    primary_key: bool
    sequence_by: bool


MODE_NAMES = {
    "append": ModeNeeds(primary_key=False, sequence_by=False),
    "upsert": ModeNeeds(primary_key=True, sequence_by=True),
}
ENGINES = ("driver", "spark")
