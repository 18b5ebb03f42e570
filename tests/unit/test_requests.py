"""A request names all its faults at once, and only what may become a key, a header or a check passes."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.request import InvalidRequestError, UploadRequest, check_request
from ingestion.row import Row
from ingestion.values import Grant, Rejection
from ledgerlake.aws import Aws
from ledgerlake.settings import Settings
from tables.contract_store import ContractStore

NAMES = (
    "LANDING_BUCKET",
    "RAW_BUCKET",
    "TABLES_BUCKET",
    "LEDGER_TABLE",
    "LANDING_QUEUE_URL",
    "STREAM_NAME",
    "DATABASE",
)
SETTINGS = Settings.from_mapping(
    {
        **{f"LEDGERLAKE_{name}": "x" for name in NAMES},
        "LEDGERLAKE_CONTRACTS": str(Path(__file__).parents[2] / "contracts"),
        "LEDGERLAKE_MAX_UPLOAD_BYTES": "1000",
    },
)
CONTRACTS = ContractStore(SETTINGS, Aws(SETTINGS))
NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)


def faults(**changes: object) -> dict[str, str]:
    """The fields at fault, with their messages."""
    asked = {
        "dataset": "payments",
        "file_name": "march.csv",
        "size": 7,
        "sha256": "0" * 64,
        "content_type": "text/csv",
        **changes,
    }
    try:
        check_request(UploadRequest(**asked), SETTINGS, CONTRACTS)  # type: ignore[arg-type]  # wrong values are the test
    except InvalidRequestError as error:
        return {problem.field: problem.message for problem in error.problems}
    return {}


@pytest.mark.parametrize(
    "name",
    ["march.csv", "Übersicht März 2026.csv", "報告.csv", "a b'c\".csv", ".hidden", "x" * 255],
)
def test_an_ordinary_file_name_passes(name: str) -> None:
    assert faults(file_name=name) == {}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "1..255 characters, not 0"),
        ("  ", "1..255 characters"),
        ("x" * 256, "not 256"),
        ("a/b", "without folders; character 2 is '/'"),
        ("a\\b", "without folders"),
        ("a\x00", "a control character (U+0000)"),
        ("a\r\nb", "a control character (U+000D)"),
        ("a\u202egpj.exe", "direction of writing; character 2 is U+202E"),
        ("a\u2066b", "direction of writing"),
        ("a\u2028b", "a line separator"),
        ("a\ud800b", "half a surrogate pair"),
    ],
)
def test_a_name_that_could_mislead_is_refused_with_the_place(name: str, said: str) -> None:
    assert said in faults(file_name=name)["file_name"]


@given(st.text(min_size=1, max_size=300))
def test_a_name_that_passes_is_normal_printable_and_no_path(name: str) -> None:
    if "file_name" in faults(file_name=name):
        return
    request = UploadRequest("payments", name, 7, "0" * 64, "text/csv")
    kept = check_request(request, SETTINGS, CONTRACTS).file_name
    assert kept == unicodedata.normalize("NFC", name)
    assert len(kept) <= 255
    assert not {unicodedata.category(letter) for letter in kept} & {"Cc", "Cs", "Zl", "Zp"}
    assert not set(kept) & set("/\\\u202e\u2066")


@pytest.mark.parametrize("size", [0, -1, 1001])
def test_a_size_out_of_bounds_is_refused_with_the_bounds(size: int) -> None:
    assert faults(size=size) == {"size": f"must lie in 1..1000 bytes, not {size}"}


@pytest.mark.parametrize("content_type", ["text/csv", "text/csv; charset=utf-8", "application/vnd.ms-excel"])
def test_a_media_type_passes(content_type: str) -> None:
    assert faults(content_type=content_type) == {}


@pytest.mark.parametrize("content_type", ["", "csv", "text/", "text/csv\r\nx-evil: 1", "text/csv; a", "tëxt/csv"])
def test_what_is_no_media_type_is_refused(content_type: str) -> None:
    assert set(faults(content_type=content_type)) == {"content_type"}


def test_a_hash_is_kept_in_lower_case() -> None:
    request = UploadRequest("payments", "a", 1, "AB" * 32, "text/csv")
    assert check_request(request, SETTINGS, CONTRACTS).sha256 == "ab" * 32
    assert set(faults(sha256="ab" * 31)) == set(faults(sha256="zz" * 32)) == {"sha256"}


@pytest.mark.parametrize("total", ["0", "-1.50", "12345678901234567890123456789012345678", "0.01"])
def test_a_total_is_a_plain_decimal(total: str) -> None:
    assert faults(declared_totals={"amount": total}) == {}


@pytest.mark.parametrize("total", ["", "1e3", "1,000", "NaN", "Infinity", " 1", ".5", "1.", "+1", "\u0661"])
def test_any_other_total_is_refused(total: str) -> None:
    assert set(faults(declared_totals={"amount": total})) == {"declared_totals.amount"}


def test_a_total_of_no_money_column_is_refused_with_those_there_are() -> None:
    assert faults(declared_totals={"fee": "1"}) == {
        "declared_totals.fee": "is no total of payments; those are amount, opening(amount), closing(amount)",
    }


def test_all_faults_are_named_at_once() -> None:
    assert set(faults(dataset="paiments", file_name="", size=0, sha256="", content_type="", declared_rows=-1)) == {
        "dataset",
        "file_name",
        "size",
        "sha256",
        "content_type",
        "declared_rows",
    }


def a_grant() -> Grant:
    """A grant."""
    identity = "01990000-0000-7000-8000-000000000000"
    return Grant(
        "payments",
        identity,
        "a.csv",
        7,
        "0" * 64,
        "text/csv",
        "acme",
        "alice",
        "192.0.2.7",
        None,
        {},
        NOON,
        None,
    )


def test_what_the_room_writes_down_survives_json_and_keeps_its_members() -> None:
    grant = a_grant()
    rejection = Rejection("payments", grant.upload_id, "hash", "it changed", NOON, NOON)
    assert Grant.from_json(grant.to_json()) == grant
    assert Rejection.from_json(rejection.to_json()) == rejection
    assert [Grant.SCHEMA, *Grant.__dataclass_fields__] == [
        "ledgerlake.grant/1",
        "dataset",
        "upload_id",
        "file_name",
        "size",
        "sha256",
        "content_type",
        "tenant",
        "principal",
        "source_ip",
        "declared_rows",
        "declared_totals",
        "granted_at",
        "multipart_id",
        "supersedes",
    ]
    assert [Rejection.SCHEMA, *Rejection.__dataclass_fields__] == [
        "ledgerlake.rejection/1",
        "dataset",
        "upload_id",
        "check",
        "message",
        "landed_at",
        "rejected_at",
    ]


def test_a_row_tells_its_state_and_stages_from_its_values() -> None:
    grant = a_grant()
    rejection = Rejection("payments", grant.upload_id, "hash", "it changed", NOON, NOON)
    granted = Row(grant.upload_id, {"grant": grant.to_json()})
    assert (granted.state, granted.decided, granted.stages) == ("granted", False, {"granted": NOON})
    rejected = Row(grant.upload_id, {**granted.texts, "rejection": rejection.to_json()})
    assert (rejected.state, rejected.decided) == ("rejected", True)
    assert list(rejected.stages) == ["granted", "landed", "rejected"]
