"""Lineage events are what OpenLineage's own classes accept."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    data_quality_assertions_dataset,
    dataset_version_dataset,
    input_statistics_input_dataset,
    output_statistics_output_dataset,
    storage_dataset,
)
from openlineage.client.serde import Serde

from ledgerlake.events import Manifest, Outcome
from streaming_jobs.lineage import PRODUCER, events
from tests.unit.test_requests import SETTINGS

MOMENT = datetime(2026, 3, 31, 12, tzinfo=UTC)
CLASSES: dict[str, Any] = {
    "version": dataset_version_dataset.DatasetVersionDatasetFacet,
    "storage": storage_dataset.StorageDatasetFacet,
    "inputStatistics": input_statistics_input_dataset.InputStatisticsInputDatasetFacet,
    "dataQualityAssertions": data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet,
    "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
}


def a_manifest(seq: int) -> Manifest:
    return Manifest(
        dataset="payments",
        seq=seq,
        upload_id=f"01990000-0000-7000-8000-{seq:012d}",
        raw_key=f"raw/payments/files/{seq}",
        size=100 * seq,
        sha256=f"{seq:064x}",
        contract_sha256="c" * 64,
        contract_version="1.0.0",
        file_name="a.csv",
        content_type="text/csv",
        tenant="t",
        principal="p",
        source_ip="",
        declared_rows=None,
        declared_totals={},
        granted_at=MOMENT,
        landed_at=MOMENT,
        accepted_at=MOMENT,
    )


def an_outcome(seq: int, version: int, *, quarantined: int = 0, held: tuple[str, ...] = ()) -> Outcome:
    return Outcome(
        dataset="payments",
        seq=seq,
        upload_id=a_manifest(seq).upload_id,
        state="held" if held else "applied",
        rows=10,
        merged=0 if held else 10 - quarantined,
        superseded=0,
        duplicate=0,
        quarantined=quarantined,
        money={},
        held=list(held),
        contract_sha256="c" * 64,
        contract_version="1.0.0",
        applied_at=MOMENT,
        version=version,
    )


def _events(*outcomes: Outcome) -> list[dict[str, Any]]:
    manifests = [a_manifest(outcome.seq) for outcome in outcomes]
    return [json.loads(event) for event in events(SETTINGS, outcomes, manifests, MOMENT + timedelta(seconds=1))]


def _facets(members: dict[str, Any]) -> dict[str, Any]:
    made = {}
    for key, given in members.items():
        plain = {name: value for name, value in given.items() if not name.startswith("_")}
        if key == "dataQualityAssertions":
            plain["assertions"] = [data_quality_assertions_dataset.Assertion(**each) for each in plain["assertions"]]
        made[key] = CLASSES[key](**plain, producer=given["_producer"])
    return made


def _by_the_library(event: dict[str, Any]) -> dict[str, Any]:
    """The same event, made of the library's classes, which refuse what they do not know, as it would send it."""
    inputs = [
        InputDataset(
            each["namespace"],
            each["name"],
            facets=_facets(each["facets"]),
            inputFacets=_facets(each["inputFacets"]),
        )
        for each in event["inputs"]
    ]
    outputs = [
        OutputDataset(
            each["namespace"],
            each["name"],
            facets=_facets(each["facets"]),
            outputFacets=_facets(each["outputFacets"]),
        )
        for each in event["outputs"]
    ]
    made = RunEvent(
        eventType=RunState(event["eventType"]),
        eventTime=event["eventTime"],
        run=Run(event["run"]["runId"]),
        job=Job(event["job"]["namespace"], event["job"]["name"]),
        inputs=inputs,
        outputs=outputs,
        producer=event["producer"],
    )
    written: dict[str, Any] = _without_empty(json.loads(Serde.to_json(made)))
    return written


def _without_empty(value: Any) -> Any:
    """The library writes every optional member that has an empty default."""
    if isinstance(value, dict):
        return {name: _without_empty(each) for name, each in value.items() if each not in ({}, [])}
    return [_without_empty(each) for each in value] if isinstance(value, list) else value


def test_every_event_is_one_that_openlineage_s_own_classes_write() -> None:
    made = _events(
        an_outcome(1, 3, quarantined=2), an_outcome(2, 3), an_outcome(3, 4, held=("rows: declared 9, found 10",))
    )
    assert [each["eventType"] for each in made] == ["START", "COMPLETE"] * 2
    for event in made:
        assert _by_the_library(event) == event


def test_a_commit_is_a_run_from_its_raw_files_to_one_version_of_the_table() -> None:
    start, complete = _events(an_outcome(1, 3, quarantined=2), an_outcome(2, 3))
    assert [each["name"] for each in complete["inputs"]] == ["raw/payments/files/1", "raw/payments/files/2"]
    (output,) = complete["outputs"]
    assert output["name"] == "tables/payments"
    assert output["facets"]["version"]["datasetVersion"] == "3"
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == 18
    assert start["run"] == complete["run"]
    assert start["eventTime"] < complete["eventTime"]


def test_quarantined_rows_and_held_files_are_assertions_that_failed() -> None:
    found = _events(an_outcome(1, 3, quarantined=2), an_outcome(2, 3, held=("no end",)))[0]["inputs"]
    assertions = [
        {each["assertion"]: each for each in one["inputFacets"]["dataQualityAssertions"]["assertions"]} for one in found
    ]
    assert [each["rows_valid"]["actual"] for each in assertions] == ["2", "0"]
    assert [each["rows_valid"]["success"] for each in assertions] == [False, True]
    assert [each["file_accepted"]["success"] for each in assertions] == [True, False]
    assert assertions[1]["file_accepted"]["description"] == "no end"


def test_telling_a_commit_again_names_the_same_run_and_another_commit_another() -> None:
    first, again, other = (_events(an_outcome(1, version))[0]["run"] for version in (3, 3, 4))
    assert first == again != other


def test_the_producer_is_in_every_facet() -> None:
    (event, _) = _events(an_outcome(1, 1))
    facets = event["inputs"][0]["inputFacets"] | event["outputs"][0]["facets"]
    assert {each["_producer"] for each in facets.values()} == {PRODUCER}
