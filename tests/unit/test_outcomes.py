"""What a commit says of its uploads is read back as it was written; what others commit is not taken for it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerlake.events import Outcome
from streaming_jobs.outcomes import from_metadata, to_metadata

COUNTS = st.integers(0, 2**40)
MONEY = st.dictionaries(st.text(), st.dictionaries(st.text(), st.text(), max_size=2), max_size=2)
OUTCOMES = st.lists(
    st.builds(
        Outcome,
        dataset=st.just("books"),
        seq=st.integers(1, 10**12),
        upload_id=st.uuids().map(str),
        state=st.sampled_from(["applied", "held"]),
        rows=COUNTS,
        merged=COUNTS,
        superseded=COUNTS,
        duplicate=COUNTS,
        quarantined=COUNTS,
        money=MONEY,
        held=st.lists(st.text(), max_size=2),
        contract_sha256=st.just("0" * 64),
        contract_version=st.just("1.0.0"),
        applied_at=st.datetimes(min_value=datetime(2026, 1, 1), timezones=st.just(UTC)),
        version=st.just(7),
    ),
    min_size=1,
    max_size=3,
)


@settings(deadline=None)
@given(outcomes=OUTCOMES)
def test_outcomes_survive_the_metadata_of_a_commit(outcomes: list[Outcome]) -> None:
    assert from_metadata(to_metadata(outcomes), 7) == tuple(outcomes)


def test_commits_of_others_hold_no_outcomes() -> None:
    for text in (None, "", "not JSON", "[]", "1", '{"schema":"something/1"}'):
        assert from_metadata(text, 1) == ()


def test_metadata_names_the_range_of_its_uploads() -> None:
    now = datetime(2026, 3, 31, tzinfo=UTC)
    outcomes = [
        Outcome("books", seq, f"upload {seq}", "applied", 0, 0, 0, 0, 0, {}, [], "0" * 64, "1.0.0", now)
        for seq in (3, 4)
    ]
    text = to_metadata(outcomes)
    assert '"first_seq":3' in text
    assert '"last_seq":4' in text
    assert '"schema":"ledgerlake.commit/1"' in text


def test_an_outcome_of_an_earlier_writer_is_read_without_what_it_did_not_know() -> None:
    outcome = Outcome(
        "books", 3, "u", "applied", 0, 0, 0, 0, 0, {}, [], "0" * 64, "1.0.0", datetime(2026, 1, 1, tzinfo=UTC)
    )
    known = json.loads(outcome.to_json())
    later: dict[str, Any] = {
        "warnings": {"amount.outlier": 2},
        "rules_sha256": "1" * 64,
        "reference_versions": {"accounts": 7},
        "notes": {"cp1252": "line 3 is read as cp1252"},
    }
    earlier = {name: value for name, value in known.items() if name not in later}
    assert Outcome.from_json(json.dumps(earlier)) == outcome
    assert Outcome.from_json(json.dumps({**known, **later})) == replace(outcome, **later)
    with pytest.raises(ValueError, match="missing seq"):
        Outcome.from_json(json.dumps({name: value for name, value in earlier.items() if name != "seq"}))
