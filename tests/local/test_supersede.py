"""A corrected file takes the place of an earlier one: exactly its rows go, in one version, whoever dies on the way."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
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
from ledgerlake.clock import utc_now
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
    with pytest.raises(InvalidRequestError, match=f"upload {second} has superseded it.*with this very file, byte for"):
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
    for mode in ("snapshot", "replace"):
        other = house(a_fresh(fresh_cloud), tmp_path / mode, mode)
        first = other.send(a_file(("a", "1.00")))
        why = f"no file of fees can supersede another: each file of mode {mode} is the whole state; send the corrected"
        with pytest.raises(InvalidRequestError, match=why):
            other.send(a_file(("a", "2.00")), supersedes=first)


@pytest.mark.parametrize("order", [{}, {"sequenceBy": "day"}])
def test_what_a_file_overwrote_is_there_again_and_what_came_after_it_stays(
    fresh_cloud: Cloud, tmp_path: Path, order: dict[str, str]
) -> None:
    lake = house(fresh_cloud, tmp_path, "upsert", **order)
    lake.send(a_file(("a", "1.00"), ("b", "1.00"), ("c", "1.00"), day="2026-03-01"))
    lake.apply()
    lake.send(a_file(("z", "1.50"), day="2026-03-02"))
    first = lake.send(a_file(("a", "2.00"), ("b", "2.00"), ("d", "2.00"), ("e", "2.00"), day="2026-03-03"))
    lake.apply()
    later = lake.send(a_file(("b", "3.00"), ("d", "2.00"), ("f", "3.00"), day="2026-03-03"))
    lake.apply()
    corrected = lake.send(a_file(("b", "9.00"), ("c", "9.00"), ("f", "9.00"), day="2026-03-03"), supersedes=first)
    (outcome,) = lake.apply()
    assert lake.fees() == {"a": "1.00", "b": "3.00", "c": "9.00", "d": "2.00", "f": "3.00", "z": "1.50"}
    assert (outcome.merged, outcome.superseded, outcome.replaced["rows"]) == (3, 0, "3")
    lineage = {row["id"]: row["_upload_id"] for row in lake.query("SELECT id, _upload_id FROM fees")}
    assert (lineage["b"], lineage["c"], lineage["d"]) == (later, corrected, later)


def test_a_deletion_that_is_taken_back_overtakes_no_row(fresh_cloud: Cloud, tmp_path: Path) -> None:
    lake = house(fresh_cloud, tmp_path, "upsert", deletes="{column: day, values: ['1999-12-31']}")
    first = lake.send(a_file(("a", "many"), ("b", "1.00")))
    deleting = lake.send(a_file(("a", "0.00"), ("b", "0.00"), day="1999-12-31"))
    lake.apply()
    mended = a_file(("a", "2.00")).decode()
    with pytest.raises(ConflictError):
        correct(lake.intake, lake.row(first), ANN, "typing", Choice(), mended)
    lake.send(a_file(("c", "3.00")), supersedes=deleting)
    lake.apply()
    correct(lake.intake, lake.row(first), ANN, "typing", Choice(), mended)
    lake.apply()
    assert lake.fees() == {"a": "2.00", "b": "1.00", "c": "3.00"}


def test_a_file_is_held_if_its_events_are_too_many_to_be_folded_at_once(fresh_cloud: Cloud, tmp_path: Path) -> None:
    lake = house(fresh_cloud, tmp_path, "scd2", sequenceBy="day")
    first = lake.send(a_file(("a", "1.00")))
    lake.send(a_file(("b", "2.00")))
    lake.apply()
    lake.lake = replace(lake.lake, settings=replace(lake.lake.settings, small_batch_bytes=60))
    corrected = lake.send(a_file(("a", "3.00")), supersedes=first)
    lake.apply()
    outcome = lake.row(corrected).outcome
    assert outcome
    assert (outcome.state, lake.fees()) == ("held", {"a": "1.00", "b": "2.00"})
    assert f"supersedes: for upload {first}, 2 files of 64 bytes would be folded at once" in outcome.held[0]


@pytest.mark.parametrize("earlier_first", [True, False])
def test_of_two_files_that_are_superseded_one_after_the_other_neither_comes_back(
    fresh_cloud: Cloud,
    tmp_path: Path,
    earlier_first: bool,  # noqa: FBT001  # a parameter
) -> None:
    lake = house(fresh_cloud, tmp_path, "upsert")
    one = lake.send(a_file(("a", "1.00"), ("b", "1.00"), ("c", "1.00")))
    lake.apply()
    two = lake.send(a_file(("a", "2.00"), ("b", "2.00"), ("d", "2.00")))
    lake.apply()
    replaced = [(one, (("a", "1.50"), ("d", "1.50"))), (two, (("c", "2.50"), ("a", "2.50")))]
    for target, rows in replaced if earlier_first else reversed(replaced):
        lake.send(a_file(*rows), supersedes=target)
        lake.apply()
    assert lake.fees() == {"a": "2.50", "c": "2.50", "d": "1.50"}


@pytest.mark.parametrize("one_run", [True, False])
def test_a_file_from_long_ago_is_found_wherever_runs_were_cut(
    fresh_cloud: Cloud,
    tmp_path: Path,
    one_run: bool,  # noqa: FBT001  # a parameter
) -> None:
    lake = house(fresh_cloud, tmp_path, "upsert")
    sent = []
    for number in range(20):
        sent.append(lake.send(a_file(("all", f"{number}.00"), (f"k{number % 4}", f"{number}.50"))))
        if not one_run:
            lake.apply()
    lake.apply()
    lake.send(a_file(("k1", "99.50"), ("new", "1.00")), supersedes=sent[17])
    lake.apply()
    assert lake.fees() == {"all": "19.00", "k0": "16.50", "k1": "99.50", "k2": "18.50", "k3": "19.50", "new": "1.00"}
    lake.send(a_file(("all", "0.25")), supersedes=sent[1])
    lake.send(a_file(("all", "0.50")), supersedes=sent[19])
    lake.apply()
    assert lake.fees() == {"all": "0.50", "k0": "16.50", "k1": "99.50", "k2": "18.50", "k3": "15.50", "new": "1.00"}


def test_files_from_before_the_table_got_a_column_are_folded_again_with_it(fresh_cloud: Cloud, tmp_path: Path) -> None:
    lake = house(fresh_cloud, tmp_path, "upsert")
    lake.send(a_file(("a", "1.00"), ("b", "1.00")))
    lake.apply()
    first = lake.send(a_file(("a", "2.00"), ("c", "2.00")))
    lake.send(a_file(("c", "2.00"), ("d", "3.00")))
    lake.apply()
    later = (
        a_contract_text("upsert").replace("version: 1.0.0", "version: 1.1.0").replace("decimal(18,2)", "decimal(20,2)")
    )
    lake.state_contract(later + "      - {name: note, logicalType: string}\n")
    lake.send(b"id,day,amount,note\nd,2026-03-31,4.00,four\n")
    corrected = lake.send(b"id,day,amount,note\nb,2026-03-31,9.00,nine\n", supersedes=first)
    lake.apply()
    rows = lake.query("SELECT id, amount, note, _upload_id FROM fees ORDER BY id")
    assert [(row["id"], str(row["amount"]), row["note"]) for row in rows] == [
        ("a", "1.00", None),
        ("b", "9.00", "nine"),
        ("c", "2.00", None),
        ("d", "4.00", "four"),
    ]
    assert (rows[1]["_upload_id"], first in {row["_upload_id"] for row in rows}) == (corrected, False)


def test_a_row_that_was_kept_out_comes_in_with_the_file_that_takes_the_place(
    fresh_cloud: Cloud, tmp_path: Path
) -> None:
    lake = house(fresh_cloud, tmp_path, dedupe="true")
    lake.send(a_file(("a", "1.00")))
    first = lake.send(a_file(("a", "2.00"), ("b", "2.00"), ("c", "2.00")))
    lake.apply()
    later = lake.send(a_file(("b", "3.00"), ("d", "3.00"), ("e", "3.00")))
    lake.apply()
    lake.send(a_file(("a", "9.00"), ("c", "9.00"), ("c", "8.00"), ("d", "9.00")), supersedes=first)
    (outcome,) = lake.apply()
    assert lake.fees() == {"a": "1.00", "b": "3.00", "c": "9.00", "d": "9.00", "e": "3.00"}
    assert (outcome.merged, outcome.duplicate, outcome.replaced["rows"]) == (2, 2, "2")
    lineage = {row["id"]: row["_upload_id"] for row in lake.query("SELECT id, _upload_id FROM fees")}
    assert (lineage["b"], lineage["e"]) == (later, later)


def test_a_file_is_held_if_the_table_before_is_not_kept_any_more(fresh_cloud: Cloud, tmp_path: Path) -> None:
    lake = house(fresh_cloud, tmp_path, "upsert")
    first = lake.send(a_file(("a", "1.00")))
    lake.apply()
    days = lake.intake.contracts.current(DATASET).audit_days
    corrected = lake.send(a_file(("a", "2.00")), supersedes=first)
    lake.lake = replace(lake.lake, clock=lambda: utc_now() + timedelta(days=days, hours=1))
    lake.apply()
    outcome = lake.row(corrected).outcome
    assert outcome
    assert (outcome.state, lake.fees()) == ("held", {"a": "1.00"})
    assert (
        f"supersedes: the table as it was before upload {first} is not kept any more: it was applied at"
        in outcome.held[0]
    )


def test_a_file_is_held_if_too_much_would_have_to_be_judged_again(fresh_cloud: Cloud, tmp_path: Path) -> None:
    lake = house(fresh_cloud, tmp_path, "upsert")
    first = lake.send(a_file(("a", "1.00")))
    lake.send(a_file(("a", "2.00")))
    lake.apply()
    lake.lake = replace(lake.lake, settings=replace(lake.lake.settings, small_batch_bytes=80))
    corrected = lake.send(a_file(("a", "3.00"), ("b", "3.00")), supersedes=first)
    lake.apply()
    outcome = lake.row(corrected).outcome
    assert outcome
    assert (outcome.state, outcome.replaced, lake.fees()) == ("held", {}, {"a": "2.00"})
    assert f"supersedes: for upload {first}, 3 files of 114 bytes would be judged again" in outcome.held[0]
    lake.restart()
    release(lake.intake, lake.row(corrected), ANN, "there is memory now")
    lake.apply()
    assert lake.fees() == {"a": "2.00", "b": "3.00"}


KINDS: dict[str, dict[str, str]] = {
    "append": {},
    "append once": {"dedupe": "true"},
    "upsert": {},
    "upsert in order of day": {"sequenceBy": "day"},
    "scd2 in order of day": {"sequenceBy": "day"},
}
"""A mode, and what else the contract says."""

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["new", "new", "supersede", "supersede", "supersede held", "correct"]),
        st.integers(0, 5),
        st.integers(0, 9),
        st.booleans(),
        st.booleans(),
    ),
    min_size=2,
    max_size=7,
)
"""What is done, to which file (modulo), after how many writes the sender dies, whether the write before that took
effect unseen, and whether all is applied after it."""


@dataclass(frozen=True)
class Said:
    """What a file says that counts: in which place, of which day, and that it came with the file `of`."""

    of: str
    place: int
    day: str
    rows: tuple[tuple[str, str], ...]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=3, deadline=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
@given(steps=STEPS, when_held=st.sampled_from(["continue", "wait"]))
def test_the_table_is_what_the_files_say_of_which_none_took_the_place(
    cloud: Cloud, kind: str, steps: list[tuple[str, int, int, bool, bool]], when_held: str
) -> None:
    text = a_contract_text(kind.partition(" ")[0], whenHeld=when_held, **KINDS[kind])
    lake = a_house(a_fresh(cloud).settings, Path(mkdtemp()), text)
    said: list[Said] = []
    for number, step in enumerate(steps):
        said = _take(lake, step, number, said)
        if step[-1]:
            lake.apply()
    lake.apply()
    _check(lake, kind, said)
    lake.lose_the_ledger()
    rebuild(lake.intake.settings, lake.intake.aws)
    again = lake.again()
    rebuild(again.intake.settings, again.intake.aws)
    again.apply()
    _check(again, kind, said)


def _take(lake: House, step: tuple[str, int, int, bool, bool], number: int, said: list[Said]) -> list[Said]:
    """Takes a step; what the files say after it."""
    what, which, writes, after, _ = step
    files = sorted({each.of for each in said})
    target = files[which % len(files)] if files and what != "new" else None
    day = f"2026-03-{10 + which}"
    rows = (("same", "5.00"), ("all", f"{number}.00"), (f"k{which % 3}", f"{number}.25"))
    if what == "correct" and target:
        lake.apply()
        mended = ((f"own{number}", f"{number}.50"),)
        corrected = _corrects(lake, target, a_file(*mended, day=day))
        return [*said, *([Said(target, number, day, mended)] if corrected else [])]
    held = what == "supersede held" and target is not None
    data = a_file(*rows, (f"bad{number}", "many"), day=day)
    upload_id = _send_dying(lake, data, 9 if held else 4, target, (writes, after))
    if held:
        lake.apply()
        reject(lake.intake, lake.row(upload_id), ANN, "wrong again")
        return said
    place = min((each.place for each in said if each.of == target), default=number)
    return [*(each for each in said if each.of != target), Said(upload_id, place, day, rows)]


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


def _corrects(lake: House, upload_id: str, mended: bytes) -> bool:
    try:
        correct(lake.intake, lake.row(upload_id), ANN, "typing", Choice(), mended.decode())
    except ConflictError:
        return False  # its one bad row was corrected before
    return True


def _check(lake: House, kind: str, said: list[Said]) -> None:
    current = (row for row in lake.query("SELECT * FROM fees") if row.get("_valid_to") is None)
    found = Counter((row["id"], str(row["amount"])) for row in current)
    if kind == "append":
        assert found == Counter(row for each in said for row in each.rows)
        uploads = lake.query("SELECT merged, replaced['rows'] AS gone FROM uploads")
        assert sum(each["merged"] - int(each["gone"] or 0) for each in uploads) == found.total()
    elif kind == "append once":
        oldest = sorted(said, key=lambda each: each.place, reverse=True)
        assert found == Counter({row[0]: row for each in oldest for row in each.rows}.values())
    else:
        newest = sorted(said, key=lambda each: (each.day if "day" in kind else "", each.place))
        assert found == Counter({row[0]: row for each in newest for row in each.rows}.values())
    alive = {each.of for each in said}
    causes = {
        row["upload_id"]: row["of"] for row in lake.query("SELECT upload_id, cause['upload_id'] AS of FROM uploads")
    }
    lineage = {row["_upload_id"] for row in lake.query("SELECT DISTINCT _upload_id FROM fees")}
    assert all(each in alive or causes[each] in alive for each in lineage)
