"""A refused row of a file in any format is exported, mended and sent back, or driven again, and enters once."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
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
from validation.reentry import to_correct

Row = tuple[str, str, str]
ROWS: list[Row] = [
    ("a", "2026-03-31", "1.00"),
    ("b", "2026-03-31", "many"),
    ("c", "31.03.2026", "3.00"),
    ("d", "31.03.2026", "4.00"),
    ("e", "31.03.2026", "few"),
]
HEAD = ("id", "day", "amount")
ALL = Choice()


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


def a_document(rows: Sequence[Row], between: str = ",\n") -> bytes:
    return f"[{between.join(json.dumps(dict(zip(HEAD, row, strict=True))) for row in rows)}]".encode()


def a_sheet(rows: Sequence[Row]) -> bytes:
    return "".join(",".join(row) + "\n" for row in (("Report",), HEAD, *rows)).encode()


def in_columns(rows: Sequence[Row]) -> bytes:
    return "".join(f"{key:<3}{day:<12}{amount:<8}\n" for key, day, amount in (("Report", "", ""), *rows)).encode()


POSITIONS = "{id: [1, 3], day: [4, 15], amount: [16, 23]}"
FORMATS: dict[str, tuple[str, Callable[[Sequence[Row]], bytes]]] = {
    "xlsx": ("{format: xlsx, header: found}", a_workbook),
    "parquet": ("{format: parquet}", a_parquet),
    "json": ("{format: json}", a_document),
    "csv": ("{header: found}", a_sheet),
    "fixed": (f"{{format: fixed, header: 1, positions: {POSITIONS}}}", in_columns),
}
GERMAN = ("logicalType: date", "logicalType: date, logicalTypeOptions: {format: dd.MM.yyyy}")


def opened(lake: House, upload_id: str | None = None) -> list[Refused]:
    return still_open(lake.intake, DATASET, ALL, upload_id=upload_id)


def exported(lake: House, refused: Sequence[Refused]) -> str:
    """As `ledgerlake quarantine export --to-correct`, of a file that was sent by a client."""
    manifest = lake.row(refused[0].upload_id).manifest
    assert manifest
    data = lake.intake.aws.s3.get_object(Bucket=lake.intake.settings.raw_bucket, Key=manifest.raw_key)["Body"].read()
    places = [(each.row, each.raw) for each in refused]
    return to_correct(data, lake.intake.contracts.current(DATASET), places)


@pytest.mark.parametrize("form", FORMATS)
def test_refused_rows_are_mended_or_driven_again_once(fresh_cloud: Cloud, tmp_path: Path, form: str) -> None:
    stated, write = FORMATS[form]
    text = a_contract_text("append", fileFormat=stated)
    lake = a_house(fresh_cloud.settings, tmp_path / "contracts", text)
    first = lake.send(write(ROWS), rows=len(ROWS))
    lake.apply()
    many, *_ = refused = opened(lake)
    assert (lake.fees(), len(refused), len({each.row for each in refused})) == ({"a": "1.00"}, 4, 4)
    mended, row = exported(lake, [many]), lake.row(first)
    with pytest.raises(InvalidRequestError, match=r"content\.\d: amount must be a number"):
        correct(lake.intake, row, ANN, "typing", Choice({many.row}), mended)
    if form != "fixed":
        with pytest.raises(InvalidRequestError, match="rows of such files enter again as JSON Lines, as `ledgerlake"):
            correct(lake.intake, row, ANN, "typing", Choice({many.row}), "b,2026-03-31,2.00\n")
    correct(lake.intake, row, ANN, "typing", Choice({many.row}), mended.replace("many", "2.00"))
    (outcome,) = lake.apply()
    assert (outcome.rows, outcome.merged, lake.fees()) == (1, 1, {"a": "1.00", "b": "2.00"})
    lake.state_contract(text.replace(*GERMAN).replace("1.0.0", "1.1.0"))
    again = redrive(lake.intake, lake.row(first), ANN, "dates", ALL)
    (outcome,) = lake.apply()
    assert (again.rows, outcome.merged) == ([refused[1].row, refused[2].row], 2)
    assert lake.fees() == {"a": "1.00", "b": "2.00", "c": "3.00", "d": "4.00"}
    assert [each.row for each in opened(lake)] == [refused[3].row]
    fees = lake.fees()
    assert lake.from_raw().fees() == fees


def test_rows_of_one_line_leave_quarantine_together_in_their_order(fresh_cloud: Cloud, tmp_path: Path) -> None:
    text = a_contract_text("upsert", fileFormat="{format: json}")
    lake = a_house(fresh_cloud.settings, tmp_path / "contracts", text)
    rows: list[Row] = [
        ("a", "2026-03-31", "x"),
        ("z", "2026-03-31", "1.00"),
        *(("a", "31.03.2026", f"{n}.00") for n in range(9)),
    ]
    first = lake.send(a_document(rows, ", "), rows=len(rows))
    lake.apply()
    row = lake.row(first)
    with pytest.raises(ConflictError, match=r"as not all rows of a line are good|still refused"):
        redrive(lake.intake, row, ANN, "again", ALL)
    lake.state_contract(text.replace(*GERMAN).replace("1.0.0", "1.1.0"))
    with pytest.raises(ConflictError, match="all 10 rows are still refused; the first as day must be a date"):
        redrive(lake.intake, row, ANN, "dates", ALL)
    mended = exported(lake, opened(lake)).replace('"x"', '"7.00"').replace("2026-03-31", "31.03.2026")
    assert correct(lake.intake, row, ANN, "typing", ALL, mended).rows == [1] * 10
    (outcome,) = lake.apply()
    assert (outcome.rows, outcome.merged, outcome.duplicate, lake.fees()) == (10, 1, 9, {"z": "1.00", "a": "8.00"})
    assert opened(lake) == []


def test_a_rule_that_some_rows_of_a_line_break_does_not_choose_among_them(fresh_cloud: Cloud, tmp_path: Path) -> None:
    text = a_contract_text("append", fileFormat="{format: json}")
    lake = a_house(fresh_cloud.settings, tmp_path / "contracts", text)
    first = lake.send(b'[{"id": "a", "day": "x", "amount": 1}, {"id": null, "day": "2026-03-31", "amount": 1}]')
    lake.apply()
    with pytest.raises(ConflictError, match="Several rows of line 1 are refused, and leave quarantine together"):
        waive(lake.intake, lake.row(first), ANN, "lost", Choice(rule="required"))
    assert waive(lake.intake, lake.row(first), ANN, "lost", ALL).rows == [1, 1]
    assert opened(lake) == []


def test_what_entered_again_and_was_refused_again_enters_a_third_time(fresh_cloud: Cloud, tmp_path: Path) -> None:
    rule = "{type: custom, engine: ledgerlake, implementation: {rule: new_to_table, columns: [id]}}"
    text = a_contract_text("append", fileFormat="{format: parquet}")
    lake = a_house(fresh_cloud.settings, tmp_path / "contracts", f"{text}    quality:\n      - {rule}\n")
    lake.send(a_parquet(ROWS[:1]))
    second = lake.send(a_parquet([("a", "x", "2.00"), ("b", "2026-03-31", "3.00")]))
    lake.apply()
    mended = exported(lake, opened(lake)).replace('"x"', '"2026-03-31"')
    decision = correct(lake.intake, lake.row(second), ANN, "typing", ALL, mended)
    (outcome,) = lake.apply()
    assert (outcome.quarantined, lake.fees()) == (1, {"a": "1.00", "b": "3.00"})
    third = lake.row(decision.as_upload_id or "")
    lake.state_contract(text.replace("{format: parquet}", "{format: csv}").replace("1.0.0", "2.0.0"))
    with pytest.raises(ConflictError, match=r"entered under contract 1\.0\.0, in another form than rows"):
        redrive(lake.intake, third, ANN, "both are right", ALL)
    lake.state_contract(text.replace("1.0.0", "2.1.0"))
    redrive(lake.intake, third, ANN, "both are right", ALL)
    (outcome,) = lake.apply()
    assert (outcome.merged, lake.fees()) == (1, {"a": "1.00 2.00", "b": "3.00"})


@pytest.mark.parametrize("form", STATEMENTS)
def test_entries_of_a_statement_are_driven_again(fresh_cloud: Cloud, tmp_path: Path, form: str) -> None:
    text = a_contract_text("append", fileFormat=f"{{format: {form}}}")
    for column, field in (("id", "account"), ("day", "booking_date")):
        aliases = f"customProperties: [{{property: aliases, value: [{field}]}}]"
        text = text.replace(f"{{name: {column},", f"{{name: {column}, {aliases},")
    positive = text.replace("decimal(18,2)\n", "decimal(18,2)\n        logicalTypeOptions: {minimum: 0}\n")
    lake = a_house(fresh_cloud.settings, tmp_path / "contracts", positive)
    first = lake.send(STATEMENTS[form])
    lake.apply()
    assert list(lake.fees().values()) == ["250.50"]
    lake.state_contract(text.replace("1.0.0", "1.1.0"))
    redrive(lake.intake, lake.row(first), ANN, "fees are debits", ALL)
    lake.apply()
    entries = "250.50 -0.50 -9.99" if form == "camt.053" else "250.50 -0.50"
    assert (list(lake.fees().values()), opened(lake)) == ([entries], [])
