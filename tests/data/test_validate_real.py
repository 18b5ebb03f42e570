"""Real files: totals equal their own trailers, rows are conserved, and a wrong cent is noticed."""

from __future__ import annotations

import csv
import io
import os
import re
import tarfile
import zipfile
from decimal import Decimal
from pathlib import Path

import pyarrow.compute as pc
import pytest

from tables.contract import Contract
from tables.odcs import load
from validation.validate import check_conservation, parts, validate

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("LEDGERLAKE_TEST_DATA", ROOT.parent / "shared" / "data"))
FTD = sorted((DATA / "sec_ftd").glob("cnsfails*.zip"))
OXFORD = DATA / "uk_spend_oxford" / "data.tar.xz"


def _contract(name: str) -> Contract:
    path = ROOT / "tests" / "contracts" / f"{name}.yaml"
    return load(path.read_text(), path.name)


def _unzipped(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(archive.namelist()[0])


@pytest.mark.skipif(not FTD, reason=f"no sec_ftd under {DATA}")
def test_every_fails_to_deliver_file_equals_its_own_trailers() -> None:
    contract, rows = _contract("sec_ftd"), 0
    for path in FTD:
        found = validate(path.read_bytes(), contract)
        text = _unzipped(path).decode("cp1252")
        count, total = (int(found[1]) for found in re.finditer(r"Trailer .* (\d+)\r?\n?", text))
        assert (found.held, found.quarantined.num_rows, found.accepted.num_rows) == ((), 0, count)
        assert found.totals.money == {"quantity": Decimal(total)}
        assert pc.sum(found.accepted.column("quantity")).as_py() == total
        assert found.accepted.column("price").null_count == len(re.findall(r"\|\.\s*$", text, re.MULTILINE))
        assert found.accepted.column("_row").to_pylist() == list(range(2, count + 2))
        check_conservation(found)
        rows += count
    assert (len(FTD), rows) == (13, 697_930)


@pytest.mark.skipif(not FTD, reason=f"no sec_ftd under {DATA}")
def test_a_trailer_that_is_off_by_one_holds_the_file() -> None:
    data = _unzipped(FTD[0])
    count, total = re.findall(rb"Trailer .* (\d+)", data)
    for declared in (count, total):
        altered = data.replace(b" " + declared + b"\n", b" %d\n" % (int(declared) + 1))
        assert altered != data
        held = validate(altered, _contract("sec_ftd")).held
        assert [reason.rpartition(": ")[2] for reason in held] == ["a difference of 1"]


@pytest.mark.skipif(not FTD, reason=f"no sec_ftd under {DATA}")
def test_parts_are_small_and_together_the_whole() -> None:
    contract = _contract("sec_ftd")
    header, _, body = _unzipped(FTD[0]).partition(b"\n")
    rows, trailer, rest = body.partition(b"Trailer ")
    data = header + b"\n" + 4 * rows + trailer + rest
    whole = validate(data, contract)
    sizes = [part.accepted.nbytes for part in parts(io.BytesIO(data), contract)]
    assert len(sizes) > 2
    assert max(sizes) < 8 * 1024**2
    assert sum(part.accepted.num_rows for part in parts(data, contract)) == whole.accepted.num_rows


@pytest.mark.skipif(not OXFORD.exists(), reason=f"no uk_spend_oxford under {DATA}")
def test_every_row_of_thirteen_headers_is_accepted_or_quarantined() -> None:
    contract, rows, refused = _contract("uk_spend_oxford"), 0, 0
    with tarfile.open(OXFORD) as archive:
        for member in (member for member in archive if member.isfile()):
            data = archive.extractfile(member)
            assert data is not None
            content = data.read()
            found = validate(content, contract)
            independent = sum(1 for row in csv.reader(io.StringIO(content.decode("cp1252"), newline="")) if row) - 1
            assert found.accepted.num_rows + found.quarantined.num_rows == independent, member.name
            check_conservation(found)
            rows += independent
            refused += found.quarantined.num_rows
    assert (rows, refused) == (61_529, 1)
