"""Runs: contiguous, one contract, within their bounds; however uploads are cut, none is lost, doubled or reordered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from ledgerlake.events import Manifest
from streaming_jobs.runs import LARGE_RUN, MAX_UPLOADS, cut

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)
SMALL = 100


def a_manifest(seq: int, size: int = 1, contract: str = "a") -> Manifest:
    return Manifest(
        dataset="payments",
        seq=seq,
        upload_id=f"00000000-0000-7000-8000-{seq:012d}",
        raw_key=f"raw/payments/files/{seq}",
        size=size,
        sha256="0" * 64,
        contract_sha256=contract * 64,
        contract_version="1.0.0",
        file_name="payments.csv",
        content_type="text/csv",
        tenant="t",
        principal="p",
        source_ip="127.0.0.1",
        declared_rows=None,
        declared_totals={},
        granted_at=NOON,
        landed_at=NOON,
        accepted_at=NOON,
    )


uploads_of_a_dataset = st.lists(st.tuples(st.integers(1, 3 * SMALL), st.sampled_from("ab")), max_size=30).map(
    lambda drawn: [a_manifest(seq, size, contract) for seq, (size, contract) in enumerate(drawn, 1)],
)


def all_runs(uploads: Sequence[Manifest]) -> list[tuple[Manifest, ...]]:
    runs: list[tuple[Manifest, ...]] = []
    applied = 0
    while run := cut(applied, uploads[applied:], SMALL):
        runs.append(run)
        applied = run[-1].seq
    return runs


@given(uploads_of_a_dataset)
def test_the_runs_of_a_dataset_are_its_uploads_in_order(uploads: list[Manifest]) -> None:
    assert [upload for run in all_runs(uploads) for upload in run] == uploads


@given(uploads_of_a_dataset)
def test_every_run_has_one_contract_and_fits_where_it_is_applied(uploads: list[Manifest]) -> None:
    for run in all_runs(uploads):
        assert len({upload.contract_sha256 for upload in run}) == 1
        room = SMALL if run[0].size <= SMALL else LARGE_RUN * SMALL
        assert sum(upload.size for upload in run) <= room


@given(uploads_of_a_dataset, st.data())
def test_nothing_behind_a_gap_is_applied(uploads: list[Manifest], data: st.DataObject) -> None:
    missing = data.draw(st.sets(st.integers(1, 30)))
    there = [upload for upload in uploads if upload.seq not in missing]
    first_gap = min(missing | {len(uploads) + 1})
    applied = 0
    while run := cut(applied, there[applied:], SMALL):
        applied = run[-1].seq
    assert applied == min(first_gap - 1, len(uploads))


def test_no_more_manifests_are_fetched_than_the_run_needs() -> None:
    asked: list[int] = []

    def found() -> Iterator[Manifest]:
        for seq in range(1, 100):
            asked.append(seq)
            yield a_manifest(seq, size=SMALL // 2)

    assert [upload.seq for upload in cut(0, found(), SMALL)] == [1, 2]
    assert asked == [1, 2, 3]


def test_a_run_ends_at_a_contract_change() -> None:
    uploads = [a_manifest(4), a_manifest(5), a_manifest(6, contract="b"), a_manifest(7)]
    assert [upload.seq for upload in cut(3, uploads, SMALL)] == [4, 5]


def test_an_upload_too_large_for_the_driver_brings_those_behind_it_along() -> None:
    uploads = [a_manifest(1, size=SMALL), a_manifest(2, size=SMALL + 1), a_manifest(3, size=1), a_manifest(4, size=1)]
    assert [[upload.seq for upload in run] for run in all_runs(uploads)] == [[1], [2, 3, 4]]


def test_a_run_never_has_more_uploads_than_a_commit_can_describe() -> None:
    assert len(cut(0, (a_manifest(seq) for seq in range(1, 1000)), 10**9)) == MAX_UPLOADS


def test_a_dataset_without_a_next_upload_has_no_run() -> None:
    assert cut(7, [], SMALL) == ()
    assert cut(7, [a_manifest(9)], SMALL) == ()
