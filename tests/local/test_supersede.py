"""A corrected file takes the place of an earlier one: exactly its rows go, in one version, whoever dies on the way."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ingestion.holds import open_holds, reject, release
from ingestion.quarantine import Choice, correct, still_open
from ingestion.rebuild import rebuild
from ingestion.request import ConflictError, InvalidRequestError
from ingestion.sweeper import sweep
from ledgerlake.errors import TransientError
from tests.conftest import Cloud
from tests.house import ANN, DATASET, House, a_contract_text, a_file, a_house
from tests.local.clients import a_fresh
from tests.local.test_crashes import dying


def house(cloud: Cloud, folder: Path, mode: str = "append", **custom: Any) -> House:
    return a_house(cloud.settings, folder / "contracts", a_contract_text(mode, **custom))


def test_the_rows_of_the_earlier_file_go_and_those_of_the_corrected_one_come_in_one_version(
    fresh_cloud: Cloud, tmp_path: Path
) -> None:
    lake = house(fresh_cloud, tmp_path)
    first = lake.send(a_file(("a", "1.00"), ("b", "2.50"), ("c", "many")))
    other = lake.send(a_file(("a", "7.00"), day="2026-04-01"))
    lake.apply()
    corrected = lake.send(a_file(("a", "1.00"), ("c", "3.00")), supersedes=first)
    (outcome,) = lake.apply()
    assert lake.fees() == {"a": "7.00 1.00", "c": "3.00"}
    assert (outcome.state, outcome.merged, outcome.replaced) == ("applied", 2, {"rows": "2", "amount": "3.50"})
    before, after = (
        lake.query_at(version, "SELECT count(*) AS n, sum(amount) AS amount FROM fees") for version in (1, 2)
    )
    assert [str(each["amount"]) for each in (before, after)] == ["10.50", "11.00"]
    row = lake.row(corrected)
    assert row.manifest
    assert (row.manifest.seq, row.manifest.supersedes, row.manifest.kind) == (3, [first], "supersede")
    assert lake.row(first).superseded_by
    assert not lake.row(other).superseded_by
    assert still_open(lake.intake, DATASET, Choice()) == []
    with pytest.raises(ConflictError, match=f"superseded by upload {corrected}"):
        correct(lake.intake, lake.row(first), ANN, "typing", Choice(), a_file(("c", "4.00")).decode())
    assert lake.query("SELECT supersedes, replaced['rows'] AS gone FROM uploads WHERE seq = 3") == [
        {"supersedes": [first], "gone": "2"}
    ]


def test_what_was_sent_before_byte_for_byte_changes_nothing_and_says_so(fresh_cloud: Cloud, tmp_path: Path) -> None:
    lake = house(fresh_cloud, tmp_path)
    old, new = a_file(("a", "1.00")), a_file(("a", "2.00"))
    first = lake.send(old)
    lake.apply()
    for supersedes in (None, first):
        again = lake.row(lake.send(old, supersedes=supersedes))
        assert again.rejection
        assert (again.rejection.check, f"upload {first}" in again.rejection.message) == ("duplicate", True)
        assert "nothing needs to be sent again" in again.rejection.message
    second = lake.send(new, supersedes=first)
    assert lake.row(lake.send(new)).state == "rejected"
    with pytest.raises(
        InvalidRequestError, match=f"upload {second} has superseded it.*that is this very file, byte for"
    ):
        lake.send(new, supersedes=first)
    back = lake.row(lake.send(old))
    assert back.rejection
    assert f"upload {second} has superseded it: to go back" in back.rejection.message
    third = lake.send(old, supersedes=second)
    lake.apply()
    assert (lake.row(third).state, lake.fees()) == ("applied", {"a": "1.00"})


def test_corrections_and_releases_of_the_earlier_file_go_with_it(fresh_cloud: Cloud, tmp_path: Path) -> None:
    lake = house(fresh_cloud, tmp_path)
    first = lake.send(a_file(("a", "1.00"), ("b", "many")), rows=3)
    lake.apply()
    released = release(lake.intake, lake.row(first), ANN, "seen").as_upload_id
    lake.apply()
    assert released
    mended = correct(lake.intake, lake.row(released), ANN, "typing", Choice(), a_file(("b", "2.00")).decode())
    lake.apply()
    assert lake.fees() == {"a": "1.00", "b": "2.00"}
    for part in (released, mended.as_upload_id):
        with pytest.raises(InvalidRequestError, match=r"supersedes: its rows are those of upload .*: supersede that"):
            lake.send(a_file(("z", "1.00")), supersedes=part)
    lake.send(a_file(("b", "5.00")), supersedes=first)
    (outcome,) = lake.apply()
    assert (lake.fees(), outcome.replaced) == ({"b": "5.00"}, {"rows": "2", "amount": "3.00"})


@pytest.mark.parametrize("when_held", ["continue", "wait"])
def test_a_corrected_file_that_is_held_replaces_nothing_until_it_is_released(
    fresh_cloud: Cloud, tmp_path: Path, when_held: str
) -> None:
    lake = house(fresh_cloud, tmp_path, whenHeld=when_held)
    first = lake.send(a_file(("a", "1.00"), ("b", "many")))
    lake.apply()
    refused = lake.send(a_file(("a", "2.00")), rows=2, supersedes=first)
    lake.apply()
    assert (lake.row(refused).state, lake.fees()) == ("held", {"a": "1.00"})
    with pytest.raises(InvalidRequestError, match=f"upload {refused} has superseded it"):
        lake.send(a_file(("a", "3.00")), supersedes=first)
    reject(lake.intake, lake.row(refused), ANN, "wrong again")
    lake.apply()
    assert (lake.fees(), lake.row(first).superseded_by) == ({"a": "1.00"}, None)
    assert len(still_open(lake.intake, DATASET, Choice())) == 1
    with pytest.raises(InvalidRequestError, match=rf"is over \(reject by ann\).*: supersede upload {first}"):
        lake.send(a_file(("a", "3.00")), supersedes=refused)
    held = lake.send(a_file(("a", "3.00")), rows=2, supersedes=first)
    lake.apply()
    release(lake.intake, lake.row(held), ANN, "right after all")
    lake.apply()
    assert lake.fees() == {"a": "3.00"}


@pytest.mark.parametrize("when_held", ["continue", "wait"])
def test_a_held_file_that_is_superseded_is_held_no_more(fresh_cloud: Cloud, tmp_path: Path, when_held: str) -> None:
    lake = house(fresh_cloud, tmp_path, whenHeld=when_held)
    held = lake.send(a_file(("a", "1.00")), rows=2)
    lake.apply()
    lake.send(a_file(("a", "1.00")), rows=1, supersedes=held)
    with pytest.raises(ConflictError, match="superseded as upload"):
        release(lake.intake, lake.row(held), ANN, "seen")
    lake.apply()
    assert (lake.fees(), open_holds(lake.intake, DATASET, "acme")) == ({"a": "1.00"}, [])
    assert lake.row(held).state == "held"


def test_what_cannot_be_replaced_is_refused_before_it_is_sent(fresh_cloud: Cloud, tmp_path: Path) -> None:
    lake = house(fresh_cloud, tmp_path)
    for target in ("nonsense", "00000000-0000-7000-8000-000000000000"):
        with pytest.raises(InvalidRequestError, match="supersedes: there is no accepted upload"):
            lake.send(a_file(("a", "1.00")), supersedes=target)
    for mode, why in (
        (
            "upsert",
            "no file of fees can supersede another: in mode upsert a row of the earlier file may have overwritten",
        ),
        ("snapshot", "each file of mode snapshot is the whole state; send the corrected file as it is"),
    ):
        other = a_house(a_fresh(fresh_cloud).settings, tmp_path / mode, a_contract_text(mode))
        first = other.send(a_file(("a", "1.00")))
        with pytest.raises(InvalidRequestError, match=why):
            other.send(a_file(("a", "2.00")), supersedes=first)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["new", "supersede", "supersede", "supersede held", "correct"]),
        st.integers(0, 5),
        st.integers(0, 9),
        st.booleans(),
        st.booleans(),
    ),
    min_size=2,
    max_size=6,
)
"""What is done, to which file (modulo), after how many writes the sender dies, whether the write before that took
effect unseen, and whether all is applied after it."""


@pytest.mark.timeout(300)
@settings(max_examples=8, deadline=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
@given(STEPS, st.sampled_from(["continue", "wait"]))
def test_the_table_is_what_the_files_say_of_which_none_took_the_place(
    cloud: Cloud, steps: list[tuple[str, int, int, bool, bool]], when_held: str
) -> None:
    lake = a_house(a_fresh(cloud).settings, Path(mkdtemp()), a_contract_text("append", whenHeld=when_held))
    said: dict[str, Counter[tuple[str, str]]] = {}
    for number, (what, which, writes, after, applies) in enumerate(steps):
        rows, target = ((str(number), "1.00"), ("all", f"{number}.00"), (f"bad{number}", "many")), None
        if what != "new" and said:
            target = sorted(said)[which % len(said)]
        if what == "correct" and target:
            lake.apply()
            mended = ((str(number), f"{number}.50"),)
            if _corrects(lake, target, mended):
                said[target] += Counter(mended)
            continue
        held = what == "supersede held" and target is not None
        upload_id = _send_dying(lake, a_file(*rows), 9 if held else 3, target, (writes, after))
        if held:
            lake.apply()
            reject(lake.intake, lake.row(upload_id), ANN, "wrong again")
        else:
            said.pop(target or "", None)
            said[upload_id] = Counter(rows[:2])
        if applies:
            lake.apply()
    lake.apply()
    total: Counter[tuple[str, str]] = sum(said.values(), Counter())
    _check(lake, total)
    lake.lose_the_ledger()
    rebuild(lake.intake.settings, lake.intake.aws)
    again = lake.again()
    rebuild(again.intake.settings, again.intake.aws)
    again.apply()
    _check(again, total)


def _send_dying(lake: House, data: bytes, rows: int, target: str | None, dies: tuple[int, bool]) -> str:
    """Sends a file; admission dies once, and another delivery or the sweeper goes on from there."""
    writes, after = dies
    upload_id, notice = lake.land(data, rows=rows, supersedes=target)
    try:
        lake.admit(notice, dying(lake.intake, writes, after=after))
    except TransientError:
        sweep(lake.intake)
        lake.admit(notice)
    assert lake.row(upload_id).manifest, lake.row(upload_id).texts
    return upload_id


def _corrects(lake: House, upload_id: str, mended: tuple[tuple[str, str], ...]) -> bool:
    try:
        correct(lake.intake, lake.row(upload_id), ANN, "typing", Choice(), a_file(*mended).decode())
    except ConflictError:
        return False  # its one bad row was corrected before
    return True


def _check(lake: House, said: Counter[tuple[str, str]]) -> None:
    found = Counter((row["id"], str(row["amount"])) for row in lake.query("SELECT id, amount FROM fees"))
    assert found == said
    uploads = lake.query("SELECT merged, replaced['rows'] AS gone FROM uploads")
    assert sum(each["merged"] - int(each["gone"] or 0) for each in uploads) == found.total()
