"""What a hostile or careless sender may send: grammars of bytes for every format, and contracts to judge them by."""

from __future__ import annotations

import gzip
import io
import resource
import sys
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from ledgerlake.errors import RejectedError
from tables.contract import Column, Contract, ControlTotal, Kind, Trailer
from tests.shapes import a_contract
from tests.statements import BAI2, CAMT, COLUMNS, MT940, OFX
from validation.formats import FORMATS
from validation.header import check_header
from validation.validate import check_conservation, validate
from validation.verdict import Verdict

ROW = (Column("account", Kind.STRING), Column("day", Kind.DATE), *[each for each in COLUMNS if each.name == "amount"])
NUMBERS = (b"1,234.50", b"(1.50)", b"1.50-", b"\xc2\xa31", b"1e999", b"9" * 400, b"-", b"0x1", b"NaN", b"1" * 39)
OPTIONS: dict[str, dict[str, Any]] = {
    "csv": {
        "header": None,
        "skip_rows": ("blank", "header"),
        "ragged_rows": "fill",
        "unknown_columns": "rescue",
        "thousands": ",",
        "negatives": ("parentheses", "trailing"),
        "units": ("£",),
        "encodings": ("utf-8", "cp1252"),
        "trailers": (Trailer("END ([0-9.,]+)", "sum", "amount"), Trailer("Page.*", "none", optional=True)),
        "control_totals": (ControlTotal("hash", "account"), ControlTotal("absolute", "amount")),
    },
    "fixed": {"header": 0, "positions": (("account", 1, 4), ("day", 5, 14), ("amount", 15, 24))},
    "json": {"path": ("rows",), "unknown_columns": "rescue"},
    "jsonl": {"unknown_columns": "rescue"},
    "xlsx": {"header": None, "trailers": (Trailer("END,([0-9.]+)", "sum", "amount"),)},
}
"""Options that send a file through as much of its reader as can be."""


def contract_for(form: str) -> Contract:
    """A contract for files of that format."""
    columns = COLUMNS if form in {"mt940", "bai2", "ofx", "camt.053"} else ROW
    return a_contract(columns, name=form, **OPTIONS.get(form, {}))


def judge_hostile(data: bytes, form: str) -> Verdict | None:
    """The verdict, or None for a file that is rejected; any other end is a mistake of ours."""
    contract = contract_for(form)
    FORMATS[form].sniff(data[:4096])
    with suppress(RejectedError):
        check_header(data, replace(contract), True)
    try:
        found = validate(data, contract)
    except RejectedError as rejected:
        return None if rejected.check and rejected.message else pytest.fail("rejected without a reason")
    check_conservation(found)
    assert all(row["reasons"] for row in found.quarantined.to_pylist())
    assert all(found.held)
    return found


def _of(pieces: bytes) -> st.SearchStrategy[bytes]:
    """Sequences of pieces (parted by `~`), numbers, and a few bytes."""
    known = [*pieces.split(b"~"), *NUMBERS]
    return st.lists(st.sampled_from(known) | st.binary(max_size=3), max_size=40).map(b"".join)


def _altered(good: bytes) -> st.SearchStrategy[bytes]:
    """A good file in which pieces are cut out, doubled, or replaced by a few bytes."""

    def alter(data: bytes, cuts: list[tuple[int, int, bytes]]) -> bytes:
        for start, length, put in cuts:
            at = start % (len(data) + 1)
            data = data[:at] + put + data[at + length :]
        return data

    put = st.binary(max_size=3) | st.sampled_from(
        [b"9" * 400, b"\0", b"\xed\xa0\x80", b'"', b"<", b"&a;", b"{", b"1e999"]
    )
    return st.builds(
        alter, st.just(good), st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 40), put), max_size=4)
    )


CSV = _of(b'account,day,amount\n~,~\n~\r~"~2026-02-30~END 1\n~Page 1\n~,,\n~\0~\xff~\xed\xa0\x80')
FIXED = _of(b"0001~2026-03-31~      1.50~\n~ ~\r\n~\xc3\xa9")
JSON = _of(b'{"rows":[~{"account":"a","amount":1.5}~{~}~[~]~,~:~"~"day"~\\ud800~null~true~{"amount":~\n')
OF_MT940 = _of(
    b":20:A\n~:25:B\n~:60F:C260330EUR1000,00\n~:61:2603310401C250,50NTRF\n~:61:~:86:x\n~-}\n~:62F:C260331EUR1250,50\n~"
    b":90D:1EUR1,\n~:62M:~D~C~:\n"
)
OF_BAI2 = _of(
    b"01,a,b/\n~02,a,b,1,260331,,EUR,2/\n~03,1,EUR,010,1,,/\n~16,195,1,V,1,2,,,x\n~88,,/\n~16,~49,1,2/\n~98,1,1,1/\n~"
    b"99,1,1,1/\n~D,9999999,~/~,"
)
OF_OFX = _of(
    b"<OFX>~<STMTRS>~<STMTTRN>~</STMTTRN>~<TRNAMT>1~<LEDGERBAL><BALAMT>2</LEDGERBAL>~</STMTRS>~</OFX>~<![CDATA[~]]>~"
    b"<!DOCTYPE a>~<INVTRANLIST><BUYMF>x~<~>~&amp;~<PAYEE>"
)
OF_CAMT = _of(
    b'<?xml version="1.0" encoding="x"?>~<Stmt>~</Stmt>~<Ntry>~</Ntry>~<Bal>~</Bal>~<Amt>1</Amt>~'
    b"<CdtDbtInd>DBIT</CdtDbtInd>~<!DOCTYPE a>~&lt;~&a;~<a~<?x?>~<![CDATA["
)
BYTES: dict[str, st.SearchStrategy[bytes]] = {
    "csv": CSV | CSV.map(lambda data: b"account,day,amount\n" + data),
    "fixed": FIXED,
    "json": JSON | JSON.map(lambda data: b'{"rows":[' + data + b"]}"),
    "jsonl": JSON,
    "mt940": OF_MT940 | _altered(MT940),
    "bai2": OF_BAI2 | _altered(BAI2),
    "ofx": OF_OFX | _altered(OFX),
    "camt.053": OF_CAMT | _altered(CAMT),
}
"""Grammars of bytes that come near to files of each text format."""


def zipped(name: str, data: bytes) -> bytes:
    """A zip of one file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return file.getvalue()


def zeros() -> bytes:
    """What a bomb unpacks to: it is packed a thousand times smaller."""
    return b"\0" * (48 * 1024**2)


HOSTILE: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "a header of a million columns": ("csv", lambda: b"account,amount" + b",x" * 1_000_000 + b"\n1,2\n", "rejected"),
    "a row of a million columns": ("csv", lambda: b"account,day,amount\n" + b"x," * 100_000, "held"),
    "quotes without balance": ("csv", lambda: b'account,day,amount\n"' + b'a""",\n' * 5_000, "held"),
    "one endless line": ("csv", lambda: b"account,day,amount\n" + b"x" * 3_000_000, "held"),
    "a number of a million digits": (
        "csv",
        lambda: b"account,day,amount\na,2026-01-01," + b"9" * 1_000_000 + b"\n",
        "held",
    ),
    "NULs": ("csv", lambda: b"account,day,amount\n" + b"\0" * 500_000, "held"),
    "a preamble without end": ("csv", lambda: b"x\n" * 500_000, "rejected"),
    "deep JSON lines": ("jsonl", lambda: b'{"account":' * 100_000, "quarantined"),
    "deep JSON": ("json", lambda: b'{"rows":[' + b"[" * 100_000, "rejected"),
    "a JSON number of a million digits": (
        "json",
        lambda: b'{"rows":[{"amount":' + b"9" * 1_000_000 + b"}]}",
        "quarantined",
    ),
    "lone surrogates": ("json", lambda: b'{"rows":[{"account":"\\ud800"},{"account":"\xed\xa0\x80"}]}', "rejected"),
    "a lone surrogate that is escaped": ("json", lambda: b'{"rows":[{"amount":1,"account":"\\ud800"}]}', "quarantined"),
    "a lone surrogate in a text": ("csv", lambda: b"account,day,amount\n\xed\xa0\x80,,1\nEND 1\n", "accepted"),
    "an exponent of nine digits": ("jsonl", lambda: b'{"amount":1e999999999}\n' * 1_000, "quarantined"),
    "NULs in cells": ("csv", lambda: b"account,day,amount\n" + b"a\0b,\0,1\0\n" * 100_000, "held"),
    "an endless JSON text": ("json", lambda: b'{"rows":["' + b"a" * 17_000_000, "rejected"),
    "a million tags": ("ofx", lambda: b"<OFX><STMTTRN>" + b"<NAME>x" * 300_000, "rejected"),
    "an element in an element": ("camt.053", lambda: b"<a>" * 500_000, "rejected"),
    "100,000 attributes": (
        "camt.053",
        lambda: b"<a " + b"".join(b'a%d="" ' % at for at in range(100_000)) + b"/>",
        "held",
    ),
    "endless records": ("bai2", lambda: b"01,a/\n" + b"88,x/\n" * 200_000, "held"),
    "an endless distribution": ("bai2", lambda: b"03,1,EUR,010,1,,D,999999999999,1\n16,195,1,D,9,1\n", "held"),
    "an endless entry": ("mt940", lambda: b":20:\n:61:" + b"1" * 900_000, "held"),
    "an endless description": ("mt940", lambda: b":61:2603310401C250,50NTRF\n:86:" + b"x\n" * 200_000, "held"),
    "a gzip bomb for a csv": ("csv", lambda: gzip.compress(zeros(), 9), "rejected"),
    "a zip bomb for a workbook": ("xlsx", lambda: zipped("x.xlsx", zeros()), "rejected"),
    "a gzip bomb for JSON": ("json", lambda: gzip.compress(zeros(), 9), "rejected"),
    "a gzip bomb for OFX": ("ofx", lambda: gzip.compress(zeros(), 9), "rejected"),
    "a gzip bomb for XML": ("camt.053", lambda: gzip.compress(zeros(), 9), "rejected"),
    "a zip bomb for a csv": ("csv", lambda: zipped("x.csv", zeros()), "rejected"),
    "a gzip bomb for fixed width": ("fixed", lambda: gzip.compress(zeros(), 9), "rejected"),
    "a gzip bomb for JSON lines": ("jsonl", lambda: gzip.compress(zeros(), 9), "rejected"),
    "a gzip bomb for MT940": ("mt940", lambda: gzip.compress(zeros(), 9), "rejected"),
    "a gzip bomb for BAI2": ("bai2", lambda: gzip.compress(zeros(), 9), "rejected"),
    "a gzip bomb for Parquet": ("parquet", lambda: gzip.compress(zeros(), 9), "rejected"),
    "a gzip bomb of good rows": (
        "csv",
        lambda: gzip.compress(b"account,day,amount\n" + b"a,,1\n" * 10**7, 9),
        "rejected",
    ),
}
"""Files made to exhaust their reader: the format that they are sent as, their bytes, and how they end."""


def most_memory() -> int:
    """Bytes that this process ever held. Where Linux tells, not `ru_maxrss`, which begins with what the parent held."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def end(found: Verdict | None) -> str:
    """What becomes of a file, in a word."""
    if found is None:
        return "rejected"
    return "held" if found.held else "quarantined" if found.quarantined.num_rows else "accepted"


def main() -> None:
    """Judges each, and prints its name, how it ended, the seconds it took, and the most memory that was ever held."""
    for name, (form, data, _) in HOSTILE.items():
        content, started = data(), time.monotonic()
        ended = end(judge_hostile(content, form))
        sys.stdout.write(f"{name}\t{ended}\t{time.monotonic() - started:.2f}\t{most_memory()}\n")


if __name__ == "__main__":
    main()
