"""Real files whose shape changes: a wide one with currencies that come and go, and full states under three headers."""

from __future__ import annotations

import csv
import io
import json
import os
import tarfile
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tables.contract import Contract
from tables.odcs import load
from validation.formats import delimited
from validation.validate import check_conservation, judge, parts, validate, verdict

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("LEDGERLAKE_TEST_DATA", ROOT.parent / "shared" / "data"))
ECB, SP500 = DATA / "ecb_fx_vintages", DATA / "sp500_snapshots"


def _contract(name: str) -> Contract:
    path = ROOT / "tests" / "contracts" / f"{name}.yaml"
    return load(path.read_text(), path.name)


def _files(archive: Path) -> dict[str, bytes]:
    found = {}
    with tarfile.open(archive) as opened:
        for member in opened:
            content = opened.extractfile(member)
            if content is not None:
                found[Path(member.name).name] = content.read()
    return found


def _index(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "index.json").read_text())
    return found


def _unzipped(data: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(archive.namelist()[0]).decode()


@pytest.fixture(scope="module")
def vintages() -> list[tuple[dict[str, Any], bytes]]:
    """Each vintage with its entry in the index, in order."""
    if not ECB.exists():
        pytest.skip(f"no ecb_fx_vintages under {DATA}")
    files = sorted(_files(ECB / "vintages.tar.xz").items())
    return list(zip(_index(ECB), [data for _, data in files], strict=True))


def test_every_vintage_of_the_euro_rates_has_exactly_its_cells(vintages: list[tuple[dict[str, Any], bytes]]) -> None:
    contract = _contract("ecb_fx")
    for entry, data in vintages:
        found = validate(data, contract)
        assert (found.held, found.quarantined.num_rows) == ((), 0)
        assert (found.accepted.num_rows, found.totals.rows) == (entry["cells"], entry["cells"])
        check_conservation(found)
    assert len(vintages) == 16


def test_the_parts_of_a_vintage_are_its_cells_in_order(vintages: list[tuple[dict[str, Any], bytes]]) -> None:
    contract, (entry, data) = _contract("ecb_fx"), vintages[-1]
    text = _unzipped(data)
    header, *lines = csv.reader(io.StringIO(text))
    wanted = [
        (line[0], name, Decimal(cell), number)
        for number, line in enumerate(lines, 2)
        for name, cell in zip(header[1:], line[1:], strict=True)
        if cell not in {"", "N/A"}
    ]
    cut = judge(delimited.split(io.BytesIO(text.encode()), contract, chunk=100_000, tail=1000), contract)
    for found in (verdict(parts(io.BytesIO(data), contract), contract), verdict(cut, contract)):
        rows = zip(*(found.accepted[name].to_pylist() for name in ("date", "currency", "rate", "_row")), strict=True)
        assert [(str(day), name, rate, number) for day, name, rate, number in rows] == wanted
    assert len(wanted) == entry["cells"]


@pytest.mark.skipif(not SP500.exists(), reason=f"no sp500_snapshots under {DATA}")
def test_every_state_of_the_index_is_read_under_its_own_header() -> None:
    contract, files, rows = _contract("sp500"), _files(SP500 / "snapshots.tar.xz"), 0
    for entry in _index(SP500):
        found = validate(files[entry["file"]], contract)
        assert (found.held, found.quarantined.num_rows) == ((), 0)
        assert found.accepted.num_rows == entry["rows"], entry["file"]
        symbols = {line.split(",")[0] for line in files[entry["file"]].decode().splitlines()[1:]}
        assert set(found.accepted["symbol"].to_pylist()) == symbols
        rows += entry["rows"]
    assert (len(files), rows) == (190, sum(entry["rows"] for entry in _index(SP500)))
