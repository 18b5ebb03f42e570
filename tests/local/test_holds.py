"""A hold ends once, by a person, for ever: released or rejected, whatever dies or is done twice on the way."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ingestion.holds import open_holds, reject, release
from ingestion.rebuild import rebuild
from ingestion.request import ConflictError, InvalidRequestError
from ingestion.sweeper import sweep
from ledgerlake.layout import decision_prefix, table_uri
from streaming_jobs.microbatch import apply_microbatch
from tables.define import create
from tables.plan import plan
from tables.system_tables import UPLOADS
from tests.conftest import Cloud
from tests.house import ANN, BOB, DATASET, House, a_contract_text, a_file, a_house
from tests.local.clients import a_fresh, objects


def house(cloud: Cloud, tmp_path: Path, mode: str = "upsert", **custom: Any) -> House:
    return a_house(cloud.settings, tmp_path / "contracts", a_contract_text(mode, **custom))


def waiting(house: House) -> list[str]:
    return [row.upload_id for row in open_holds(house.intake, DATASET, "acme")]


def letting_go(house: House, upload_id: str, **changes: Any) -> Any:
    return release(house.intake, house.row(upload_id), **{"caller": ANN, "reason": "confirmed by phone", **changes})


def test_a_released_file_is_another_upload_of_the_same_bytes_with_its_totals_waived(
    fresh_cloud: Cloud, tmp_path: Path
) -> None:
    lake = house(fresh_cloud, tmp_path)
    held = lake.send(a_file(("a", "1.00"), ("b", "2.50")), rows=2, total="3.49")
    lake.send(a_file(("c", "9.00")))
    lake.apply()
    reason = "the upload declares 3.49 amount in all, the file has 3.50: a difference of -0.01"
    assert (lake.row(held).state, lake.fees(), waiting(lake)) == ("held", {"c": "9.00"}, [held])
    assert lake.query("SELECT held FROM uploads WHERE seq = 1") == [{"held": [reason]}]

    decision = letting_go(lake, held)
    lake.apply()
    assert lake.fees() == {"a": "1.00", "b": "2.50", "c": "9.00"}
    assert (waiting(lake), lake.row(held).state, lake.row(held).decision) == ([], "held", decision)
    again = lake.row(decision.as_upload_id)
    assert again.manifest
    assert again.outcome
    assert (again.manifest.seq, again.manifest.raw_key) == (3, f"raw/{DATASET}/files/{held}")
    assert (again.outcome.state, again.outcome.waived, again.outcome.merged) == ("applied", [reason], 2)
    why = {"kind": "release", "upload_id": held, "decision": "1", "reason": "confirmed by phone", "by": "ann"}
    assert lake.query("SELECT waived, cause, principal FROM uploads WHERE seq = 3") == [
        {"waived": [reason], "cause": why, "principal": "ann"}
    ]


def test_a_rejected_file_stays_out_and_both_who_and_why_are_kept(fresh_cloud: Cloud, tmp_path: Path) -> None:
    lake = house(fresh_cloud, tmp_path)
    held = lake.send(a_file(("a", "1.00")), rows=2)
    lake.apply()
    decision = reject(lake.intake, lake.row(held), BOB, " sent again as another file ")
    assert (lake.apply(), lake.fees(), waiting(lake)) == ((), {}, [])
    (kept,) = objects(lake.intake, lake.intake.settings.raw_bucket, decision_prefix(DATASET)).values()
    assert kept.decode() == decision.to_json()
    assert {"by": "bob", "reason": "sent again as another file"}.items() <= json.loads(kept).items()


def test_what_is_not_held_or_was_decided_before_gets_a_clear_answer(fresh_cloud: Cloud, tmp_path: Path) -> None:
    lake = house(fresh_cloud, tmp_path)
    good, held = lake.send(a_file(("a", "1.00"))), lake.send(a_file(("b", "1.00")), rows=2)
    with pytest.raises(ConflictError, match="is accepted, not held"):
        letting_go(lake, held)
    lake.apply()
    with pytest.raises(ConflictError, match="is applied, not held: there is nothing to release or reject"):
        letting_go(lake, good)
    with pytest.raises(InvalidRequestError, match=r"reason: must say why, in 1\.\.1000 characters"):
        letting_go(lake, held, reason=" ")
    decision = letting_go(lake, held)
    for step in (release, reject):
        with pytest.raises(
            ConflictError, match=f"released as upload {decision.as_upload_id} before, by ann at 20.*phone"
        ):
            step(lake.intake, lake.row(held), BOB, "again")
    lake.apply()
    assert [row["seq"] for row in lake.query("SELECT seq FROM uploads ORDER BY seq")] == [1, 2, 3]


def test_a_second_person_who_is_not_the_first_must_agree_where_the_contract_asks_for_it(
    fresh_cloud: Cloud, tmp_path: Path
) -> None:
    lake = house(fresh_cloud, tmp_path, fourEyes="true")
    held = lake.send(a_file(("a", "1.00")), rows=2)
    lake.apply()
    asked = letting_go(lake, held)
    assert (asked.kind, asked.as_upload_id, waiting(lake)) == ("propose", None, [held])
    assert lake.row(held).proposal == asked
    with pytest.raises(ConflictError, match=r"ann asked for this release at .* wants another person to agree"):
        letting_go(lake, held)
    assert lake.apply() == ()
    agreed = letting_go(lake, held, caller=BOB, reason="seen the bank statement")
    assert (agreed.kind, agreed.by, agreed.approved_by) == ("release", "ann", "bob")
    assert agreed.reason == "confirmed by phone; seen the bank statement"
    lake.apply()
    assert lake.fees() == {"a": "1.00"}


@pytest.mark.parametrize("step", [release, reject])
def test_a_dataset_that_waits_goes_on_in_its_order_once_somebody_decided(
    fresh_cloud: Cloud, tmp_path: Path, step: Any
) -> None:
    lake = house(fresh_cloud, tmp_path, whenHeld="wait")
    lake.send(a_file(("a", "1.00")))
    held = lake.send(a_file(("a", "2.00"), ("b", "2.00")), rows=1)
    lake.send(a_file(("a", "3.00")))
    assert [outcome.seq for outcome in lake.apply()] == [1]
    for _ in range(2):
        assert (lake.apply(), lake.fees(), waiting(lake)) == ((), {"a": "1.00"}, [held])
        lake.restart()
    sweep(lake.intake)
    step(lake.intake, lake.row(held), ANN, "seen")
    outcomes = lake.apply()
    assert [(outcome.seq, outcome.state) for outcome in outcomes] == [
        (2, "applied" if step is release else "held"),
        (3, "applied"),
    ]
    assert lake.fees() == ({"a": "3.00", "b": "2.00"} if step is release else {"a": "3.00"})
    assert (waiting(lake), lake.row(held).state) == ([], outcomes[0].state)
    with pytest.raises(ConflictError, match="not held; it was released" if step is release else "was rejected before"):
        step(lake.intake, lake.row(held), ANN, "again")


def test_a_released_full_state_may_be_smaller_or_empty(fresh_cloud: Cloud, tmp_path: Path) -> None:
    for mode in ("snapshot", "replace"):
        lake = a_house(a_fresh(fresh_cloud).settings, tmp_path / mode, a_contract_text(mode))
        lake.send(a_file(("a", "1.00"), ("b", "1.00"), ("c", "1.00"), ("d", "1.00")))
        smaller = lake.send(a_file(("a", "1.00"), ("b", "bad")))
        lake.apply()
        assert list(lake.fees()) == ["a", "b", "c", "d"]
        letting_go(lake, smaller)
        lake.apply()
        assert list(lake.fees()) == ["a"]
        empty = lake.send(a_file())
        lake.apply()
        assert (lake.row(empty).state, list(lake.fees())) == ("held", ["a"])
        letting_go(lake, empty)
        (outcome,) = lake.apply()
        assert (outcome.state, outcome.waived[0][:26], lake.fees()) == ("applied", "full_state: no row is left", {})


def test_a_file_that_cannot_be_read_stays_held_however_often_it_is_released(fresh_cloud: Cloud, tmp_path: Path) -> None:
    lake = house(fresh_cloud, tmp_path, whenHeld="wait")
    held = lake.send(b'id,day,amount\na,2026-03-31,"1.00\n')
    lake.send(a_file(("b", "1.00")))
    lake.apply()
    assert lake.row(held).state == "held"
    letting_go(lake, held)
    assert [(outcome.seq, outcome.state) for outcome in lake.apply()] == [(1, "held"), (2, "applied")]
    assert lake.fees() == {"b": "1.00"}


def test_a_file_with_more_refused_rows_than_its_budget_is_held_until_it_is_released(
    fresh_cloud: Cloud, tmp_path: Path
) -> None:
    lake = house(fresh_cloud, tmp_path, quarantineBudget="0.25")
    good, over = (lake.send(a_file(*((f"{bad}{n}", "bad" if n < bad else "1.00") for n in range(4)))) for bad in (1, 2))
    lake.apply()
    assert (lake.row(good).state, lake.row(over).state) == ("applied", "held")
    assert len(lake.query("SELECT row FROM quarantine")) == 1
    outcome = lake.row(over).outcome
    assert outcome
    assert outcome.held[0].startswith(
        "quarantine_budget: 2 of 4 rows are refused, and the contract allows 25 % of them"
    )
    letting_go(lake, over)
    (applied,) = lake.apply()
    assert (applied.quarantined, applied.merged, applied.waived) == (2, 2, outcome.held)


def test_of_many_decisions_at_once_one_is_made(fresh_cloud: Cloud, tmp_path: Path) -> None:
    lake = house(fresh_cloud, tmp_path)
    held = lake.send(a_file(("a", "1.00")), rows=2)
    lake.apply()
    row = lake.row(held)
    lake.intake.aws.kinesis  # noqa: B018  # boto3's session is not safe to share between threads

    def one(number: int) -> str:
        try:
            return (release if number % 2 else reject)(lake.intake, row, ANN, f"by {number}").kind
        except ConflictError:
            return "refused"

    with ThreadPoolExecutor(8) as pool:
        done = sorted(pool.map(one, range(8)))
    assert (len(set(done)), done.count("refused")) == (2, 7)
    lake.apply()
    assert lake.fees() == ({"a": "1.00"} if "release" in done else {})


def test_a_held_file_that_is_waited_for_is_judged_once_unless_it_is_announced_again(
    fresh_cloud: Cloud, tmp_path: Path
) -> None:
    lake = house(fresh_cloud, tmp_path, whenHeld="wait")
    held, later = lake.send(a_file(("a", "1.00")), rows=2), lake.send(a_file(("b", "1.00")))
    lake.apply()
    events = {each: manifest.event for each in (held, later) if (manifest := lake.row(each).manifest)}
    lake.lose_the_ledger()
    rebuild(lake.intake.settings, lake.intake.aws)
    assert (apply_microbatch(lake.lake, [events[later]]), lake.row(held).state) == ((), "accepted")
    assert (apply_microbatch(lake.lake, [events[later], events[held], events[held]]), waiting(lake)) == ((), [held])
    reject(lake.intake, lake.row(held), ANN, "seen")
    done = apply_microbatch(lake.lake, [events[later], events[held]])
    done += apply_microbatch(lake.lake, [events[held], events[later], events[later]])
    assert [(outcome.seq, outcome.state) for outcome in done] == [(1, "held"), (2, "applied")]
    assert apply_microbatch(lake.lake, list(events.values())) == ()


def test_an_uploads_table_of_an_earlier_version_gets_the_columns_that_it_lacks(
    fresh_cloud: Cloud, tmp_path: Path
) -> None:
    old = pa.schema([each for each in UPLOADS if each.name not in {"waived", "cause"}])
    uri = table_uri(fresh_cloud.settings.tables_bucket, "uploads")
    create(uri, old, fresh_cloud.settings, partition_by=("dataset",), properties={})
    lake = house(fresh_cloud, tmp_path)
    held = lake.send(a_file(("a", "1.00")), rows=2)
    lake.apply()
    letting_go(lake, held)
    lake.apply()
    assert [len(row["waived"]) for row in lake.query("SELECT waived FROM uploads ORDER BY seq")] == [0, 1]
    assert plan(lake.intake.contracts.current(DATASET), lake.intake.settings).changes == ()
