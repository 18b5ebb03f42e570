"""A receipt is genuine to the last character, and says what the table says."""

from __future__ import annotations

import base64
import copy
import json
from http import HTTPStatus
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from cli.main import main
from ingestion.holds import release
from ingestion.receipt import signed_text
from tests.conftest import Cloud
from tests.house import ANN, a_contract_text, a_file, a_house
from tests.local.test_upload_api import fields, serving

CLAIMS = {"sub": "ann", "custom:tenant": "acme"}


def test_a_receipt_says_what_became_of_the_file_and_only_that(fresh_cloud: Cloud, tmp_path: Path) -> None:
    house = a_house(fresh_cloud.settings, tmp_path / "contracts", a_contract_text())
    first = house.send(a_file(("a", "1.00"), ("ö", "many")))
    held = house.send(a_file(("b", "1.00")), rows=2)
    refused = house.send(b"%PDF-1.7")
    with serving(house.intake, CLAIMS, []) as client:
        early = client.get(f"/v1/uploads/{first}/receipt")
        assert fields(early, HTTPStatus.CONFLICT) == {}
        house.apply()
        decision = release(house.intake, house.row(held), ANN, "seen")
        house.apply()
        got = {each: client.get(f"/v1/uploads/{each}/receipt").json() for each in (first, held, refused)}
        released = client.get(f"/v1/uploads/{decision.as_upload_id}/receipt").json()["receipt"]
        pem = client.get("/v1/receipts/key").json()["pem"]

        said = got[first]["receipt"]
        row = house.row(first)
        assert row.manifest
        assert (said["sha256"], said["seq"], said["state"]) == (row.manifest.sha256, 1, "applied")
        outcome = said["outcome"]
        assert (outcome["rows"], outcome["merged"], outcome["quarantined"], outcome["version"]) == (2, 1, 1, 1)
        assert outcome["money"]["amount"]["merged"] == "1.00"
        assert got[held]["receipt"]["decision"]["reason"] == "seen"
        assert (released["cause"]["upload_id"], len(released["outcome"]["waived"])) == (held, 1)
        assert got[refused]["receipt"]["rejection"].endswith("looks like a PDF")

        for each in got.values():
            assert client.post("/v1/receipts/verify", json=each).json() == {"genuine": True}
            verified_alone(each, pem)
        for forged in forgeries(got[first]):
            assert client.post("/v1/receipts/verify", json=forged).json() == {"genuine": False}


def verified_alone(found: dict[str, Any], pem: str) -> None:
    """As docs/receipts.md says; raises if it is not genuine."""
    key = load_pem_public_key(pem.encode())
    assert isinstance(key, EllipticCurvePublicKey)
    key.verify(base64.b64decode(found["signature"]), signed_text(found["receipt"]), ECDSA(SHA256()))


def forgeries(genuine: dict[str, Any]) -> list[dict[str, Any]]:
    """The same with one thing changed."""
    forged = [copy.deepcopy(genuine) for _ in range(4)]
    forged[0]["receipt"]["outcome"]["money"]["amount"]["merged"] = "1.01"
    forged[1]["receipt"]["added"] = None
    forged[2]["signature"] = "no base64"
    forged[3]["signature"] = base64.b64encode(b"no signature").decode()
    return forged


def test_the_command_keeps_and_verifies_a_receipt(fresh_cloud: Cloud, tmp_path: Path, capsys: Any) -> None:
    house = a_house(fresh_cloud.settings, tmp_path / "contracts", a_contract_text())
    upload_id = house.send(a_file(("a", "1.00")))
    house.apply()
    with serving(house.intake, CLAIMS, []) as client:
        environ = {**fresh_cloud.env, "LEDGERLAKE_API_URL": str(client.base_url)}
        assert main(["receipt", "show", upload_id], environ) == 0
        kept = tmp_path / "receipt.json"
        kept.write_text(capsys.readouterr().out)
        assert main(["receipt", "verify", str(kept), "--json"], environ) == 0
        assert json.loads(capsys.readouterr().out) == {"upload_id": upload_id, "genuine": True}
        kept.write_text(kept.read_text().replace("fees.csv", "cash.csv"))
        assert main(["receipt", "verify", str(kept), "--json"], environ) == 1
        assert main(["receipt", "verify", str(tmp_path), "--json"], environ) == 3
