"""A draft of a contract is good by the rules of contracts, and its sample by the draft."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.main import main
from ingestion.dry_run import dry_run
from ledgerlake.errors import RejectedError
from tables.contract import Contract, Kind
from tables.odcs import load
from tests.laws.histories import NOON
from validation.infer import infer


def drafted(data: bytes) -> tuple[Contract, str]:
    """The contract drafted from a sample, which is good under it to the last row."""
    text = infer(data, "sample")
    contract = load(text, "sample.yaml")
    found = dry_run(io.BytesIO(data), contract, NOON)
    assert (found.state, found.refused, found.reasons) == ("applied", 0, ()), (found, text)
    return contract, text


def test_each_type_is_the_first_that_reads_every_cell_and_says_why() -> None:
    contract, text = drafted(
        b"Payment ID,booked,valued,amount,branch,open,at,rate,note\n"
        b"P1,2026-03-31,31.03.2026,12.50,007,yes,2026-03-31T10:00:00Z,1.2345,\n"
        b"P2,2026-04-01,01.04.2026,-3,042,no,2026-03-31T10:00:00+02:00,2,N/A\n"
    )
    kinds = [Kind.STRING, Kind.DATE, Kind.DATE, Kind.DECIMAL, Kind.STRING, Kind.BOOLEAN, Kind.TIMESTAMP, Kind.DECIMAL]
    assert [column.kind for column in contract.columns] == [*kinds, Kind.STRING]
    assert [column.required for column in contract.columns] == [True] * 8 + [False]
    assert (contract.mode, contract.primary_key, contract.money) == ("upsert", ("payment_id",), ("amount",))
    assert contract.column("payment_id").aliases == ("Payment ID",)
    assert contract.column("valued").formats == ("%d.%m.%Y",)
    assert contract.file.null_tokens == ("", "N/A")
    assert "- name: branch  # guess: numbers with leading zeros are names; no cell of 2 is empty" in text
    assert "# guess: no two rows share payment_id" in text


def test_preamble_delimiter_and_encoding_are_found() -> None:
    contract, text = drafted("Report of März\n\nKonto;Betrag;Zweck\n1;2.50;für\n2;3.75;fürs\n".encode("cp1252"))
    assert (contract.file.delimiter, contract.file.header, contract.file.encodings) == (";", 3, ("cp1252",))
    assert contract.money == ("betrag",)
    assert text.count("# guess: ") == 3 + 1 + 3


def test_a_compressed_sample_and_json_lines_are_read_alike() -> None:
    rows = [{"id": 1, "amount": 2.5, "ok": True}, {"id": 2, "amount": None, "ok": False}]
    contract, _ = drafted(gzip.compress("".join(f"{json.dumps(row)}\n" for row in rows).encode()))
    assert contract.file.name == "jsonl"
    assert [column.required for column in contract.columns] == [True, False, True]


def test_two_columns_may_be_the_key_and_none_makes_it_append() -> None:
    contract, _ = drafted(b"day,branch\n2026-01-01,1\n2026-01-01,2\n2026-01-02,1\n")
    assert contract.primary_key == ("day", "branch")
    contract, text = drafted(b"day,branch\n2026-01-01,1\n2026-01-01,1\n")
    assert contract.mode == "append"
    assert "no column or two tell rows apart" in text


@pytest.mark.parametrize("data", [b"PAR1....", b"1,2\n3,4\n", b"", b"\xff\xfe\x00"])
def test_what_has_no_header_is_refused(data: bytes) -> None:
    with pytest.raises(RejectedError):
        infer(data, "sample")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60) | st.text(',;\n"a1{}:[] ', max_size=40).map(str.encode))
def test_any_bytes_are_refused_or_become_a_good_contract(data: bytes) -> None:
    try:
        text = infer(data, "sample")
    except RejectedError:
        return
    assert load(text, "sample.yaml").dataset == "sample"


names = st.lists(st.text("abcXYZ äß_#:", min_size=1, max_size=8).filter(str.strip), min_size=2, max_size=5)
cells = st.sampled_from(
    ["", "1", "01", "2.50", "-3", "1e5", "NULL", "2026-02-30", "2026-02-28", "31/12/2026", "yes", "a", "-"]
)


@settings(max_examples=50, deadline=None)
@given(names, st.data(), st.sampled_from([",", ";", "\t", "|"]))
def test_any_table_is_good_under_its_draft(headers: list[str], data: st.DataObject, delimiter: str) -> None:
    unique = list({name.strip().casefold(): name for name in headers}.values())
    if len(unique) < 2:
        return
    row = st.lists(cells, min_size=len(unique), max_size=len(unique)).filter(any)
    rows = data.draw(st.lists(row, min_size=1, max_size=6))
    text = "\n".join(delimiter.join(each) for each in [unique, *rows]) + "\n"
    drafted(text.encode())


def test_the_command_prints_a_draft_that_lints_and_checks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sample, draft = tmp_path / "Broker fees 2026.csv", tmp_path / "draft.yaml"
    sample.write_text("id,fee\nA,1.50\nB,2.50\n")
    assert main(["contracts", "infer", str(sample)], {}) == 0
    draft.write_text(capsys.readouterr().out)
    assert load(draft.read_text(), "draft.yaml").dataset == "broker_fees_2026"
    assert main(["contracts", "lint", str(draft), "--json"], {}) == 0
    assert main(["check", str(sample), "--contract", str(draft), "--json"], {}) == 0
    assert main(["contracts", "infer", str(sample), "--dataset", "Q 1", "--json"], {}) == 3
