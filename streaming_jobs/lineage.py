"""OpenLineage: which raw files made which version of which table, and what was found of their quality.

A commit is one run of a dataset's job: its inputs are the raw files of its uploads, its output is the table at that
version. Events say what the commit's own metadata says, so they may be made again after a crash, under the same run id.

Source: https://openlineage.io/spec/2-0-2/OpenLineage.json
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from ledgerlake.clock import to_text
from ledgerlake.events import Manifest, Outcome
from ledgerlake.layout import table_uri
from ledgerlake.settings import Settings

SPEC = "https://openlineage.io/spec"
EVENT_SCHEMA = f"{SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
PRODUCER = "urn:ledgerlake:stream"

FACETS: Mapping[str, tuple[str, str]] = {
    "version": ("DatasetVersionDatasetFacet", "1-0-1"),
    "storage": ("StorageDatasetFacet", "1-0-1"),
    "inputStatistics": ("InputStatisticsInputDatasetFacet", "1-0-0"),
    "dataQualityAssertions": ("DataQualityAssertionsDatasetFacet", "1-1-0"),
    "outputStatistics": ("OutputStatisticsOutputDatasetFacet", "1-0-2"),
}
"""Name and version of the schema of each facet that is used here, by its key."""

Json = dict[str, Any]


def events(
    settings: Settings,
    outcomes: Sequence[Outcome],
    uploads: Sequence[Manifest],
    now: datetime,
) -> Iterator[str]:
    """START and COMPLETE of every commit among these outcomes (ascending, one dataset), as JSON texts.

    `uploads` are the manifests of the same uploads, in the same order.
    """
    files = {manifest.seq: manifest for manifest in uploads}
    for version, group in groupby(outcomes, key=lambda outcome: outcome.version):
        applied = list(group)
        output = _output(settings, applied, version)
        common = {
            "producer": PRODUCER,
            "schemaURL": EVENT_SCHEMA,
            "run": {"runId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{output['namespace']}/{output['name']}@{version}"))},
            "job": {"namespace": f"ledgerlake://{settings.database}", "name": f"apply.{applied[0].dataset}"},
            "inputs": [_input(settings, outcome, files[outcome.seq]) for outcome in applied],
            "outputs": [output],
        }
        for kind, moment in (("START", applied[0].applied_at), ("COMPLETE", max(now, applied[-1].applied_at))):
            yield json.dumps({**common, "eventType": kind, "eventTime": to_text(moment)}, sort_keys=True)


def _input(settings: Settings, outcome: Outcome, manifest: Manifest) -> Json:
    return {
        "namespace": f"s3://{settings.raw_bucket}",
        "name": manifest.raw_key,
        "facets": _facets(version={"datasetVersion": manifest.sha256}),
        "inputFacets": _facets(
            inputStatistics={"rowCount": outcome.rows, "size": manifest.size, "fileCount": 1},
            dataQualityAssertions={"assertions": _assertions(outcome)},
        ),
    }


def _assertions(outcome: Outcome) -> list[Json]:
    """What validation found: rows that were refused, and whether the file as a whole was."""
    return [
        {
            "assertion": "rows_valid",
            "success": outcome.quarantined == 0,
            "severity": "warn",
            "expected": "0",
            "actual": str(outcome.quarantined),
            "description": "rows that validation refused and put into quarantine",
        },
        {
            "assertion": "file_accepted",
            "success": outcome.state != "held",
            "severity": "error",
            "description": "; ".join(outcome.held) or "totals balance, and the file could be read to its end",
        },
    ]


def _output(settings: Settings, applied: Sequence[Outcome], version: int | None) -> Json:
    bucket, _, name = table_uri(settings.tables_bucket, applied[0].dataset).removeprefix("s3://").partition("/")
    return {
        "namespace": f"s3://{bucket}",
        "name": name,
        "facets": _facets(
            version={"datasetVersion": str(version)},
            storage={"storageLayer": "delta", "fileFormat": "parquet"},
        ),
        "outputFacets": _facets(outputStatistics={"rowCount": sum(outcome.merged for outcome in applied)}),
    }


def _facets(**facets: Json) -> Json:
    return {key: {"_producer": PRODUCER, "_schemaURL": _schema(key), **members} for key, members in facets.items()}


def _schema(key: str) -> str:
    name, version = FACETS[key]
    return f"{SPEC}/facets/{version}/{name}.json#/$defs/{name}"
