"""Contracts and verdicts as values, for tests of the validation of files."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tables.contract import Column, Contract, FileFormat, Kind
from validation.container import as_stream
from validation.formats import delimited, json_lines
from validation.validate import judge, verdict
from validation.verdict import Verdict

ID = Column("id", Kind.INTEGER, required=True)
NAME = Column("name", Kind.STRING, aliases=("Full Name",))
AMOUNT = Column("amount", Kind.DECIMAL, precision=18, scale=2, money=True)
DAY = Column("day", Kind.DATE, formats=("%d/%m/%Y",))


def a_contract(columns: Sequence[Column] = (ID, NAME, AMOUNT), **file: Any) -> Contract:
    """A contract of these columns; `file` are the options of its `FileFormat`."""
    return Contract("trades", "1.0.0", "0" * 64, tuple(columns), file=FileFormat(**file))


def reasons(verdict: Verdict) -> list[tuple[int, str, str | None]]:
    """(row, rule, column) of every reason in the quarantine."""
    return [
        (row["_row"], reason["rule"], reason["column"])
        for row in verdict.quarantined.to_pylist()
        for reason in row["reasons"]
    ]


def messages(verdict: Verdict) -> list[str]:
    """Every message in the quarantine."""
    return [reason["message"] for row in verdict.quarantined.to_pylist() for reason in row["reasons"]]


def column(verdict: Verdict, name: str) -> list[Any]:
    """A column of the accepted rows."""
    values: list[Any] = verdict.accepted.column(name).to_pylist()
    return values


def texts(*cells: str | None) -> pa.StringArray:
    """Cells of text."""
    return pa.array(cells, pa.string())


def in_pieces(data: bytes, contract: Contract, size: int) -> Verdict:
    """The verdict on a text file that is cut after so many bytes; it has no trailers."""
    stream = as_stream(data)
    cut = (
        json_lines.split(stream, contract, size)
        if contract.file.name == "jsonl"
        else delimited.split(stream, contract, size, tail=1)
    )
    return verdict(judge(cut, contract, threads=2), contract)


def in_format(rows: Sequence[Mapping[str, Any]], form: str) -> bytes:
    """Rows of texts and nulls as a file; those of a csv or Parquet have the columns of the first row."""
    if form == "jsonl":
        return "".join(json.dumps(row) + "\n" for row in rows).encode()
    if form == "parquet":
        file = io.BytesIO()
        pq.write_table(pa.table({name: pa.array([row[name] for row in rows], pa.string()) for name in rows[0]}), file)
        return file.getvalue()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([list(rows[0]), *[[row[name] for name in rows[0]] for row in rows]])
    return text.getvalue().encode()
