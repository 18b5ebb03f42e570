"""A dry run says what the file then gets: on the command line, through the API, and in the end by the stream."""

from __future__ import annotations

import base64
import json
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from cli.main import main
from tests.conftest import Cloud
from tests.house import a_contract_text, a_file, a_house
from tests.local.test_upload_api import fields, serving

CLAIMS = {"sub": "ann", "custom:tenant": "acme"}
FILES: list[tuple[bytes, dict[str, Any]]] = [
    (a_file(("a", "1.00"), ("b", "2.00")), {"rows": 2, "total": "3.00"}),
    (a_file(("c", "1.00"), ("d", "many"), ("e", "5,5")), {}),
    (a_file(("f", "1.00"), ("g", "2.00")), {"rows": 3, "total": "2.99"}),
    (a_file(*((f"h{n}", "many" if n else "1.00") for n in range(5))), {}),
    (b"%PDF-1.7", {}),
    (b"id,day\nx,2026-03-31\n", {}),
    (b'id,day,amount\ni,2026-03-31,"1.00\n', {}),
]


def test_the_verdict_of_a_dry_run_is_what_the_file_then_gets(
    fresh_cloud: Cloud, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    house = a_house(fresh_cloud.settings, tmp_path / "contracts", a_contract_text(quarantineBudget="3"))
    environ = {"LEDGERLAKE_CONTRACTS": str(house.folder), "LEDGERLAKE_RAW_BUCKET": "none"}
    said: list[dict[str, Any]] = []
    with serving(house.intake, CLAIMS, []) as client:
        for number, (data, declared) in enumerate(FILES):
            path = tmp_path / f"{number}.csv"
            path.write_bytes(data)
            options = [f"--rows={declared['rows']}", f"--total=amount={declared['total']}"] if declared else []
            code = main(["check", str(path), "--dataset", "fees", "--json", *options], environ)
            said.append(json.loads(capsys.readouterr().out))
            assert code == (0 if said[-1]["state"] == "applied" else 1)
            totals = {"amount": declared["total"]} if declared else {}
            told = {"declared_rows": declared.get("rows"), "declared_totals": totals}
            body = {"content": base64.b64encode(data).decode(), **told}
            answer = client.post("/v1/datasets/fees/check", json=body).json()
            assert answer == said[-1]
    ids = [house.send(data, **declared) for data, declared in FILES]
    house.apply()
    assert [each["state"] for each in said] == ["applied", "applied", "held", "held", "rejected", "rejected", "held"]
    for found, upload_id in zip(said, ids, strict=True):
        row = house.row(upload_id)
        assert found["state"] == row.state
        if row.outcome:
            assert found["reasons"] == row.outcome.held
            assert found["rows"] == row.outcome.rows
        if row.state == "applied":
            assert row.outcome
            assert found["refused"] == row.outcome.quarantined
            kept = house.query(f"SELECT row, raw, reasons FROM quarantine WHERE upload_id = '{upload_id}' ORDER BY row")  # noqa: S608
            assert found["shown"] == kept
        if row.rejection:
            assert found["reasons"] == [f"{row.rejection.check}: {row.rejection.message}"]


def test_a_dry_run_that_makes_no_sense_names_the_field(fresh_cloud: Cloud, tmp_path: Path) -> None:
    house = a_house(fresh_cloud.settings, tmp_path / "contracts", a_contract_text())
    with serving(house.intake, CLAIMS, []) as client:
        bad = client.post("/v1/datasets/fees/check", json={"content": "*"})
        assert set(fields(bad, HTTPStatus.UNPROCESSABLE_ENTITY)) == {"content"}
        bad = client.post("/v1/datasets/fees/check", json={"content": "", "declared_totals": {"amount": "1e3"}})
        assert set(fields(bad, HTTPStatus.UNPROCESSABLE_ENTITY)) == {"declared_totals.amount"}
        bad = client.post("/v1/datasets/nothing/check", json={"content": ""})
        assert fields(bad, HTTPStatus.NOT_FOUND) == {}
