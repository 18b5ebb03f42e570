"""The upload API over real HTTP, with the tenants' claims as an authorizer would prove them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx
import pytest
import uvicorn

from ingestion.admission import admit
from ingestion.handlers.upload_api import build
from ingestion.handlers.upload_api_local import asgi
from ingestion.intake import Intake
from ingestion.triggers import LandedObject
from ledgerlake.errors import TransientError
from ledgerlake.layout import LANDING_PREFIX, landing_key
from tests.conftest import Cloud
from tests.local.clients import CONTEXT, DATASET, a_file, an_intake, objects

CLAIMS = {"sub": "alice", "custom:tenant": "acme"}


@contextmanager
def serving(
    intake: Intake, claims: dict[str, str], lines: list[str], others: dict[str, dict[str, str]] | None = None
) -> Iterator[httpx.Client]:
    """The API on a free port of 127.0.0.1; whoever calls it has these claims, unless they are one of the others."""
    app = asgi(intake.settings, intake.aws, claims, others, emit=lines.append)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


@dataclass(frozen=True)
class Tenants:
    """Two tenants before the same installation, and somebody whose token names none."""

    intake: Intake
    acme: httpx.Client
    globex: httpx.Client
    nobody: httpx.Client
    lines: list[str]


@pytest.fixture
def tenants(fresh_cloud: Cloud) -> Iterator[Tenants]:
    lines: list[str] = []
    intake = an_intake(fresh_cloud, multipart_bytes=5 * 1024**2)
    with ExitStack() as stack:
        acme, globex, nobody = (
            stack.enter_context(serving(intake, claims, lines))
            for claims in (CLAIMS, {"sub": "bob", "custom:tenant": "globex"}, {"sub": "carol"})
        )
        yield Tenants(intake, acme, globex, nobody, lines)


def a_body(data: bytes, **changes: Any) -> dict[str, Any]:
    """What a client would ask."""
    return {
        "dataset": DATASET,
        "file_name": "march.csv",
        "size": len(data),
        "content_type": "text/csv",
        "sha256": hashlib.sha256(data).hexdigest(),
        **changes,
    }


def put(granted: dict[str, Any], data: bytes) -> None:
    """Sends the file as the answer says."""
    for step in granted["steps"]:
        answer = httpx.request(
            step["method"],
            step["url"],
            headers=step["headers"],
            content=data[step["offset"] : step["offset"] + step["size"]],
        )
        assert answer.is_success, answer.text


def fields(answer: httpx.Response, status: HTTPStatus) -> dict[str, str]:
    """The fields at fault in a problem document, with their messages."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == status
    assert document["title"] == status.phrase
    assert document["detail"]
    return {each["field"]: each["message"] for each in document.get("errors", [])}


def test_a_stranger_asks_sends_and_sees_what_became_of_it(tenants: Tenants) -> None:
    data = a_file()
    answer = tenants.acme.post("/v1/uploads", json=a_body(data, declared_rows=3))
    assert answer.status_code == HTTPStatus.CREATED, answer.text
    granted = answer.json()
    assert granted["complete"] is None
    assert tenants.acme.get(granted["status"]).json()["state"] == "granted"
    put(granted, data)
    intake, upload_id = tenants.intake, granted["upload_id"]
    admit(intake, LandedObject(intake.settings.landing_bucket, landing_key(DATASET, upload_id)))
    shown = tenants.acme.get(granted["status"]).json()
    assert (shown["state"], shown["seq"], shown["reasons"], shown["outcome"]) == ("accepted", 1, [], None)
    assert [stage["stage"] for stage in shown["stages"]] == ["granted", "landed", "accepted"]
    assert sorted(stage["at"] for stage in shown["stages"]) == [stage["at"] for stage in shown["stages"]]
    row = intake.ledger.read(upload_id)
    assert row
    assert row.grant
    assert (row.grant.principal, row.grant.tenant, row.grant.source_ip) == ("alice", "acme", "127.0.0.1")
    assert json.loads(tenants.lines[0])["uploads_granted"] == 1


def test_a_rejected_upload_shows_its_reason(tenants: Tenants) -> None:
    data = b"%PDF-1.7"
    granted = tenants.acme.post("/v1/uploads", json=a_body(data)).json()
    put(granted, data)
    admit(
        tenants.intake,
        LandedObject(tenants.intake.settings.landing_bucket, landing_key(DATASET, granted["upload_id"])),
    )
    shown = tenants.acme.get(granted["status"]).json()
    assert shown["state"] == "rejected"
    assert shown["reasons"] == [{"check": "format", "message": "payments takes csv files; this one looks like a PDF"}]
    assert [stage["stage"] for stage in shown["stages"]] == ["granted", "landed", "rejected"]


def test_what_is_another_tenants_does_not_exist(tenants: Tenants) -> None:
    granted = tenants.acme.post("/v1/uploads", json=a_body(a_file())).json()
    unknown = "01990000-0000-7000-8000-000000000000"
    for path in (granted["status"], f"/v1/uploads/{unknown}", "/v1/uploads/no-id"):
        assert fields(tenants.globex.get(path), HTTPStatus.NOT_FOUND) == {}
    assert fields(tenants.globex.post(f"{granted['status']}/complete"), HTTPStatus.NOT_FOUND) == {}
    hidden = tenants.globex.get(granted["status"]).text.replace(granted["upload_id"], unknown)
    assert hidden == tenants.globex.get(f"/v1/uploads/{unknown}").text
    assert tenants.globex.get("/v1/uploads", params={"dataset": DATASET}).json() == {"uploads": [], "next": None}


def test_a_token_without_a_tenant_is_refused(tenants: Tenants) -> None:
    for answer in (tenants.nobody.get("/v1/datasets"), tenants.nobody.post("/v1/uploads", json=a_body(a_file()))):
        assert fields(answer, HTTPStatus.UNAUTHORIZED) == {}
        assert "custom:tenant" in answer.json()["detail"]


def test_every_field_at_fault_is_named_at_once(tenants: Tenants) -> None:
    answer = tenants.acme.post(
        "/v1/uploads",
        json=a_body(
            b"",
            dataset="paiments",
            file_name="../a\u202ebc",
            sha256="12",
            content_type="csv",
            declared_rows=-1,
        ),
    )
    assert fields(answer, HTTPStatus.UNPROCESSABLE_ENTITY) == {
        "dataset": "no dataset 'paiments'; did you mean 'payments'?",
        "file_name": "must be a name without folders; character 3 is '/'",
        "size": "must lie in 1..5368709120 bytes, not 0",
        "sha256": "must be the file's SHA-256 as 64 hexadecimal digits",
        "content_type": "must be a media type, for example text/csv",
        "declared_rows": "must be 0 or more, not -1",
    }
    answer = tenants.acme.post("/v1/uploads", json=a_body(a_file(), declared_totals={"amount": "1e3", "fee": "1"}))
    assert fields(answer, HTTPStatus.UNPROCESSABLE_ENTITY) == {
        "declared_totals.amount": 'must be a plain decimal text, for example "-1234.50"',
        "declared_totals.fee": "is no total of payments; those are amount, opening(amount), closing(amount)",
    }


def test_a_body_of_another_form_names_its_fields(tenants: Tenants) -> None:
    body = a_body(a_file(), size="1", extra=1)
    del body["sha256"]
    assert set(fields(tenants.acme.post("/v1/uploads", json=body), HTTPStatus.UNPROCESSABLE_ENTITY)) == {
        "size",
        "sha256",
        "extra",
    }
    for content in (b"{", b"", b"\xff", b"[]", b"null"):
        answer = tenants.acme.post("/v1/uploads", content=content, headers={"Content-Type": "application/json"})
        assert fields(answer, HTTPStatus.UNPROCESSABLE_ENTITY), content
    answer = tenants.acme.post("/v1/uploads", content=b"a=1", headers={"Content-Type": "text/plain"})
    assert set(fields(answer, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)) == {"Content-Type"}
    answer = tenants.acme.get("/v1/uploads", params={"dataset": DATASET, "limit": 0})
    assert set(fields(answer, HTTPStatus.UNPROCESSABLE_ENTITY)) == {"limit"}
    assert fields(tenants.acme.get("/v2/nothing"), HTTPStatus.NOT_FOUND) == {}


def test_a_large_file_is_granted_in_parts_and_joined_on_request(tenants: Tenants) -> None:
    data = a_file(rows=0) + b"\n" * (5 * 1024**2)
    granted = tenants.acme.post("/v1/uploads", json=a_body(data)).json()
    assert len(granted["steps"]) == 2  # 5 MiB, and the header's length
    missing = fields(tenants.acme.post(granted["complete"]), HTTPStatus.UNPROCESSABLE_ENTITY)
    assert missing["parts"].startswith("part 1 is missing")
    put(granted, data)
    for _ in range(2):
        assert tenants.acme.post(granted["complete"]).json()["upload_id"] == granted["upload_id"]
    landed = objects(tenants.intake, tenants.intake.settings.landing_bucket, LANDING_PREFIX)
    assert landed == {landing_key(DATASET, granted["upload_id"]): data}
    whole = tenants.acme.post("/v1/uploads", json=a_body(a_file())).json()
    assert set(fields(tenants.acme.post(f"{whole['status']}/complete"), HTTPStatus.UNPROCESSABLE_ENTITY)) == {
        "upload_id",
    }


def test_the_latest_uploads_come_first_a_page_at_a_time(tenants: Tenants) -> None:
    asked = []
    for number in range(5):
        asked.append(tenants.acme.post("/v1/uploads", json=a_body(a_file(), file_name=f"{number}.csv")).json())
        time.sleep(0.002)  # ids of one millisecond have no order
    shown: list[str] = []
    before: dict[str, str] = {}
    while True:
        page = tenants.acme.get("/v1/uploads", params={"dataset": DATASET, "limit": 2, **before}).json()
        shown += [upload["upload_id"] for upload in page["uploads"]]
        if page["next"] is None:
            break
        before = {"before": page["next"]}
    assert shown == [each["upload_id"] for each in reversed(asked)]
    assert fields(tenants.acme.get("/v1/uploads", params={"dataset": "none"}), HTTPStatus.NOT_FOUND) == {}


def test_datasets_and_their_contracts_are_shown(tenants: Tenants) -> None:
    assert tenants.acme.get("/v1/datasets").json() == {
        "datasets": ["accounts", "canary", "instrument_prices", "payments"]
    }
    shown = tenants.acme.get("/v1/datasets/payments").json()
    assert {column["name"]: column["type"] for column in shown["columns"]}["amount"] == "decimal(18,2)"
    assert shown["contract"] == tenants.intake.contracts.current(DATASET).text
    assert fields(tenants.acme.get("/v1/datasets/nothing"), HTTPStatus.NOT_FOUND) == {}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Powertools leaves files open
def test_the_api_describes_itself(tenants: Tenants) -> None:
    document = tenants.acme.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == {
        "/v1/uploads",
        "/v1/uploads/{upload_id}",
        "/v1/uploads/{upload_id}/complete",
        "/v1/datasets",
        "/v1/datasets/{name}",
        "/v1/datasets/{name}/check",
        "/v1/datasets/{name}/holds",
        "/v1/datasets/{name}/quarantine",
        "/v1/uploads/{upload_id}/release",
        "/v1/uploads/{upload_id}/reject",
        "/v1/uploads/{upload_id}/quarantine",
        "/v1/uploads/{upload_id}/quarantine/waive",
        "/v1/uploads/{upload_id}/quarantine/redrive",
        "/v1/uploads/{upload_id}/quarantine/correct",
        "/v1/uploads/{upload_id}/receipt",
        "/v1/receipts/verify",
        "/v1/receipts/key",
    }
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    page = tenants.acme.get("/swagger")
    assert page.headers["content-type"] == "text/html"
    assert "swagger-ui" in page.text


def test_many_requests_at_once_are_all_answered(tenants: Tenants) -> None:
    with ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(tenants.acme.post, "/v1/uploads", json=a_body(a_file(number))) for number in range(40)]
    answers = [each.result() for each in asked]
    assert {answer.status_code for answer in answers} == {HTTPStatus.CREATED}
    assert len({answer.json()["upload_id"] for answer in answers}) == len(answers)


def test_a_busy_system_is_503_and_a_broken_one_500_and_neither_tells_more(fresh_cloud: Cloud) -> None:
    intake = an_intake(fresh_cloud)

    def answer(error: Exception) -> dict[str, Any]:
        def clock() -> Any:
            raise error

        event = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": "/v1/uploads",
            "rawQueryString": "",
            "headers": {"content-type": "application/json"},
            "body": json.dumps(a_body(a_file())),
            "isBase64Encoded": False,
            "requestContext": {
                "stage": "$default",
                "http": {"method": "POST", "path": "/v1/uploads"},
                "authorizer": {"jwt": {"claims": CLAIMS}},
            },
        }
        return dict(build(intake.settings, intake.aws, clock, lambda _: None).resolve(event, CONTEXT))

    busy, broken = answer(TransientError("secret")), answer(RuntimeError("secret"))
    assert (busy["statusCode"], busy["headers"]["Retry-After"]) == (HTTPStatus.SERVICE_UNAVAILABLE, "2")
    assert broken["statusCode"] == HTTPStatus.INTERNAL_SERVER_ERROR
    assert "secret" not in busy["body"] + broken["body"]
