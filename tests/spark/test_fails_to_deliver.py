"""Real files through the real API and the running stream: 13 half-months of the SEC's fails-to-deliver.

The stream is killed twice on the way, and goes on once with its checkpoint and once without; then everything comes
again in another order. What the table must be is read from the files by a few lines that share nothing with the
product.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cli import services
from cli.processes import wait_until
from ingestion.client import Ask
from ledgerlake.layout import table_uri
from tables.delta import query
from tests.conftest import Cloud
from tests.journey import ACCEPTED, Journey, journey

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("LEDGERLAKE_TEST_DATA", ROOT.parent / "shared" / "data"))
FILES = sorted((DATA / "sec_ftd").glob("cnsfails*.zip"))
ROWS = 697_930
COLUMNS = ("settlement_date", "cusip", "symbol", "quantity", "description", "price")

Row = tuple[str | None, ...]


def _lines(path: Path) -> Iterator[list[str]]:
    with zipfile.ZipFile(path) as archive:
        text = archive.read(archive.namelist()[0]).decode("cp1252")
    for line in text.splitlines()[1:]:
        if not line.startswith("Trailer"):
            yield [cell.strip() for cell in line.split("|")]


def _wanted() -> set[Row]:
    """Every row of every file, as plain text."""
    rows: set[Row] = set()
    for path in FILES:
        for day, cusip, symbol, quantity, description, price in _lines(path):
            cells = (f"{day[:4]}-{day[4:6]}-{day[6:]}", cusip, symbol, _number(Decimal(quantity)), description)
            rows.add((*(_text(each) for each in cells), _number(Decimal(price)) if _text(price) else None))
    return rows


def _text(cell: str) -> str | None:
    return None if cell in {"", "."} else cell


def _found(running: Journey) -> set[Row]:
    """Every row of the table, likewise."""
    settings = running.lake.settings
    sql = f"SELECT {', '.join(COLUMNS)} FROM sec_ftd"  # noqa: S608  # our own names
    table = query(sql, {"sec_ftd": table_uri(settings.tables_bucket, "sec_ftd")}, settings)
    assert table.num_rows == ROWS
    return set(zip(*(map(_plain, table[name].to_pylist()) for name in COLUMNS), strict=True))


def _plain(value: object) -> str | None:
    if isinstance(value, Decimal):
        return _number(value)
    return None if value is None else str(value)


def _number(value: Decimal) -> str:
    """Without the zeros that a scale adds."""
    return f"{value.normalize():f}"


def _states(running: Journey, uploads: list[str]) -> list[dict[str, Any]]:
    return [running.client.status(each) for each in uploads]


def _await_applied(running: Journey, uploads: list[str], count: int, seconds: float = 240) -> None:
    def enough() -> bool:
        return [each["state"] for each in _states(running, uploads)].count("applied") >= count

    assert wait_until(enough, seconds, 0.5), running.state.log("stream").read_text()[-2000:]


@pytest.mark.skipif(not FILES, reason=f"no sec_ftd under {DATA}")
@pytest.mark.timeout(900)
def test_thirteen_real_files_survive_two_kills_and_a_second_delivery(fresh_cloud: Cloud, tmp_path: Path) -> None:
    env = {
        **fresh_cloud.env,
        "LEDGERLAKE_CONTRACTS": str(ROOT / "tests" / "contracts"),
        "LEDGERLAKE_LEASE_SECONDS": "5",
    }
    with journey(env, tmp_path) as running:
        state, aws, bucket = running.state, fresh_cloud.aws, fresh_cloud.settings.tables_bucket
        try:
            services.start_stream(state, env)
            uploads = [_send(running, path) for path in FILES]
            _await_applied(running, uploads, 1)
            services.stop_service(state, "stream", at_once=True)  # its checkpoint is kept

            services.start_stream(state, env)
            _await_applied(running, uploads, 5)
            services.stop_service(state, "stream", at_once=True)
            for page in aws.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="checkpoints/"):
                for each in page.get("Contents", ()):
                    aws.s3.delete_object(Bucket=bucket, Key=each["Key"])

            services.start_stream(state, env)
            _await_applied(running, uploads, len(FILES))
            wanted = _wanted()
            assert _found(running) == wanted
            _check_totals(running, uploads)
            assert running.rows("SELECT * FROM quarantine") == []

            version = running.version("sec_ftd")
            again = [_send(running, path) for path in reversed(FILES)]
            assert [each["reasons"][0]["check"] for each in _states(running, again)] == ["duplicate"] * len(FILES)
            assert (running.version("sec_ftd"), _found(running) == wanted) == (version, True)
        finally:
            services.stop_service(state, "stream")


def _send(running: Journey, path: Path) -> str:
    upload_id = running.client.upload(Ask("sec_ftd", path, "application/zip"))
    running.client.wait(upload_id, 60, until=ACCEPTED)
    return upload_id


def _outcomes(running: Journey, uploads: list[str]) -> list[dict[str, Any]]:
    return [each["outcome"] for each in _states(running, uploads)]


def _check_totals(running: Journey, uploads: list[str]) -> None:
    """Rows and shares of each file are what its own trailer says: else it would have been held; summed up here."""
    outcomes = _outcomes(running, uploads)
    assert sum(each["rows"] for each in outcomes) == sum(each["merged"] for each in outcomes) == ROWS
    for outcome, path in zip(outcomes, FILES, strict=True):
        shares = sum(int(cells[3]) for cells in _lines(path))
        assert {kind: Decimal(text) for kind, text in outcome["money"]["quantity"].items()} == {
            "file": shares,
            "merged": shares,
            "superseded": 0,
            "duplicate": 0,
            "quarantined": 0,
        }
