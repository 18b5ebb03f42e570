"""How a contract states the way its files are written; what cannot be is refused in its place."""

from __future__ import annotations

import pytest

from ledgerlake.errors import ContractError
from tables.contract import Contract, ControlTotal, FileFormat, Trailer
from tables.odcs import load

HEAD = "apiVersion: v3.2.0\nkind: DataContract\nid: x\nversion: 1.0.0\nstatus: active\nschema:\n  - name: trades\n"
COLUMNS = """    properties:
      - {name: id, logicalType: string}
      - name: amount
        logicalType: number
        physicalType: decimal(18,2)
        customProperties: [{property: money, value: true}]
"""


def _loaded(file: str) -> Contract:
    return load(f"{HEAD}    customProperties: [{{property: fileFormat, value: {file}}}]\n{COLUMNS}", "x.yaml")


@pytest.mark.parametrize(
    ("stated", "read"),
    [
        ("{header: 3}", FileFormat(header=3)),
        ("{header: found, skipRows: [blank, header]}", FileFormat(header=None, skip_rows=("blank", "header"))),
        (
            "{decimalMark: ',', thousands: '.', negatives: [parentheses, trailing], units: ['€', EUR]}",
            FileFormat(
                decimal_mark=",", thousands=".", negatives=("parentheses", "trailing"), units=("€", "EUR"), header=1
            ),
        ),
        (
            "{format: fixed, positions: {id: [1, 9], amount: [10, 20]}}",
            FileFormat("fixed", header=0, positions=(("id", 1, 9), ("amount", 10, 20))),
        ),
        ("{format: json, path: report.entries}", FileFormat("json", path=("report", "entries"))),
        ("{format: xlsx, sheet: March, header: found}", FileFormat("xlsx", sheet="March", header=None)),
        (
            "{controlTotals: [{total: absolute, column: amount}, {total: hash, column: id}]}",
            FileFormat(control_totals=(ControlTotal("absolute", "amount"), ControlTotal("hash", "id"))),
        ),
        (
            "{trailers: [{pattern: '^Page', total: none}, {pattern: '^N (.*)$', optional: true}]}",
            FileFormat(trailers=(Trailer("^Page", "none", optional=True), Trailer("^N (.*)$", "count", optional=True))),
        ),
    ],
)
def test_an_option_of_a_file_is_read(stated: str, read: FileFormat) -> None:
    assert _loaded(stated).file == read


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        ("{header: 0}", "the header cannot be on line 0"),
        ("{header: somewhere}", "expected a whole number"),
        ("{skipRows: [empty]}", "'empty' is not possible"),
        ("{skipRows: blank}", "expected a list"),
        ("{negatives: [red]}", "'red' is not possible"),
        ("{units: ['-']}", "'-' cannot stand beside a number"),
        ("{units: ['']}", "cannot stand beside a number"),
        ("{decimalMark: '-'}", "'-' is part of a number"),
        ("{decimalMark: ',,'}", "expected one ASCII character"),
        ("{thousands: '.'}", "thousands and decimal mark are the same character"),
        ("{trailers: [{pattern: '^Page', total: none, column: amount}]}", "a none has no column"),
        ("{trailers: [{pattern: '^T (.*)$', total: sum}]}", "a sum needs its column"),
        ("{trailers: [{pattern: '^T$', total: count}]}", "the pattern captures nothing"),
        ("{format: fixed}", "a fixed-width file needs its columns"),
        ("{format: fixed, positions: {id: [1]}}", "[1] is no first and last character"),
        ("{format: fixed, positions: {id: [5, 4]}}", "[5, 4] is no first and last character"),
        ("{format: fixed, positions: {id: [1, 4], fee: [5, 9]}}", "there is no column 'fee'"),
        ("{positions: {id: [1, 4]}}", "'positions' belongs to fixed, not to csv"),
        ("{format: mt940, thousands: ','}", "'thousands' belongs to csv, fixed"),
        ("{format: camt.053, encodings: [utf-8]}", "'encodings' belongs to"),
        ("{controlTotals: [{total: hash}]}", "a total hash needs its column"),
        ("{controlTotals: [{total: hash, column: amount}]}", "'amount' is no text or whole number"),
        ("{controlTotals: [{total: absolute, column: id}]}", "'id' is no money column"),
        ("{format: jsonl, skipRows: [blank]}", "'skipRows' belongs to csv"),
    ],
)
def test_an_option_of_a_file_is_refused_because(stated: str, words: str) -> None:
    with pytest.raises(ContractError) as caught:
        _loaded(stated)
    assert words in str(caught.value), str(caught.value)
