"""Drafts of contracts for real files are good by the rules of contracts, and take the files they were drafted from."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from ingestion.dry_run import DryRun, dry_run
from tables.contract import Contract
from tables.odcs import load
from tests.laws.histories import NOON
from validation.infer import infer

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("LEDGERLAKE_TEST_DATA", ROOT.parent / "shared" / "data"))
FTD = DATA / "sec_ftd" / "cnsfails202009a.zip"
LEEDS = DATA / "uk_spend_leeds" / "leeds_raw.zip"
OXFORD = DATA / "uk_spend_oxford" / "data.tar.xz"


def drafted(data: bytes) -> tuple[Contract, DryRun]:
    contract = load(infer(data, "sample"), "sample.yaml")
    found = dry_run(io.BytesIO(data), contract, NOON)
    assert found.state == "applied", found.reasons
    return contract, found


@pytest.mark.skipif(not FTD.exists(), reason=f"no sec_ftd under {DATA}")
def test_only_the_trailers_of_fails_to_deliver_are_no_rows_of_the_draft() -> None:
    contract, found = drafted(FTD.read_bytes())
    assert (contract.file.delimiter, contract.primary_key) == ("|", ("settlement_date", "cusip"))
    assert [each["raw"][:7] for each in found.shown] == ["Trailer", "Trailer"]
    assert (found.rows, found.refused) == (43149, 2)


@pytest.mark.skipif(not LEEDS.exists(), reason=f"no uk_spend_leeds under {DATA}")
def test_lines_that_end_in_many_commas_have_the_columns_that_are_named() -> None:
    with zipfile.ZipFile(LEEDS) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith("2011-03.csv"))
        contract, found = drafted(archive.read(name))
    assert [column.name for column in contract.columns][-3:] == ["net_amount", "capital_or_revenue", "supplier_name"]
    assert (contract.money, contract.column("date_paid").formats) == (("net_amount",), ("%d-%b-%Y",))
    assert (found.rows, found.refused) == (11024, 0)


@pytest.mark.skipif(not OXFORD.exists(), reason=f"no uk_spend_oxford under {DATA}")
def test_spending_of_one_council_is_good_under_its_draft() -> None:
    with tarfile.open(OXFORD) as archive:
        member = archive.extractfile(next(each for each in archive if each.name.endswith("apr-jun-2014.csv")))
        assert member
        contract, found = drafted(member.read())
    assert (contract.primary_key, found.rows, found.refused) == (("trans_no",), 3836, 0)
