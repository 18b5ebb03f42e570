"""Real bank statements balance by their own totals, or are held with the difference."""

from __future__ import annotations

import os
import re
import tarfile
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path

import mt940
import pytest
from bai2 import bai2

from tables.contract import Contract
from tables.odcs import load
from validation.validate import Declared, check_conservation, validate
from validation.verdict import Verdict

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("LEDGERLAKE_TEST_DATA", ROOT.parent / "shared" / "data"))
STATEMENTS = DATA / "bank_statements" / "bank_statements.tar.xz"
pytestmark = pytest.mark.skipif(not STATEMENTS.exists(), reason=f"no bank_statements under {DATA}")


@cache
def _files(folder: str, *endings: str) -> dict[str, bytes]:
    """The files of a folder by their own name and that of the folder they stand in."""
    with tarfile.open(STATEMENTS) as archive:
        members = [each for each in archive if each.isfile() and f"/{folder}/" in f"/{each.name}"]
        return {
            "/".join(Path(each.name).parts[-2:]): file.read()
            for each in members
            if each.name.endswith(endings) and (file := archive.extractfile(each))
        }


def _mt940() -> dict[str, bytes]:
    texts = _files("citi", ".txt") | _files("ASNB", ".txt")
    return _files("mt940", ".sta") | texts


def _contract(form: str) -> Contract:
    path = ROOT / "tests" / "contracts" / "bank_statements.yaml"
    contract = load(path.read_text(), path.name)
    return replace(contract, file=replace(contract.file, name=form))


def _judged(content: bytes, form: str) -> Verdict:
    found = validate(content, _contract(form))
    check_conservation(found)
    return found


def _amounts(found: Verdict) -> list[Decimal]:
    quarantined = [Decimal(dict(row["money"])["amount"]) for row in found.quarantined.to_pylist() if row["money"]]
    return sorted([*found.accepted.column("amount").to_pylist(), *quarantined])


def test_every_mt940_file_balances_or_says_what_is_missing() -> None:
    found = {name: _judged(content, "mt940") for name, content in _mt940().items()}
    balanced = {name for name, each in found.items() if not each.held and each.totals.rows}
    assert (len(found), len(balanced)) == (54, 16)
    assert {"jejik/generic.sta", "mBank/mt942.sta", "betterplace/sepa_mt9401.sta"} <= balanced
    for name, each in found.items():
        assert all("a difference of" in why or "has no" in why for why in each.held), name
    assert found["jejik/ing.sta"].held[0].endswith("its closing balance is 3.47: a difference of 49.06")
    assert found["jejik/abnamro.sta"].held[1].endswith("a difference of -1,002.60")
    assert "cut off" in found["cmxl/reference.sta"].held[0]
    assert "no statement (:20:) and no entry (:61:)" in found["betterplace/currency_in_25.sta"].held[0]


def test_a_booking_on_30_february_is_quarantined_and_its_money_counted() -> None:
    found = _judged(_mt940()["self-provided/february_30.sta"], "mt940")
    (row,) = found.quarantined.to_pylist()
    assert (row["_row"], dict(row["money"]), found.held) == (6, {"amount": "-6.0000"}, ())
    assert "no day of the calendar" in row["reasons"][0]["message"]


def test_amounts_are_those_of_the_mt_940_library() -> None:
    compared = 0
    for name, content in _mt940().items():
        text = _text(content)
        try:
            parsed = mt940.parse(text)
        except Exception:  # noqa: BLE001, S112  # the library refuses some of the files as a whole
            continue
        theirs = sorted(each.data["amount"].amount for each in parsed if "amount" in each.data)
        ours = _amounts(_judged(content, "mt940"))
        assert len(ours) == len(theirs), name
        assert sorted(map(abs, ours)) == sorted(map(abs, theirs)), name
        compared += len(ours)
    assert compared > 150


def _text(content: bytes) -> str:
    for encoding in ("utf-8", "cp1252", "cp850"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise AssertionError


def test_every_bai2_file_balances_at_every_level_as_the_bai2_library_finds() -> None:
    files = _files("bai2", ".bai2")
    assert len(files) == 4
    for name, content in files.items():
        found = _judged(content, "bai2")
        assert (found.held, found.quarantined.num_rows) == ((), 0), name
        groups = bai2.parse_from_string(content.decode()).children
        theirs = [each.amount for group in groups for account in group.children for each in account.children]
        assert sorted(abs(amount) for amount in _amounts(found)) == sorted(Decimal(cents) / 100 for cents in theirs)


@pytest.mark.parametrize("code", [b"49", b"98", b"99"])
def test_a_bai2_trailer_that_is_off_by_one_holds_the_file_with_a_difference_of_one(code: bytes) -> None:
    for content in _files("bai2", ".bai2").values():
        declared = re.search(rb"^" + code + rb",([0-9]+),", content, re.MULTILINE)
        if declared:
            altered = content.replace(declared[0], b"%s,%d," % (code, int(declared[1]) + 1), 1)
            held = _judged(altered, "bai2").held
            assert all(why.endswith("a difference of 1") for why in held)
            assert len(held) == 1


def test_every_ofx_file_gives_every_entry_and_its_ledger_balance() -> None:
    files = _files("ofx", ".ofx")
    assert len(files) == 24
    rows = 0
    for name, content in files.items():
        found = _judged(content, "ofx")
        entries = len(re.findall(rb"<STMTTRN>", content))
        others = [row for row in found.quarantined.to_pylist() if row["reasons"][0]["rule"] == "ofx"]
        assert found.totals.rows - len(others) == entries, name
        assert bool(found.held) == name.endswith(("/error_message.ofx", "/signon_fail.ofx")), found.held
        assert all("instead of a statement the bank reports error" in why for why in found.held)
        rows += entries
    assert rows == 24


def test_an_ofx_file_balances_from_the_opening_balance_that_its_upload_declares() -> None:
    content = _files("ofx", ".ofx")["fixtures/checking.ofx"]
    right = Declared(totals={"opening(amount)": Decimal("160.49")})
    assert validate(content, _contract("ofx"), right).held == ()
    (why,) = validate(content, _contract("ofx"), Declared(totals={"opening(amount)": Decimal("160.50")})).held
    assert why.endswith("its closing balance is 100.99: a difference of -0.0100")
