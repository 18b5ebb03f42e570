"""Quarantine ends: a refused row is corrected, driven again or waived, once, whoever dies on the way."""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ingestion.quarantine import Choice, correct, redrive, still_open, waive
from ingestion.request import ConflictError, InvalidRequestError
from ingestion.sweeper import sweep
from ledgerlake.decisions import Decision
from ledgerlake.errors import TransientError
from tests.conftest import Cloud
from tests.house import ANN, DATASET, House, a_contract_text, a_file, a_house
from tests.local.clients import a_fresh
from tests.local.test_crashes import dying

ALL = Choice()


def house(cloud: Cloud, tmp_path: Path, mode: str = "append", **custom: Any) -> House:
    return a_house(cloud.settings, tmp_path / "contracts", a_contract_text(mode, **custom))


def lines(lake: House, upload_id: str | None = None) -> list[int]:
    return [each.row for each in still_open(lake.intake, DATASET, ALL, upload_id=upload_id)]


def mend(lake: House, upload_id: str, data: bytes, rows: set[int] | None = None, **changes: Any) -> Decision:
    return correct(lake.intake, lake.row(upload_id), ANN, "typing error", Choice(rows), data.decode(), **changes)


def test_a_corrected_row_enters_as_another_upload_that_points_to_the_old_one(
    fresh_cloud: Cloud, tmp_path: Path
) -> None:
    lake = house(fresh_cloud, tmp_path)
    first = lake.send(a_file(("a", "1.00"), ("b", "2,00"), ("c", "many"), ("d", "4.00")))
    lake.apply()
    assert (lake.fees(), lines(lake)) == ({"a": "1.00", "d": "4.00"}, [3, 4])
    decision = mend(lake, first, a_file(("b", "2.00")), {3})
    assert (decision.kind, decision.rows, lines(lake)) == ("correct", [3], [4])
    (outcome,) = lake.apply()
    assert (outcome.seq, outcome.upload_id, outcome.merged) == (2, decision.as_upload_id, 1)
    assert lake.fees() == {"a": "1.00", "d": "4.00", "b": "2.00"}
    assert lake.query("SELECT cause FROM uploads WHERE seq = 2")[0]["cause"].items() >= {
        ("kind", "correct"),
        ("upload_id", first),
        ("reason", "typing error"),
    }


def test_a_correction_that_is_not_good_in_every_row_is_refused_with_every_reason(
    fresh_cloud: Cloud, tmp_path: Path
) -> None:
    lake = house(fresh_cloud, tmp_path)
    first = lake.send(a_file(("b", "2,00"), ("c", "many")))
    lake.apply()
    with pytest.raises(
        InvalidRequestError, match=r"content: 1 rows are in the file, 2 are to be replaced: write one row"
    ):
        mend(lake, first, a_file(("b", "2.00")))
    with pytest.raises(InvalidRequestError, match=r"content\.3: amount must be a number"):
        mend(lake, first, a_file(("b", "2.00"), ("c", "few")))
    with pytest.raises(InvalidRequestError, match=r"content: "):
        mend(lake, first, b"no such column\n1\n2\n")
    with pytest.raises(ConflictError, match=rf"Not open in quarantine: lines 7, 9 of upload {first}; see `ledgerlake"):
        mend(lake, first, a_file(("b", "2.00")), {2, 7, 9})
    assert (lines(lake), lake.apply()) == ([2, 3], ())


def test_what_left_quarantine_never_enters_again(fresh_cloud: Cloud, tmp_path: Path) -> None:
    lake = house(fresh_cloud, tmp_path)
    first = lake.send(a_file(("b", "2,00"), ("c", "many"), ("d", "bad")))
    with pytest.raises(ConflictError, match="is accepted: only what was applied has refused rows"):
        waive(lake.intake, lake.row(first), ANN, "no money", ALL)
    lake.apply()
    mend(lake, first, a_file(("b", "2.00")), {2})
    waived = waive(lake.intake, lake.row(first), ANN, "no money", Choice({3}))
    assert (waived.kind, waived.rows, waived.as_upload_id, lines(lake)) == ("waive", [3], None, [4])
    for rows in ({2}, {3}):
        with pytest.raises(ConflictError, match="Not open in quarantine: line "):
            mend(lake, first, a_file(("b", "2.00")), rows)
    waive(lake.intake, lake.row(first), ANN, "no money", Choice(rule="type"))
    with pytest.raises(ConflictError, match=r"Nothing of upload .* is open in quarantine"):
        waive(lake.intake, lake.row(first), ANN, "no money", ALL)
    lake.apply()
    assert lake.fees() == {"b": "2.00"}


def test_all_rows_of_a_rule_are_driven_again_after_the_contract_was_mended(fresh_cloud: Cloud, tmp_path: Path) -> None:
    trailer = "{trailers: [{pattern: 'END,(\\d+),', total: count}], encodings: [cp1252]}"
    lake = house(fresh_cloud, tmp_path, quarantineBudget="5", fileFormat=trailer)
    data = 'id,day,amount\nö,31.03.2026,1.00\n"a,\n b",31.03.2026,2.00\nc,31.03.2026,three\nd,2026-03-31,4.00\nEND,4,\n'
    first = lake.send(data.encode("cp1252"))
    lake.apply()
    assert (lake.fees(), lines(lake)) == ({"d": "4.00"}, [2, 3, 5])
    with pytest.raises(
        ConflictError, match=r"Under contract 1\.0\.0 all 3 rows are still refused; the first as day must"
    ):
        redrive(lake.intake, lake.row(first), ANN, "dates", Choice(rule="type"))
    text = a_contract_text("append", quarantineBudget="0", fileFormat=trailer)
    day = "logicalType: date, logicalTypeOptions: {format: dd.MM.yyyy}"
    lake.state_contract(text.replace("logicalType: date", day).replace("1.0.0", "1.1.0"))
    decision = redrive(lake.intake, lake.row(first), ANN, "dates", Choice(rule="type"))
    assert (decision.rows, lines(lake)) == ([2, 3], [5])
    (outcome,) = lake.apply()
    assert (outcome.merged, outcome.contract_version, outcome.held) == (2, "1.1.0", [])
    assert lake.fees() == {"d": "4.00", "ö": "1.00", "a,\n b": "2.00"}


def test_where_the_last_word_counts_a_row_that_was_overtaken_enters_only_as_the_newest(
    fresh_cloud: Cloud, tmp_path: Path
) -> None:
    lake = house(fresh_cloud, tmp_path, "upsert")
    first = lake.send(a_file(("a", "1,00"), ("b", "1,00")))
    lake.send(a_file(("a", "2.00")))
    lake.apply()
    with pytest.raises(ConflictError, match="Later uploads have written the keys of line 2 since"):
        mend(lake, first, a_file(("a", "1.00"), ("b", "1.00")))
    mend(lake, first, a_file(("b", "1.00")), {3})
    lake.apply()
    assert lake.fees() == {"a": "2.00", "b": "1.00"}
    mend(lake, first, a_file(("a", "1.00")), newest=True)
    lake.apply()
    assert lake.fees() == {"b": "1.00", "a": "1.00"}


def test_where_a_column_gives_the_order_a_correction_keeps_its_place(fresh_cloud: Cloud, tmp_path: Path) -> None:
    lake = house(fresh_cloud, tmp_path, "upsert", sequenceBy="day")
    first = lake.send(a_file(("a", "1,00"), ("b", "1,00"), day="2026-03-30"))
    lake.send(a_file(("a", "2.00"), day="2026-03-31"))
    lake.apply()
    mend(lake, first, a_file(("a", "1.00"), ("b", "1.00"), day="2026-03-30"))
    (outcome,) = lake.apply()
    assert (outcome.merged, outcome.superseded, lake.fees()) == (1, 1, {"a": "2.00", "b": "1.00"})


def test_a_row_of_a_full_state_cannot_enter_alone_and_the_refusal_says_so(fresh_cloud: Cloud, tmp_path: Path) -> None:
    lake = house(fresh_cloud, tmp_path, "replace")
    first = lake.send(a_file(("a", "1,00"), ("b", "1.00")))
    lake.apply()
    with pytest.raises(ConflictError, match="In fees rows cannot enter again: a file of mode replace is a full state"):
        mend(lake, first, a_file(("a", "1.00")))


STEPS = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["correct", "waive", "redrive"]), st.integers(0, 9), st.booleans()),
    min_size=1,
    max_size=5,
)
"""Whose row is decided about, how, after how many writes the decider dies, and if that write took effect unseen."""


@pytest.mark.timeout(300)
@settings(max_examples=6, deadline=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
@given(STEPS)
def test_however_deciders_die_every_row_leaves_quarantine_once(
    cloud: Cloud, steps: list[tuple[int, str, int, bool]]
) -> None:
    lake = a_house(a_fresh(cloud).settings, Path(mkdtemp()), a_contract_text("append"))
    uploads = [lake.send(a_file((f"good{n}", "1.00"), (f"bad{n}", "31"), day="31.03.2026")) for n in range(2)]
    uploads.append(lake.send(a_file(("good2", "1.00"), ("bad2", "many"))))
    lake.apply()
    text = a_contract_text("append")
    day = "logicalType: date, logicalTypeOptions: {format: dd.MM.yyyy}"
    lake.state_contract(text.replace("logicalType: date", day).replace("1.0.0", "1.1.0"))
    for number, how, writes, after in steps:
        upload_id = uploads[number]
        process = dying(lake.intake, writes, after=after)
        before = lines(lake, upload_id)
        try:
            _decide(process, lake, upload_id, how, len(before))
        except TransientError:
            sweep(lake.intake)
        except (ConflictError, InvalidRequestError):
            assert not before or how == "redrive"
        assert lines(lake, upload_id) in (before, []) or how == "redrive"
        lake.apply()
    sweep(lake.intake)
    lake.apply()
    _check(lake, uploads)


def _decide(process: Any, lake: House, upload_id: str, how: str, open_rows: int) -> None:
    row = lake.row(upload_id)
    if how == "correct":
        data = a_file(*((f"mended{n}", "1.00") for n in range(open_rows)), day="31.03.2026")
        correct(process, row, ANN, "mended", ALL, data.decode())
    elif how == "waive":
        waive(process, row, ANN, "lost", ALL)
    else:
        redrive(process, row, ANN, "driven again", ALL)


def _check(lake: House, uploads: list[str]) -> None:
    """Every refused row is open, waived, or entered once; and raw tells it all."""
    told = lake.query("SELECT upload_id, rows, merged, quarantined, cause FROM uploads ORDER BY seq")
    entered = {upload_id: sum(each["merged"] for each in told if _of(each) == upload_id) for upload_id in uploads}
    for upload in told[: len(uploads)]:
        left = upload["quarantined"] - len(lines(lake, upload["upload_id"]))
        assert 0 <= entered[upload["upload_id"]] <= left
    assert len(lake.query("SELECT id FROM fees")) == sum(each["merged"] for each in told)
    fees = lake.fees()
    other = lake.from_raw()
    assert (other.fees(), lines(other)) == (fees, lines(lake))


def _of(upload: dict[str, Any]) -> str | None:
    return upload["cause"]["upload_id"] if upload["cause"] else None
