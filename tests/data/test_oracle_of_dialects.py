"""DuckDB reads by itself what is written in many dialects: counts and sums of every file are the same, to the penny."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.compute as pc
import pytest

from tables.contract import Contract
from tables.odcs import load
from validation.validate import validate

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("LEDGERLAKE_TEST_DATA", ROOT.parent / "shared" / "data"))
Ask = Callable[[bytes, str], tuple[Any, ...]]
LINES = (
    "read_csv($file, all_varchar=true, quote='\"', escape='\"', null_padding=true, strict_mode=false, parallel=false, "
)
NAMED, BARE = f"{LINES} header=true)", f"{LINES} header=false, skip=0)"
POUNDS = "sum(regexp_replace({}, '[£, ]', '', 'g')::DECIMAL(18,2))"


def _contract(name: str) -> Contract:
    path = ROOT / "tests" / "contracts" / f"{name}.yaml"
    return load(path.read_text(), path.name)


def _files(archive: Path, ending: str = ".csv", part: str = "") -> dict[str, bytes]:
    """Files of an archive by their path in it; those without a byte are none."""
    if not archive.exists():
        pytest.skip(f"no {archive}")
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as opened:
            found = {name: opened.read(name) for name in opened.namelist()}
    else:
        with tarfile.open(archive) as tar:
            found = {each.name: file.read() for each in tar if (file := tar.extractfile(each))}
    return {name: found[name] for name in sorted(found) if name.endswith(ending) and part in name and found[name]}


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """What DuckDB answers about a file, in UTF-8 as it wants it; `$file` in the question is the file."""
    connection, file = duckdb.connect(), tmp_path / "file"

    def asked(content: bytes, question: str) -> tuple[Any, ...]:
        try:
            text = content.decode()
        except UnicodeDecodeError:
            text = content.decode("cp1252", "replace")
        file.write_text(text, "utf-8", newline="")
        found = connection.execute(question, {"file": str(file)}).fetchone()
        assert found is not None
        return found

    return asked


def _chosen(pattern: str) -> str:
    """The column whose name matches, whatever its case and blanks."""
    return f"COLUMNS(c -> regexp_matches(c, '(?i)^\\W*{pattern}\\W*$'))"


@pytest.mark.parametrize(("state", "row"), [("raw", "transaction ?number"), ("processed", "(net ?)?amount")])
def test_every_month_of_leeds(ask: Ask, state: str, row: str) -> None:
    """A row is what has a number of its own; what was processed has neither blank rows nor grand totals."""
    contract, rows = _contract("uk_spend_leeds"), 0
    picked = f"SELECT {_chosen(row)} AS row, {_chosen('(net ?)?amount')} AS amount FROM {NAMED}"  # noqa: S608  # fixed words
    question = f"SELECT count(*), {POUNDS.format('trim(amount)')} FROM ({picked}) WHERE trim(row) <> ''"  # noqa: S608  # fixed words
    months = {Path(name).name for name in _files(DATA / "uk_spend_leeds" / "leeds_raw.zip")}
    for name, content in _files(DATA / "uk_spend_leeds" / f"leeds_{state}.zip").items():
        if Path(name).name in months:
            found = validate(content, contract)
            assert ask(content, question) == (found.totals.rows, found.totals.money["net_amount"]), name
            rows += found.totals.rows
    assert rows == 361_446


def test_every_month_of_lambeth_and_its_grand_total(ask: Ask) -> None:
    contract, totals, rows = _contract("uk_spend_lambeth"), 0, 0
    heads = "('Supplier Name', 'Sum of Invoice Nett Amount', 'Grand Total', '')"
    for name, content in _files(DATA / "uk_spend_lambeth" / "lambeth.tar.xz", part="v1_as_published").items():
        late = "2012-06" in name  # another report, with its amounts in the fifth column
        amount, row = ("column4", "column0 = 'Lambeth'") if late else ("column1", f"trim(column0) NOT IN {heads}")
        total = f"FILTER (WHERE trim(column0) = '{'Total' if late else 'Grand Total'}')"
        pounds = POUNDS.format(f"CASE WHEN {row} THEN {amount} END")
        declared = f"regexp_replace(any_value({amount}) {total}, '[£, ]', '', 'g')::DECIMAL(18,2)"
        counted, summed, grand = ask(content, f"SELECT count(*) FILTER (WHERE {row}), {pounds}, {declared} FROM {BARE}")  # noqa: S608  # fixed words
        found = validate(content, contract)
        assert (counted, summed) == (found.totals.rows, found.totals.money["amount"]), name
        assert grand == (None if found.held else summed), name
        totals, rows = totals + (grand is not None), rows + counted
    assert (totals, rows) == (16, 19_068)


def test_every_vintage_of_the_euro_rates(ask: Ask) -> None:
    contract = _contract("ecb_fx")
    files = _files(DATA / "ecb_fx_vintages" / "vintages.tar.xz", ".zip")
    assert len(files) == 16
    for name, content in files.items():
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            text = archive.read(archive.namelist()[0])
        cells = f"(UNPIVOT (FROM {NAMED}) ON COLUMNS(* EXCLUDE Date) INTO NAME currency VALUE rate)"
        question = f"SELECT count(*), sum(rate::DECIMAL(18,6)), count(DISTINCT currency), min(Date)::DATE FROM {cells}"  # noqa: S608  # fixed words
        accepted = validate(content, contract).accepted
        assert ask(text, f"{question} WHERE rate NOT IN ('', 'N/A')") == (
            accepted.num_rows,
            pc.sum(accepted["rate"]).as_py(),
            len(accepted["currency"].unique()),
            pc.min(accepted["date"]).as_py(),
        ), name


def test_every_state_of_the_index(ask: Ask) -> None:
    contract = _contract("sp500")
    files = _files(DATA / "sp500_snapshots" / "snapshots.tar.xz")
    assert len(files) == 190
    columns = {f"column{at}": "VARCHAR" for at in range(9)}
    read = f"{LINES} header=false, auto_detect=false, columns={columns})"
    question = f"SELECT count(*) - 1, sum(length(column0)) - 6, min(column0) FROM {read}"  # noqa: S608  # fixed words
    for name, content in files.items():
        symbols = validate(content, contract).accepted["symbol"]
        wanted = (len(symbols), pc.sum(pc.utf8_length(symbols)).as_py(), pc.min(symbols).as_py())
        assert ask(content, question) == wanted, name


def test_fails_to_deliver_whose_trailers_somebody_removed(ask: Ask) -> None:
    contract, rows = _contract("sec_ftd"), 0
    read = "read_csv($file, delim='|', quote='', header=true, all_varchar=true, nullstr='')"
    files = _files(DATA / "sec_ftd" / "raw_no_trailer.zip", ".txt")
    for name, content in files.items():
        found = validate(content, contract)
        assert [why.partition(" matches ")[0] for why in found.held] == ["no trailer line"] * 2, name
        question = f'SELECT count(*), sum("QUANTITY (FAILS)"::DECIMAL(18,0)) FROM {read}'  # noqa: S608  # fixed words
        assert ask(content, question) == (found.totals.rows, found.totals.money["quantity"]), name
        rows += found.totals.rows
    assert (len(files), rows) == (4, 230_659)


def test_every_ofx_statement(ask: Ask) -> None:
    contract = _contract("bank_statements")
    contract = replace(contract, file=replace(contract.file, name="ofx"))
    files = _files(DATA / "bank_statements" / "bank_statements.tar.xz", ".ofx")
    assert len(files) == 24
    amounts = (
        r"SELECT unnest(regexp_extract_all(content, '<TRNAMT>\s*([-+0-9.,]+)', 1)) AS amount FROM read_text($file)"
    )
    summed = "coalesce(sum(replace(amount, ',', '.')::DECIMAL(18,4)), 0)"
    for name, content in files.items():
        found = validate(content, contract)
        assert ask(content, f"SELECT {summed} FROM ({amounts})") == (found.totals.money["amount"],), name  # noqa: S608  # fixed words
