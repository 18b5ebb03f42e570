"""What `docs/not-good.md` says people type does what it says."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.commands import COMMANDS
from cli.main import main
from ingestion.triggers import LandedObject
from ledgerlake.layout import landing_key
from tests.conftest import Cloud
from tests.house import House, a_contract_text, a_file, a_house
from tests.local.test_upload_api import serving

CLAIMS = {"sub": "ann", "custom:tenant": "acme", "scope": "ledgerlake/decide"}
Type = Callable[..., tuple[int, str]]


@pytest.fixture
def house(fresh_cloud: Cloud, tmp_path: Path) -> House:
    return a_house(fresh_cloud.settings, tmp_path / "contracts", a_contract_text("append"))


@pytest.fixture
def types(house: House, fresh_cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> Iterator[Type]:
    """Types a command; its exit code and what it prints."""
    with serving(house.intake, CLAIMS, [], {"ann": CLAIMS, "bob": {**CLAIMS, "sub": "bob"}}) as client:
        environ = {
            **fresh_cloud.env,
            "LEDGERLAKE_API_URL": str(client.base_url),
            "LEDGERLAKE_CONTRACTS": str(house.folder),
        }

        def command(*words: str) -> tuple[int, str]:
            code = main(list(words), environ)
            return code, capsys.readouterr().out

        yield command


def answer(said: tuple[int, str]) -> Any:
    assert said[0] == 0, said
    return json.loads(said[1])


def test_a_hold_is_listed_and_ended(house: House, types: Type) -> None:
    held, other = house.send(a_file(("a", "1.00")), total="1.50"), house.send(a_file(("b", "1.00")), rows=3)
    house.apply()
    assert [each["upload_id"] for each in answer(types("holds", "list", "--json"))] == [other, held]
    assert "a difference of 0.50" in types("holds", "list", "--dataset", "fees")[1].replace("\n", " ")
    decision = answer(types("holds", "release", held, "--reason", "seen", "--json"))
    assert types("holds", "release", held, "--reason", "again")[0] == 1
    assert "reject by ann: wrong file" in types("holds", "reject", other, "--reason", "wrong file")[1]
    house.apply()
    assert types("holds", "list")[1] == "nothing is held\n"
    shown = types("status", decision["as_upload_id"])
    assert shown[0] == 0
    assert "release by ann: seen" in shown[1]
    assert "unexplained" in shown[1]


def test_a_second_person_agrees_and_one_whom_nobody_knows_does_not(house: House, types: Type) -> None:
    house.state_contract(a_contract_text("append", fourEyes="true"))
    held = house.send(a_file(("a", "1.00")), total="1.50")
    house.apply()
    release = ("holds", "release", held, "--reason", "seen", "--json")
    assert answer(types(*release))["kind"] == "propose"
    assert types(*release, "--as", "ann")[0] == 1
    code, said = types(*release, "--as", "eve")
    assert (code, "Nobody here is called 'eve'; known are ann, bob: name more" in json.loads(said)["message"]) == (
        1,
        True,
    )
    agreed = answer(types(*release, "--as", "bob"))
    assert (agreed["kind"], agreed["by"], agreed["approved_by"]) == ("release", "ann", "bob")


def test_refused_rows_of_a_released_file_are_exported_with_its_header(house: House, types: Type) -> None:
    held = house.send(a_file(("a", "1.00"), ("b", "many")), total="1.50")
    house.apply()
    released = answer(types("holds", "release", held, "--reason", "seen", "--json"))["as_upload_id"]
    house.apply()
    assert types("quarantine", "export", released, "--to-correct")[1] == a_file(("b", "many")).decode()


def test_a_corrected_file_supersedes_and_says_what_left(house: House, types: Type, tmp_path: Path) -> None:
    first = house.send(a_file(("a", "1.00"), ("b", "2.00"), ("c", "many")))
    house.apply()
    path = tmp_path / "corrected.csv"
    path.write_bytes(a_file(("a", "1.00"), ("b", "2.50")))
    upload = ("upload", str(path), "--dataset", "fees", "--supersedes", first)
    sent = answer(types(*upload, "--json"))
    house.admit(LandedObject(house.intake.settings.landing_bucket, landing_key("fees", sent["upload_id"])))
    house.apply()
    assert "2 rows, amount 3.00" in types("status", sent["upload_id"])[1]
    assert answer(types("status", first, "--json"))["superseded_by"]["as_upload_id"] == sent["upload_id"]
    (upload_with_refused,) = answer(types("quarantine", "list", "--json"))
    assert upload_with_refused["open"] == 0
    changed = answer(types("diff", "fees", "1", "2", "--json"))
    assert [[row["amount"] for row in changed[kind]] for kind in ("deleted", "inserted")] == [["2.00"], ["2.50"]]
    assert types(*upload)[0] == 1
    assert types("upload", str(path), str(path), "--dataset", "fees", "--supersedes", first)[0] == 3


def test_quarantine_is_listed_shown_exported_corrected_driven_again_and_waived(
    house: House, types: Type, tmp_path: Path
) -> None:
    first = house.send(a_file(("a", "1.00"), ("=b", "many"), ("c", "few"), ("d", "none")))
    house.apply()
    (group,) = answer(types("quarantine", "list", "--by", "rule", "--json"))
    assert (group["rule"], group["column"], group["open"], group["uploads"]) == ("type", "amount", 3, 1)
    assert "=b,2026-03-31,many" in types("quarantine", "show", first)[1]
    rows = list(csv.reader(io.StringIO(types("quarantine", "export", first)[1])))
    assert [(row[2], row[3], row[5], row[7]) for row in rows[1:2]] == [("3", "type", "many", "'=b,2026-03-31,many")]
    mended = tmp_path / "mended.csv"
    text = types("quarantine", "export", first, "--to-correct", "--lines", "3,4")[1]
    assert text == a_file(("=b", "many"), ("c", "few")).decode()
    mended.write_text(text.replace("many", "2.00"))
    assert types("quarantine", "correct", first, str(mended), "--lines", "3,4", "--reason", "typing error")[0] == 1
    mended.write_text(text.replace("many", "2.00").replace("few", "3.00"))
    answer(types("quarantine", "correct", first, str(mended), "--lines", "3,4", "--reason", "typing", "--json"))
    house.apply()
    assert house.fees() == {"a": "1.00", "=b": "2.00", "c": "3.00"}
    failed = types("quarantine", "redrive", "--dataset", "fees", "--reason", "mended", "--json")
    assert failed[0] == 1
    assert "all 1 rows are still refused" in json.loads(failed[1])["failures"][0]["message"]
    assert answer(types("quarantine", "waive", first, "--reason", "no money", "--json"))["rows"] == [5]
    (upload,) = answer(types("quarantine", "list", "--json"))
    assert (upload["rows"], upload["open"]) == (3, 0)
    shown = answer(types("quarantine", "show", first, "--json"))
    assert [each["open"] for each in shown] == [False] * 3
    assert answer(types("quarantine", "show", first, "--open", "--json")) == []
    assert types("quarantine", "show", "nonsense")[0] == 3


def test_rows_of_a_document_are_exported_as_lines_of_json_and_sent_back(
    house: House, types: Type, tmp_path: Path
) -> None:
    house.state_contract(a_contract_text("append", fileFormat="{format: json}"))
    first = house.send(b'[{"id": "a", "day": "2026-03-31", "amount": "many"},\n {"id": "b"}, {"id": "c", "id": 1}]')
    house.apply()
    text = types("quarantine", "export", first, "--to-correct")[1]
    assert text.splitlines() == [
        '{"id": "a", "day": "2026-03-31", "amount": "many"}',
        '{"id": "b", "day": null, "amount": null}',
        json.dumps('{"id": "c", "id": 1}'),
    ]
    mended = tmp_path / "mended.jsonl"
    mended.write_text(text.replace("many", "2.00"))
    assert types("quarantine", "correct", first, str(mended), "--reason", "typing")[0] == 1
    mended.write_text(text.splitlines()[0].replace("many", "2.00") + "\n")
    answer(types("quarantine", "correct", first, str(mended), "--lines", "1", "--reason", "typing", "--json"))
    house.apply()
    assert house.fees() == {"a": "2.00"}
    assert types("quarantine", "export", first, "--to-correct", "--rule", "no such rule") == (0, "")


def test_every_command_about_what_is_not_good_is_in_its_docs() -> None:
    text = (Path(__file__).parents[2] / "docs" / "not-good.md").read_text("utf-8")
    about = [each.name for each in COMMANDS if each.name.split()[0] in {"check", "holds", "quarantine"}]
    assert len(about) == 10
    assert [name for name in (*about, "contracts infer") if f"ledgerlake {name}" not in text] == []
