"""What a commit says of its uploads is read back as it was written; what others commit is not taken for it."""

from __future__ import annotations

from datetime import UTC, datetime

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
