"""Holds over real HTTP: who may decide, what they see, and what a refusal says."""

from __future__ import annotations

import json
from http import HTTPStatus
from pathlib import Path

from tests.conftest import Cloud
from tests.house import a_contract_text, a_file, a_house
from tests.local.test_upload_api import fields, serving

ANN = {"sub": "ann", "custom:tenant": "acme", "scope": "openid ledgerlake/decide"}


def test_a_held_upload_is_listed_decided_about_and_shows_the_decision(fresh_cloud: Cloud, tmp_path: Path) -> None:
    house = a_house(fresh_cloud.settings, tmp_path / "contracts", a_contract_text(fourEyes="true"))
    first, other = house.send(a_file(("a", "1.00")), rows=2), house.send(a_file(("b", "1.00")), total="1.01")
    house.apply()
    lines: list[str] = []
    with serving(house.intake, ANN, lines) as ann, serving(house.intake, {**ANN, "sub": "bob"}, lines) as bob:
        held = ann.get("/v1/datasets/fees/holds").json()["uploads"]
        assert [each["upload_id"] for each in held] == [other, first]
        assert held[0]["reasons"][0]["message"].endswith("the file has 1.00: a difference of 0.01")

        asked = ann.post(f"/v1/uploads/{first}/release", json={"reason": "seen"}).json()
        assert (asked["kind"], asked["by"], asked["as_upload_id"]) == ("propose", "ann", None)
        again = ann.post(f"/v1/uploads/{first}/release", json={"reason": "seen"})
        assert fields(again, HTTPStatus.CONFLICT) == {}
        assert "another person" in again.json()["detail"]
        agreed = bob.post(f"/v1/uploads/{first}/release", json={"reason": "so have I"}).json()
        assert (agreed["kind"], agreed["by"], agreed["approved_by"]) == ("release", "ann", "bob")
        assert bob.post(f"/v1/uploads/{other}/reject", json={"reason": "wrong file"}).json()["kind"] == "reject"
        assert ann.get("/v1/datasets/fees/holds").json() == {"uploads": []}

        shown = ann.get(f"/v1/uploads/{first}").json()
        assert (shown["state"], shown["decision"], shown["proposal"]) == ("held", agreed, asked)
        house.apply()
        applied = ann.get(f"/v1/uploads/{agreed['as_upload_id']}").json()
        assert (applied["state"], applied["reasons"]) == ("applied", [])
        assert (applied["cause"]["upload_id"], len(applied["outcome"]["waived"])) == (first, 1)
    measured = [json.loads(line) for line in lines]
    assert [each.get("holds_released", each.get("holds_rejected")) for each in measured] == [1, 1]


def test_deciding_takes_a_scope_a_reason_and_an_upload_of_ones_own(fresh_cloud: Cloud, tmp_path: Path) -> None:
    house = a_house(fresh_cloud.settings, tmp_path / "contracts", a_contract_text())
    held = house.send(a_file(("a", "1.00")), rows=2)
    house.apply()
    reason = {"reason": "seen"}
    with serving(house.intake, {**ANN, "scope": "openid"}, []) as reader:
        refused = reader.post(f"/v1/uploads/{held}/release", json=reason)
        assert fields(refused, HTTPStatus.FORBIDDEN) == {}
        wanted = "Deciding takes a token with the scope ledgerlake/decide; this one has openid."
        assert refused.json()["detail"] == wanted
        assert len(reader.get("/v1/datasets/fees/holds").json()["uploads"]) == 1
    with serving(house.intake, {**ANN, "custom:tenant": "globex"}, []) as stranger:
        assert fields(stranger.post(f"/v1/uploads/{held}/release", json=reason), HTTPStatus.NOT_FOUND) == {}
        assert stranger.get("/v1/datasets/fees/holds").json() == {"uploads": []}
    with serving(house.intake, ANN, []) as ann:
        blank = ann.post(f"/v1/uploads/{held}/release", json={"reason": "  "})
        assert set(fields(blank, HTTPStatus.UNPROCESSABLE_ENTITY)) == {"reason"}
        missing = ann.post(f"/v1/uploads/{held}/reject", json={})
        assert set(fields(missing, HTTPStatus.UNPROCESSABLE_ENTITY)) == {"reason"}
        assert fields(ann.get("/v1/datasets/nothing/holds"), HTTPStatus.NOT_FOUND) == {}


def test_refused_rows_are_grouped_shown_and_decided_about_by_their_own_tenant(
    fresh_cloud: Cloud, tmp_path: Path
) -> None:
    house = a_house(fresh_cloud.settings, tmp_path / "contracts", a_contract_text("append"))
    first = house.send(a_file(("a", "many"), ("b", "few"), ("c", "1.00")))
    house.apply()
    with serving(house.intake, {**ANN, "custom:tenant": "globex"}, []) as stranger:
        assert stranger.get("/v1/datasets/fees/quarantine").json() == {"open": 0, "by_rule": {}, "uploads": []}
        assert fields(stranger.get(f"/v1/uploads/{first}/quarantine"), HTTPStatus.NOT_FOUND) == {}
        waived = stranger.post(f"/v1/uploads/{first}/quarantine/waive", json={"reason": "mine"})
        assert fields(waived, HTTPStatus.NOT_FOUND) == {}
    with serving(house.intake, ANN, []) as ann:
        found = ann.get("/v1/datasets/fees/quarantine").json()
        assert (found["open"], found["by_rule"], found["uploads"][0]["upload_id"]) == (2, {"type": 2}, first)
        shown = ann.get(f"/v1/uploads/{first}/quarantine", params={"rule": "type", "limit": 1}).json()
        assert (shown["open"], [row["row"] for row in shown["rows"]]) == (2, [2])
        path = f"/v1/uploads/{first}/quarantine"
        body = {"reason": "typing", "rows": [2], "content": a_file(("a", "x")).decode()}
        bad = ann.post(f"{path}/correct", json=body)
        assert set(fields(bad, HTTPStatus.UNPROCESSABLE_ENTITY)) == {"content.2"}
        made = ann.post(f"{path}/correct", json={**body, "content": a_file(("a", "7.00")).decode()}).json()
        assert (made["kind"], made["upload_id"]) == ("correct", first)
        again = ann.post(f"{path}/redrive", json={"reason": "mended"})
        assert "all 1 rows are still refused" in again.json()["detail"]
        assert ann.post(f"{path}/waive", json={"reason": "lost"}).json()["kind"] == "waive"
        assert fields(ann.post(f"{path}/waive", json={"reason": "lost"}), HTTPStatus.CONFLICT) == {}
        assert ann.get("/v1/datasets/fees/quarantine").json()["open"] == 0
    house.apply()
    assert house.fees() == {"c": "1.00", "a": "7.00"}
