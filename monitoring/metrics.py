"""What is measured: the one catalogue.

Dashboards, alarms and `docs/metrics.md` are made from it (`python -m monitoring.render`), so a metric with its chart
and its alarm is added by one entry here. How a measurement leaves is in `monitoring/publish.py`, what is promised of
the metrics in `monitoring/objectives.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from monitoring.alarms import Alarm


@dataclass(frozen=True, slots=True)
class Metric:
    """One measured quantity, the chart that shows it, and the alarm that watches it.

    `unit` is one of CloudWatch's; `dimensions` are exactly those it is published with. Metrics with the same `panel`
    share one chart; `boards` are the dashboards (`monitoring.boards.BOARDS`) that have it, beside the one of a single
    dataset, which has all that are published by dataset.
    """

    name: str
    unit: str
    dimensions: tuple[str, ...]
    description: str
    panel: str
    boards: tuple[str, ...]
    statistics: tuple[str, ...] = ("Sum",)
    alarm: Alarm | None = None


_DATASET = ("dataset",)
_STAGE = ("dataset", "stage")
_TAIL = ("p50", "p95", "p99")
_steady = partial(Alarm, minutes=5, times=3)
"""Three bad periods in a row: what the next retry mends wakes nobody."""

METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "uploads_granted",
            "Count",
            _DATASET,
            "Uploads that were given a presigned URL",
            "Uploads",
            ("ingestion",),
        ),
        Metric(
            "uploads_accepted",
            "Count",
            _DATASET,
            "Files that were inspected, copied to raw and numbered",
            "Uploads",
            ("overview", "ingestion", "usage"),
        ),
        Metric(
            "uploads_rejected",
            "Count",
            _DATASET,
            "Files that were refused, with their reason",
            "Refused and set aside",
            ("overview", "ingestion", "quality"),
            alarm=Alarm("uploads-rejected", "SUM", above=20, minutes=15),
        ),
        Metric(
            "uploads_applied",
            "Count",
            _DATASET,
            "Uploads whose rows a commit merged",
            "Uploads",
            ("overview", "stream"),
        ),
        Metric(
            "uploads_late",
            "Count",
            _DATASET,
            "Uploads that took longer, from landing to commit, than the latency their contract promises",
            "Late uploads",
            ("overview", "stream"),
            alarm=_steady("uploads-late", "SUM", above=0),
        ),
        Metric(
            "objective_uploads",
            "Count",
            (),
            "Applied uploads of all datasets: those that the objective counts",
            "Uploads under the objective",
            ("overview",),
        ),
        Metric(
            "objective_late",
            "Count",
            (),
            "Of these, uploads that took longer than the latency their contract promises",
            "Uploads under the objective",
            ("overview",),
        ),
        Metric(
            "uploads_held",
            "Count",
            _DATASET,
            "Uploads set aside whole: totals that do not balance, unreadable files",
            "Refused and set aside",
            ("overview", "quality"),
            alarm=Alarm("uploads-held", "SUM", above=0),
        ),
        Metric(
            "uploads_rung_again",
            "Count",
            _DATASET,
            "Accepted uploads that the sweeper announced once more",
            "Mended by the sweeper",
            ("ingestion",),
            alarm=_steady("stream-stalled", "SUM", above=0),
        ),
        Metric(
            "uploads_found",
            "Count",
            _DATASET,
            "Landed files that the sweeper admitted because no event came",
            "Mended by the sweeper",
            ("ingestion",),
            alarm=_steady("notifications-lost", "SUM", above=0),
        ),
        Metric(
            "admission_failures",
            "Count",
            (),
            "Notifications that could not be handled and go back to the queue",
            "Failures of admission",
            ("overview", "ingestion"),
            alarm=_steady("admission-failing", "SUM", above=0),
        ),
        Metric(
            "apply_failures",
            "Count",
            _DATASET,
            "Runs that failed and are tried again",
            "Failures of runs",
            ("overview", "stream"),
            alarm=_steady("apply-failing", "SUM", above=0),
        ),
        Metric(
            "bytes_accepted",
            "Bytes",
            _DATASET,
            "Size of the accepted files",
            "Bytes accepted",
            ("ingestion", "usage"),
        ),
        Metric(
            "rows_merged",
            "Count",
            _DATASET,
            "Rows that took effect in the table",
            "Rows, by what became of them",
            ("overview", "quality", "usage"),
        ),
        Metric(
            "rows_superseded",
            "Count",
            _DATASET,
            "Rows that lost to a newer row of an earlier upload",
            "Rows, by what became of them",
            ("quality",),
        ),
        Metric(
            "rows_duplicate",
            "Count",
            _DATASET,
            "Rows that lost to another row of the same file",
            "Rows, by what became of them",
            ("quality",),
        ),
        Metric(
            "rows_quarantined",
            "Count",
            _DATASET,
            "Rows that validation refused, kept with their reasons",
            "Rows, by what became of them",
            ("overview", "quality"),
            alarm=Alarm("rows-quarantined", "SUM", above=1000, minutes=15),
        ),
        Metric(
            "holds_open",
            "Count",
            _DATASET,
            "Held uploads that nobody has decided about",
            "Held uploads",
            ("overview", "quality"),
            ("Maximum",),
        ),
        Metric(
            "holds_released",
            "Count",
            _DATASET,
            "Held uploads that were released, with what held them waived",
            "Held uploads",
            ("quality",),
        ),
        Metric(
            "holds_rejected",
            "Count",
            _DATASET,
            "Held uploads that were rejected",
            "Held uploads",
            ("quality",),
        ),
        Metric(
            "quarantine_open_rows",
            "Count",
            _DATASET,
            "Refused rows neither corrected, driven again nor waived",
            "Open refused rows",
            ("quality",),
            ("Maximum",),
        ),
        Metric(
            "quarantine_oldest_seconds",
            "Seconds",
            _DATASET,
            "For how long the oldest of them has been open",
            "Age of the oldest refused row",
            ("quality",),
            ("Maximum",),
        ),
        Metric(
            "conservation_failures",
            "Count",
            _DATASET,
            "Runs not committed, as a file and its parts differ",
            "Failures of runs",
            ("overview", "stream"),
            alarm=Alarm("conservation-failing", "SUM", above=0),
        ),
        Metric(
            "stage_seconds",
            "Seconds",
            _STAGE,
            "Time that one stage took: admit, then wait (accepted, not begun), then apply",
            "Time by stage",
            ("ingestion", "stream"),
            ("p95",),
        ),
        Metric(
            "freshness_seconds",
            "Seconds",
            _DATASET,
            "From the landing of a file to the commit that holds its rows",
            "From upload to queryable",
            ("overview", "stream"),
            _TAIL,
        ),
        Metric(
            "lag_uploads",
            "Count",
            _DATASET,
            "Uploads that are accepted and not yet applied",
            "Waiting uploads",
            ("overview", "stream"),
            ("Maximum",),
        ),
        Metric(
            "table_files",
            "Count",
            _DATASET,
            "Files that hold the table's rows; maintenance keeps them few",
            "Files of the table",
            ("stream", "usage"),
            ("Maximum",),
        ),
        Metric(
            "files_rewritten",
            "Count",
            _DATASET,
            "Files that maintenance joined or sorted, of all its tables",
            "Files rewritten by maintenance",
            ("stream", "usage"),
        ),
        Metric(
            "micro_batch_seconds",
            "Seconds",
            (),
            "Time that one micro-batch of the stream took",
            "Micro-batches",
            ("stream", "usage"),
            ("p50", "p99", "Sum"),
            _steady("micro-batches-slow", "MAX", above=120),
        ),
        Metric(
            "canary_failures",
            "Count",
            (),
            "Synthetic uploads that did not become a row that a query finds",
            "Canary: failures",
            ("overview",),
            alarm=Alarm("canary-failing", "SUM", above=0, minutes=15, needs="Canary"),
        ),
        Metric(
            "canary_seconds",
            "Seconds",
            (),
            "From the ask of a synthetic upload to the query that found its row",
            "Canary: from ask to query",
            ("overview", "stream"),
            ("Maximum",),
        ),
    )
}
