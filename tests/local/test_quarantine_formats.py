"""A refused row of a file in any format is exported, mended and sent back, or driven again, and enters once."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingestion.quarantine import Choice, correct, redrive, still_open, waive
from ingestion.request import ConflictError, InvalidRequestError
from tables.quarantine import Refused
from tests.conftest import Cloud
from tests.house import ANN, DATASET, House, a_contract_text, a_house
from tests.statements import STATEMENTS
from validation.reentry import rows_only, to_correct

Row = tuple[str, str, str]
ROWS: list[Row] = [
    ("a", "2026-03-31", "1.00"),
    ("b", "2026-03-31", "many"),
    ("c", "31.03.2026", "3.00"),
    ("d", "31.03.2026", "4.00"),
    ("e", "31.03.2026", "few"),
]
HEAD = ("id", "day", "amount")


def a_workbook(rows: Sequence[Row]) -> bytes:
    book, file = openpyxl.Workbook(), io.BytesIO()
    for row in (("Report",), HEAD, *rows):
        book.active.append(row)
    book.save(file)
    return file.getvalue()


def a_parquet(rows: Sequence[Row]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(dict(zip(HEAD, zip(*rows, strict=True), strict=True))), file)
    return file.getvalue()


def a_document(rows: Sequence[Row]) -> bytes:
    """On one line."""
    return json.dumps([dict(zip(HEAD, row, strict=True)) for row in rows]).encode()


def lines(rows: Sequence[Row]) -> bytes:
    return "".join(",".join(row) + "\n" for row in (("Report",), HEAD, *rows)).encode()


def columns(rows: Sequence[Row]) -> bytes:
    return "".join(f"{key:<3}{day:<12}{amount:<8}\n" for key, day, amount in rows).encode()


FORMATS: dict[str, tuple[str, Callable[[Sequence[Row]], bytes]]] = {
    "xlsx": ("{format: xlsx, header: found}", a_workbook),
    "parquet": ("{format: parquet}", a_parquet),
    "json": ("{format: json}", a_document),
    "csv": ("{header: found}", lines),
    "fixed": ("{format: fixed, positions: {id: [1, 3], day: [4, 15], amount: [16, 23]}}", columns),
}


def opened(lake: House) -> list[Refused]:
    return still_open(lake.intake, DATASET, Choice())


def exported(lake: House, upload_id: str, refused: Sequence[Refused]) -> str:
    """As `ledgerlake quarantine export --to-correct`."""
    manifest, contract = lake.row(upload_id).manifest, lake.intake.contracts.current(DATASET)
    assert manifest
    source = rows_only(contract) if manifest.reenters else contract
    body = lake.intake.aws.s3.get_object(Bucket=lake.intake.settings.raw_bucket, Key=manifest.raw_key)["Body"].read()
    return to_correct(body, source, [(each.row, each.raw) for each in refused])


@pytest.mark.parametrize("form", FORMATS)
def test_refused_rows_are_mended_or_driven_again_and_every_cent_is_somewhere(
    fresh_cloud: Cloud, tmp_path: Path, form: str
) -> None:
    stated, write = FORMATS[form]
    text = a_contract_text("append", fileFormat=stated)
    lake = a_house(fresh_cloud.settings, tmp_path / "contracts", text)
    first = lake.send(write(ROWS), rows=5)
    lake.apply()
    refused = opened(lake)
    assert (lake.fees(), len(refused)) == ({"a": "1.00"}, 4)
    one_line = form == "json"
    if one_line:
        with pytest.raises(ConflictError, match="Several rows of line 1 are refused, and leave quarantine together"):
            waive(lake.intake, lake.row(first), ANN, "lost", Choice(rule="no such rule") if False else _amounts(refused))
        chosen = Choice()
    else:
        chosen = Choice({each.row for each in refused if "many" in each.raw})
    some = refused if one_line else [each for each in refused if "many" in each.raw]
    mended = exported(lake, first, some)
    with pytest.raises(InvalidRequestError, match=r"amount must be a number"):
        correct(lake.intake, lake.row(first), ANN, "typing", chosen, mended)
    mended = mended.replace("many", "2.00").replace("few ", "5.00").replace("few", "5.00").replace("31.03.2026", "2026-03-31")
    decision = correct(lake.intake, lake.row(first), ANN, "typing", chosen, mended)
    lake.apply()
    if one_line:
        assert decision.rows == [1] * 4
        assert lake.fees() == {"a": "1.00", "b": "2.00", "c": "3.00", "d": "4.00", "e": "5.00"}
        return
    assert lake.fees() == {"a": "1.00", "b": "2.00"}
