"""`append`: every accepted row of every file stays, exactly once."""

from __future__ import annotations

from streaming_jobs.modes.mode import Mode

MODE = Mode(name="append", keyed=False, order=lambda _: ("_seq", "_row"), clauses=lambda _, __: ())
