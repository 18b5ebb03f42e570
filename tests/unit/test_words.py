"""The words all rooms share: keys, events, time and settings keep their promises for every value."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerlake import layout
from ledgerlake.clock import from_text, new_upload_id, to_text
from ledgerlake.decisions import Decision
from ledgerlake.errors import ConfigurationError
from ledgerlake.events import Manifest, Outcome, UploadEvent
from ledgerlake.settings import Settings

datasets = st.from_regex(layout.DATASET, fullmatch=True)
upload_ids = st.uuids().map(str)
hashes = st.binary(min_size=32, max_size=32).map(bytes.hex)
seqs = st.integers(1, 10**12 - 1)
moments = st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))
counts = st.integers(0, 10**12)
texts = st.text(max_size=20)
amounts = st.decimals(allow_nan=False, allow_infinity=False, places=2).map(str)

events = st.builds(UploadEvent, datasets, seqs, upload_ids, counts, moments)
manifests = st.builds(
    Manifest,
    datasets,
    seqs,
    upload_ids,
    texts,
    counts,
    hashes,
    hashes,
    texts,
    texts,
    texts,
    texts,
    texts,
    texts,
    st.none() | counts,
    st.dictionaries(texts, amounts, max_size=2),
    moments,
    moments,
    moments,
    st.none() | st.dictionaries(texts, texts, max_size=3),
    st.lists(upload_ids, max_size=2),
)
outcomes = st.builds(
    Outcome,
    datasets,
    seqs,
    upload_ids,
    st.sampled_from(["applied", "held"]),
    counts,
    counts,
    counts,
    counts,
    counts,
    st.dictionaries(texts, st.dictionaries(texts, amounts, max_size=2), max_size=2),
    st.lists(texts, max_size=2),
    hashes,
    texts,
    moments,
    st.none() | counts,
    st.lists(texts, max_size=2),
)
decisions = st.builds(
    Decision,
    datasets,
    seqs,
    st.sampled_from(["propose", "release", "reject", "supersede"]),
    upload_ids,
    texts,
    texts,
    texts,
    texts,
    moments,
    st.none() | texts,
    st.none() | upload_ids,
    st.lists(counts, max_size=3),
    st.lists(upload_ids, max_size=2),
)


@given(events | manifests | outcomes | decisions)
def test_every_value_that_crosses_rooms_survives_json(value: UploadEvent | Manifest | Outcome | Decision) -> None:
    assert type(value).from_json(value.to_json()) == value
    assert json.loads(value.to_json())["schema"] == value.SCHEMA


@given(events)
def test_a_later_member_is_ignored_and_another_schema_is_refused(event: UploadEvent) -> None:
    members = json.loads(event.to_json())
    assert UploadEvent.from_json(json.dumps({**members, "added_later": 1})) == event
    with pytest.raises(ValueError, match=r"expected a JSON object of schema 'ledgerlake\.upload/1'"):
        UploadEvent.from_json(json.dumps({**members, "schema": "ledgerlake.upload/2"}))
    del members["seq"]
    with pytest.raises(ValueError, match="missing seq"):
        UploadEvent.from_json(json.dumps(members))


@given(manifests, outcomes)
def test_what_was_written_before_a_member_was_added_is_still_read(manifest: Manifest, outcome: Outcome) -> None:
    first, other = json.loads(manifest.to_json()), json.loads(outcome.to_json())
    del first["cause"], first["supersedes"], other["waived"], other["replaced"]
    assert Manifest.from_json(json.dumps(first)) == replace(manifest, cause=None, supersedes=[])
    assert Outcome.from_json(json.dumps(other)) == replace(outcome, waived=[], replaced={})


def test_the_published_members_of_each_schema_do_not_change_without_a_version() -> None:
    def members(value: type[UploadEvent | Manifest | Outcome]) -> list[str]:
        return [value.SCHEMA, *value.__dataclass_fields__]

    assert members(UploadEvent) == ["ledgerlake.upload/1", "dataset", "seq", "upload_id", "size", "accepted_at"]
    assert members(Manifest) == [
        "ledgerlake.manifest/1",
        "dataset",
        "seq",
        "upload_id",
        "raw_key",
        "size",
        "sha256",
        "contract_sha256",
        "contract_version",
        "file_name",
        "content_type",
        "tenant",
        "principal",
        "source_ip",
        "declared_rows",
        "declared_totals",
        "granted_at",
        "landed_at",
        "accepted_at",
        "cause",
        "supersedes",
    ]
    assert members(Outcome) == [
        "ledgerlake.outcome/1",
        "dataset",
        "seq",
        "upload_id",
        "state",
        "rows",
        "merged",
        "superseded",
        "duplicate",
        "quarantined",
        "money",
        "held",
        "contract_sha256",
        "contract_version",
        "applied_at",
        "version",
        "warnings",
        "rules_sha256",
        "reference_versions",
        "waived",
        "replaced",
        "notes",
    ]


def test_a_decision_has_its_published_members() -> None:
    assert [Decision.SCHEMA, *Decision.__dataclass_fields__] == [
        "ledgerlake.decision/1",
        "dataset",
        "number",
        "kind",
        "upload_id",
        "reason",
        "by",
        "tenant",
        "source_ip",
        "at",
        "approved_by",
        "as_upload_id",
        "rows",
        "replaces",
    ]


@given(datasets, upload_ids)
def test_a_landing_key_names_its_dataset_and_upload(dataset: str, upload_id: str) -> None:
    assert layout.parse_landing_key(layout.landing_key(dataset, upload_id)) == (dataset, upload_id)


@given(st.text())
def test_no_untrusted_name_becomes_a_key(name: str) -> None:
    if not layout.DATASET.fullmatch(name):
        with pytest.raises(ValueError, match="not a valid dataset"):
            layout.raw_key(name, "0" * 8)
    with pytest.raises(ValueError, match="not a"):
        layout.parse_landing_key(name)


@given(datasets, seqs, seqs)
def test_keys_of_manifests_sort_by_sequence(dataset: str, one: int, other: int) -> None:
    keys = layout.manifest_key(dataset, one), layout.manifest_key(dataset, other)
    assert (keys[0] < keys[1]) == (one < other)


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)), st.integers(-720, 720))
def test_a_moment_keeps_its_instant_whatever_its_zone(moment: datetime, minutes: int) -> None:
    elsewhere = moment.astimezone(timezone(timedelta(minutes=minutes)))
    assert from_text(to_text(elsewhere)) == moment


def test_a_moment_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a zone"):
        to_text(datetime(2026, 3, 31))  # the mistake under test
    with pytest.raises(ValueError, match="needs a zone"):
        from_text("2026-03-31T00:00:00")


@given(moments, st.integers(1, 10**6))
def test_upload_ids_sort_by_time(moment: datetime, millis: int) -> None:
    later = min(moment + timedelta(milliseconds=millis), datetime(9999, 12, 31, tzinfo=UTC))
    first = new_upload_id(moment)
    assert layout.UPLOAD_ID.fullmatch(first)
    assert first[14] == "7"
    assert first[:13] <= new_upload_id(later)[:13]


def test_settings_report_every_problem_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_mapping({"LEDGERLAKE_SMALL_BATCH_BYTES": "-1", "LEDGERLAKE_SOURCE": "kafka"})
    message = str(caught.value)
    assert "LEDGERLAKE_SMALL_BATCH_BYTES='-1': must be a whole number above 0" in message
    assert "LEDGERLAKE_SOURCE='kafka': must be one of kinesis, sqs" in message
    assert "LEDGERLAKE_RAW_BUCKET is not set" in message
