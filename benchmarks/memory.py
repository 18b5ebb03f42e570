"""How much memory a large file takes: 1 GB of CSV (--size), and a tenth of it in every other format that streams.

Each file is written to a temporary folder and judged part by part in a process of its own, whose peak is measured.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tables.contract import Column, Contract, FileFormat, Kind
from validation.validate import parts

LIMIT = 500 * 1000**2
ROWS = 100_000  # of a piece that is written again and again
AMOUNT = Column("amount", Kind.DECIMAL, precision=18, scale=2, money=True)
COLUMNS = (Column("account", Kind.STRING), AMOUNT, Column("description", Kind.STRING))
FIXED = FileFormat("fixed", header=0, positions=(("account", 1, 10), ("amount", 11, 22), ("description", 23, 42)))


def _csv(rows: range) -> bytes:
    return b"".join(b"%010d,%d.%02d,what was paid %06d\n" % (at, at % 9973, at % 100, at % 977) for at in rows)


def _fixed(rows: range) -> bytes:
    return b"".join(b"%010d%9d.%02dwhat was paid %06d\n" % (at, at % 9973, at % 100, at % 977) for at in rows)


def _json(rows: range) -> bytes:
    row = b'{"account":"%010d","amount":%d.%02d,"description":"what was paid"},\n'
    return b"".join(row % (at, at % 9973, at % 100) for at in rows)


def _mt940(rows: range) -> bytes:
    return b"".join(b":61:2603310401C%d,%02dNTRFINV\n:86:what was paid\n" % (at % 9973, at % 100) for at in rows)


def _ofx(rows: range) -> bytes:
    row = b"<STMTTRN><TRNAMT>%d.%02d<NAME>what was paid</STMTTRN>\n"
    return b"".join(row % (at % 9973, at % 100) for at in rows)


def _camt(rows: range) -> bytes:
    row = b"<Ntry><Amt>%d.%02d</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts></Ntry>\n"
    return b"".join(row % (at % 9973, at % 100) for at in rows)


def _bai2(rows: range) -> bytes:
    return b"".join(b"16,195,%d,Z,B1,INV,what was paid\n" % (at % 997300) for at in rows)


FORMATS: dict[str, tuple[bytes, Callable[[range], bytes], bytes]] = {
    "csv": (b"account,amount,description\n", _csv, b""),
    "fixed": (b"", _fixed, b""),
    "json": (b"[", _json, b'{"account":"","amount":0}]'),
    "jsonl": (b"", lambda rows: _json(rows).replace(b"},\n", b"}\n"), b""),
    "mt940": (b":20:A\n:60F:C260330EUR0,00\n", _mt940, b""),
    "bai2": (b"01,a/\n02,a/\n03,1,EUR/\n", _bai2, b""),
    "ofx": (b"<OFX><STMTRS>", _ofx, b"</STMTRS></OFX>"),
    "camt.053": (b"<Document><Stmt>", _camt, b"</Stmt></Document>"),
}
"""What a file of each format begins with, is made of, and ends with."""


def contract_for(form: str) -> Contract:
    """A contract for the files that are made here."""
    return Contract("memory", "1.0.0", "0" * 64, COLUMNS, file=FIXED if form == "fixed" else FileFormat(form))


def write(path: Path, form: str, size: int) -> None:
    """A file of that format with at least so many bytes."""
    head, rows, foot = FORMATS[form]
    piece = rows(range(ROWS))
    with path.open("wb") as file:
        file.write(head)
        while file.tell() < size:
            file.write(piece)
        file.write(foot)


def judged(path: Path, form: str) -> Iterator[int]:
    """The rows of each part."""
    with path.open("rb") as file:
        for part in parts(file, contract_for(form)):
            yield part.totals.rows


def main(arguments: Sequence[str] = ()) -> int:
    """Prints rows, seconds and peak for each format; 1 if one is above the limit."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("formats", nargs="*", help=f"of {', '.join(FORMATS)}; all, if none is named")
    parser.add_argument("--size", type=int, default=1000, metavar="MB", help="of the CSV; the others have a tenth")
    parser.add_argument("--judge", nargs=2, metavar=("FILE", "FORMAT"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.judge:
        rows = sum(judged(Path(options.judge[0]), options.judge[1]))
        print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
        return 0
    missed = False
    for form in options.formats or FORMATS:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "large"
            write(path, form, options.size * 1000**2 // (1 if form == "csv" else 10))
            missed |= _measure(path, form) > LIMIT
    return int(missed)


def _measure(path: Path, form: str) -> int:
    started = time.perf_counter()
    program = [sys.executable, "-m", "benchmarks.memory", "--judge", str(path), form]
    done = subprocess.run(program, check=True, capture_output=True, text=True, env=dict(os.environ))
    seconds, (rows, peak) = time.perf_counter() - started, map(int, done.stdout.split())
    size = path.stat().st_size / 1000**2
    print(f"{form:<10}{size:8.0f} MB{rows:14,} rows{seconds:8.1f} s{peak / 1000**2:8.0f} MB at most")
    return peak


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
