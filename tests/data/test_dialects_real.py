"""Real files in many dialects: two councils' spend, month by month, under one contract each."""

from __future__ import annotations

import csv
import io
import os
import re
import tarfile
import zipfile
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from ledgerlake.errors import RejectedError
from tables.contract import Contract
from tables.odcs import load
from validation.validate import Declared, check_conservation, validate

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("LEDGERLAKE_TEST_DATA", ROOT.parent / "shared" / "data"))
LEEDS = DATA / "uk_spend_leeds"
LAMBETH = DATA / "uk_spend_lambeth" / "lambeth.tar.xz"
NO_LEEDS = pytest.mark.skipif(not LEEDS.exists(), reason=f"no uk_spend_leeds under {DATA}")
NO_LAMBETH = pytest.mark.skipif(not LAMBETH.exists(), reason=f"no uk_spend_lambeth under {DATA}")


def _contract(name: str) -> Contract:
    path = ROOT / "tests" / "contracts" / f"{name}.yaml"
    return load(path.read_text(), path.name)


@cache
def _leeds(state: str) -> dict[str, bytes]:
    """The files of all months, as published (`raw`) or as a third party processed them."""
    with zipfile.ZipFile(LEEDS / f"leeds_{state}.zip") as archive:
        return {name[-11:-4]: archive.read(name) for name in sorted(archive.namelist()) if name.endswith(".csv")}


def _lambeth(state: str) -> dict[str, bytes]:
    with tarfile.open(LAMBETH) as archive:
        members = [each for each in archive if state in each.name and each.name.endswith(".csv")]
        return {each.name[-20:-13]: content.read() for each in members if (content := archive.extractfile(each))}


def _rows(content: bytes) -> list[list[str]]:
    """The rows as Python's csv reads them, the header first."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    return list(csv.reader(io.StringIO(text, newline="")))


@cache
def _independent(month: str) -> tuple[int, Decimal, Decimal | None]:
    """Rows with a transaction number, the sum of their amounts, and the grand total below them."""
    header, *rows = _rows(_leeds("raw")[month])
    names = [re.sub(r"\W", "", name).lower() for name in header]
    number, amount = names.index("transactionnumber"), names.index("amount" if "amount" in names else "netamount")
    amounts = [Decimal(row[amount].replace(",", "").strip()) for row in rows if any(row) and row[number].strip()]
    grand = [Decimal(row[amount]) for row in rows if any(map(str.strip, row)) and not row[number].strip()]
    return len(amounts), sum(amounts, Decimal(0)), grand[0] if grand else None


@NO_LEEDS
def test_leeds_lands_under_one_contract_with_every_row_and_penny() -> None:
    contract, refused, recoded, blank, grouped, totals = _contract("uk_spend_leeds"), [], 0, 0, 0, 0
    headers: set[tuple[str, ...]] = set()
    for month, content in _leeds("raw").items():
        if not content:
            with pytest.raises(RejectedError, match="line 1: no header found"):
                validate(content, contract)
            continue
        found = validate(content, contract)
        check_conservation(found)
        rows, total, grand = _independent(month)
        assert (found.totals.rows, found.totals.money) == (rows, {"net_amount": total}), month
        assert [Decimal(line.declared) for line in found.totals.trailers] == ([] if grand is None else [grand])
        assert bool(found.held) == (month == "2013-12"), found.held
        assert ("cp1252" in found.totals.notes) == (not _is_utf8(content))
        recoded += bool(found.totals.notes)
        everything = _rows(content)
        headers.add(tuple(name.strip() for name in everything[0]))
        grouped += sum(1 for row in everything for cell in row if re.fullmatch(r"\s*-?\d{1,3}(,\d{3})+\.?\d*\s*", cell))
        totals += grand is not None
        blank += sum(1 for row in everything if not any(cell.strip() for cell in row))
        refused += [(month, row["_row"]) for row in found.quarantined.to_pylist()]
    assert (refused, recoded, len(headers), blank) == ([("2012-07", 8949)], 7, 12, 58_173)
    assert (grouped, totals) == (11_000, 13)
    counts = [_independent(month)[0] for month, content in _leeds("raw").items() if content]
    assert (len(counts), sum(counts)) == (37, 361_446)


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


@NO_LEEDS
def test_a_grand_total_that_was_rounded_holds_its_month_by_a_penny() -> None:
    found = validate(_leeds("raw")["2013-12"], _contract("uk_spend_leeds"))
    (why,) = found.held
    assert why.startswith("the trailer on line 9576 declares 104,758,470.9 net_amount in all, the file has 104,758,")
    assert why.endswith(": a difference of 0.01")


@NO_LEEDS
def test_a_copy_that_lost_its_minus_signs_is_held_by_the_total_of_the_original() -> None:
    """Of 37 months that agree row for row, the 24 without a grand total are 55,883,956.86 apart, all 109,951,018.72."""
    contract, apart = _contract("uk_spend_leeds"), {True: Decimal(0), False: Decimal(0)}
    months = [month for month, content in _leeds("raw").items() if content]
    for month in months:
        rows, total, grand = _independent(month)
        found = validate(_leeds("processed")[month], contract, Declared(rows, {"net_amount": total}))
        check_conservation(found)
        difference = found.totals.money["net_amount"] - total
        apart[grand is None] += difference
        assert found.totals.rows == rows
        assert bool(found.held) == bool(difference)
        assert not difference or f"a difference of {-difference:,f}" in found.held[0]
    assert apart == {True: Decimal("55883956.86"), False: Decimal("54067061.86")}
    assert sum(1 for month in months if _independent(month)[2] is None) == 24


@NO_LAMBETH
def test_lambeth_s_reports_equal_their_grand_totals_as_published() -> None:
    contract, grand = _contract("uk_spend_lambeth"), 0
    held: dict[str, tuple[str, ...]] = {}
    for month, content in _lambeth("v1_as_published").items():
        found = validate(content, contract)
        check_conservation(found)
        assert found.quarantined.num_rows == 0
        grand += b"Grand Total" in content
        if found.held:
            held[month] = found.held
    assert grand == 15
    assert {month: [why.partition(" matches ")[0] for why in each] for month, each in held.items()} == {
        "2011-01": ["no trailer line"]
    }


@NO_LAMBETH
def test_cleaning_lambeth_s_reports_by_hand_broke_four_of_them() -> None:
    contract = _contract("uk_spend_lambeth")
    found = {month: validate(content, contract) for month, content in _lambeth("v2_cleaned").items()}
    held = {month: each.held[0].rpartition(": ")[2] for month, each in found.items() if each.held}
    assert held == {
        "2011-01": "the file may be cut off",
        "2011-10": "a difference of 740.00",
        "2011-11": "the file may be cut off",
        "2012-02": "a difference of 740.00",
        "2012-06": "a difference of 516,394.31",
    }
    assert found["2012-06"].quarantined.num_rows == 639
