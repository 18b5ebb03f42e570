"""DuckDB reads the same real files by itself: counts and sums are the same, and so are the rows that break a rule."""

from __future__ import annotations

import os
import re
import tarfile
import zipfile
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree as ET

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tables.contract import Contract, RuleUse
from tables.odcs import load
from tables.reference import currencies
from validation.known import Known
from validation.rules import RULES
from validation.rules.keys import Keys
from validation.validate import Declared, validate

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("LEDGERLAKE_TEST_DATA", ROOT.parent / "shared" / "data"))
FTD = sorted((DATA / "sec_ftd").glob("cnsfails*.zip"))
OXFORD = DATA / "uk_spend_oxford" / "data.tar.xz"
CUSIPS = DATA / "reference" / "sec_cusip_ticker.parquet"
ISO_4217 = DATA / "reference" / "iso4217_table_2026-01-01.xml"
STATEMENTS = DATA / "bank_statements" / "bank_statements.tar.xz"
FTD_TYPES = {
    "day": "DATE",
    "cusip": "VARCHAR",
    "symbol": "VARCHAR",
    "quantity": "DECIMAL(18,0)",
    "description": "VARCHAR",
    "price": "DECIMAL(18,4)",
}


def _contract(name: str) -> Contract:
    path = ROOT / "tests" / "contracts" / f"{name}.yaml"
    return load(path.read_text(), path.name)


@pytest.fixture(scope="module")
def ftd(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """All fails-to-deliver as DuckDB reads them, with the number of their file."""
    if not FTD:
        pytest.skip(f"no sec_ftd under {DATA}")
    folder = tmp_path_factory.mktemp("ftd")
    for number, path in enumerate(FTD):
        with zipfile.ZipFile(path) as archive:
            data = archive.read(archive.namelist()[0])
        (folder / f"{number:02}.txt").write_text(data[: data.index(b"Trailer record")].decode("cp1252"), "utf-8")
    connection = duckdb.connect()
    how = f"delim='|', quote='', header=true, nullstr=['', '.'], dateformat='%Y%m%d', columns={FTD_TYPES}"
    connection.execute(
        f"CREATE TABLE fails AS SELECT *, filename[-6:-5]::INT AS file FROM read_csv(?, filename=true, {how})",  # noqa: S608  # fixed words
        [f"{folder}/*.txt"],
    )
    return connection


def test_fails_to_deliver_have_the_counts_and_sums_that_duckdb_finds(ftd: duckdb.DuckDBPyConnection) -> None:
    contract = _contract("sec_ftd")
    contract = replace(
        contract, columns=tuple(replace(each, money=each.money or each.name == "price") for each in contract.columns)
    )
    for number, path in enumerate(FTD):
        found = validate(path.read_bytes(), contract)
        wanted = ftd.execute(
            "SELECT count(*), sum(quantity), sum(price), min(day), max(day), count(DISTINCT cusip) "
            "FROM fails WHERE file = ?",
            [number],
        ).fetchone()
        days = found.accepted["settlement_date"].to_pylist()
        assert wanted == (
            found.accepted.num_rows,
            found.totals.money["quantity"],
            found.totals.money["price"],
            min(days),
            max(days),
            len(found.accepted["cusip"].unique()),
        )


@pytest.mark.skipif(not CUSIPS.exists(), reason=f"no reference under {DATA}")
def test_cusips_that_the_reference_does_not_have_are_those_that_duckdb_misses(ftd: duckdb.DuckDBPyConnection) -> None:
    known = pq.read_table(CUSIPS)["Cusip"].cast(pa.string()).combine_chunks()
    ftd.execute("CREATE TABLE known AS SELECT Cusip AS cusip FROM read_parquet(?)", [str(CUSIPS)])
    contract, use = _contract("sec_ftd"), RuleUse("foreign_key", (("dataset", "securities"), ("column", "cusip")))
    columns = (replace(each, rules=(use,)) if each.name == "cusip" else each for each in contract.columns)
    contract, missed = replace(contract, columns=tuple(columns)), 0
    for number, path in enumerate(FTD):
        found = validate(path.read_bytes(), contract, Declared(), Known(None, {use: Keys(known)}))
        refused = sorted(reason["value"] for row in found.quarantined["reasons"].to_pylist() for reason in row)
        wanted = ftd.execute(
            "SELECT cusip FROM fails WHERE file = ? AND cusip NOT IN (SELECT cusip FROM known) ORDER BY cusip", [number]
        ).fetchall()
        assert refused == [cusip for (cusip,) in wanted]
        assert found.held == ()
        missed += len(refused)
    assert missed == 137


@pytest.mark.skipif(not CUSIPS.exists(), reason=f"no reference under {DATA}")
def test_the_check_digits_of_real_cusips_are_right(ftd: duckdb.DuckDBPyConnection) -> None:
    cusips = [cusip for (cusip,) in ftd.execute("SELECT DISTINCT cusip FROM fails").fetchall()]
    fine = RULES["cusip"].check(pa.array(cusips, pa.string()))
    assert isinstance(fine, pa.BooleanArray)
    assert fine.to_pylist().count(False) == 0
    assert len(fine) > 15_000


@pytest.mark.skipif(not OXFORD.exists(), reason=f"no uk_spend_oxford under {DATA}")
def test_every_quarter_of_oxford_has_the_rows_and_the_pence_that_duckdb_finds(tmp_path: Path) -> None:
    contract, rows, total = _contract("uk_spend_oxford"), 0, Decimal(0)
    with tarfile.open(OXFORD) as archive, duckdb.connect() as connection:
        for member in (member for member in archive if member.isfile()):
            content = archive.extractfile(member)
            assert content is not None
            data = content.read()
            found = validate(data, contract)
            file = tmp_path / "file.csv"
            file.write_text(data.decode("cp1252"), "utf-8", newline="")
            read = "read_csv(?, all_varchar=true, header=true, null_padding=true, strict_mode=false)"
            names = [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {read}", [str(file)]).fetchall()]  # noqa: S608  # fixed words
            (amount,) = (name for name in names if name.strip().lower() == "amount")
            given = ", ".join(f"trim({_quoted(name)})" for name in names)
            wanted = connection.execute(
                f"SELECT count(*), sum(trim({_quoted(amount)})::DECIMAL(18,2)) FROM {read} "  # noqa: S608  # of their own header
                f"WHERE concat({given}) <> ''",
                [str(file)],
            ).fetchone()
            assert wanted == (found.totals.rows, found.totals.money["amount"]), member.name
            rows, total = rows + found.totals.rows, total + found.totals.money["amount"]
    assert rows == 61_529
    assert total


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@pytest.mark.skipif(not ISO_4217.exists(), reason=f"no reference under {DATA}")
def test_currencies_are_those_of_the_table_of_2026() -> None:
    entries = ET.parse(ISO_4217).getroot().iter("CcyNtry")  # noqa: S314  # a file of our own
    units = {entry.findtext("Ccy"): entry.findtext("CcyMnrUnts") or "" for entry in entries if entry.findtext("Ccy")}
    assert currencies() == {
        code: int(digits) if re.fullmatch(r"\d", digits) else None for code, digits in units.items()
    }


@pytest.mark.skipif(not ISO_4217.exists() or not STATEMENTS.exists(), reason=f"no reference under {DATA}")
def test_the_table_of_currencies_is_a_foreign_key_of_bank_statements() -> None:
    entries = ET.parse(ISO_4217).getroot().iter("CcyNtry")  # noqa: S314  # a file of our own
    known = pa.array(sorted({code for entry in entries if (code := entry.findtext("Ccy"))}), pa.string())
    contract, use = (
        _contract("bank_statements"),
        RuleUse("foreign_key", (("dataset", "currencies"), ("column", "code"))),
    )
    columns = (replace(each, rules=(use,)) if each.name == "currency" else each for each in contract.columns)
    contract, found = replace(contract, columns=tuple(columns)), dict[str, int]()
    for name, content in _statements().items():
        form = replace(contract, file=replace(contract.file, name="ofx" if name.endswith(".ofx") else "mt940"))
        verdict = validate(content, form, Declared(), Known(None, {use: Keys(known)}))
        assert set(verdict.accepted["currency"].to_pylist()) <= {*known.to_pylist(), None}, name
        for reason in (each for row in verdict.quarantined["reasons"].to_pylist() for each in row):
            if reason["rule"] == "foreign_key":
                found[reason["value"]] = found.get(reason["value"], 0) + 1
    assert found == {"DEM": 20}  # the mark is no currency any more


def _statements() -> dict[str, bytes]:
    with tarfile.open(STATEMENTS) as archive:
        members = [each for each in archive if each.name.endswith((".sta", ".ofx"))]
        return {each.name: file.read() for each in members if (file := archive.extractfile(each))}
