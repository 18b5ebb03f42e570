"""Twenty rules on the SEC's fails-to-deliver: from the bytes of a file to a verdict, here and in what others use.

    python benchmarks/rules.py [--repeat N] [--peer NAME ...]

Peers run in processes and environments of their own (`uv run --no-project --with ...`), are given the same files, and
must count the same rows. They only count; here every refused row also has its reasons, its line and its text. Files are
read side by side, as the stream reads those of a run; peers may use all processors in their own way.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.parse_validate import DATA, content, side_by_side
from benchmarks.report import Took, took
from tables.contract import Contract
from tables.odcs import load
from tables.reference.calendars import working_days
from validation.known import Known
from validation.rules import Ask, asking
from validation.rules.keys import Keys
from validation.validate import validate
from validation.verdict import Verdict

ROOT = Path(__file__).parent
CONTRACT = ROOT / "sec_ftd_rules.yaml"
PEERS = {
    "duckdb": ("duckdb==1.5.6",),
    "pandera": ("pandera[pandas]==0.35.0", "pyarrow==23.0.1", "pandas==2.3.3"),
    "great_expectations": ("great-expectations==1.24.1", "pyarrow==23.0.1", "pandas==2.3.3"),
}
REPEATS = 3
"""Of a peer; they take seconds."""
GOAL = 1.6
"""Parsing with the rules may take so many times what parsing alone does, by the clock and in CPU time."""
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def main(arguments: Sequence[str] = ()) -> int:
    """Prints the table; 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeat", type=int, default=25)
    parser.add_argument("--peer", action="append", choices=PEERS, help="only these; all without it")
    options = parser.parse_args(arguments)
    paths = sorted(DATA.glob("cnsfails*.zip"))
    known = DATA.parent / "reference" / "sec_cusip_ticker.parquet"
    if not paths or not known.exists():
        print(f"no files: put sec_ftd and reference under {DATA.parent}", file=sys.stderr)
        return 2
    files = [_text(content(path)) for path in paths]
    cusips = pq.read_table(known)["Cusip"].cast(pa.string()).combine_chunks()
    race = _race(files, cusips, options.repeat)
    found = {name: _peer(name, files, cusips, options.repeat) for name in options.peer or PEERS}
    _print(race, found)
    return _verdict(race, found)


def _text(data: bytes) -> bytes:
    """Without trailers, and in UTF-8, which all can read."""
    return data[: data.index(b"Trailer record")].decode("cp1252").encode()


@dataclass(frozen=True, slots=True)
class Race:
    """The least seconds of parsing alone and with the rules: of CPU on one thread, and by the clock side by side."""

    alone: Took
    ours: Took
    broken: dict[str, int]
    rows: int


def _race(files: list[bytes], cusips: pa.Array, repeat: int) -> Race:
    """Both in turns; and the rows that break each rule, and all rows."""
    contract = load(CONTRACT.read_text("utf-8"), CONTRACT.name)
    bare = replace(contract, columns=tuple(replace(each, rules=(), required=False) for each in contract.columns))
    known = Known(NOW, dict.fromkeys(asking(contract, Ask.LAKE), Keys(cusips)))

    def judge(contract: Contract, together: Callable[..., Iterable[Verdict]] = side_by_side) -> list[Verdict]:
        return list(together(partial(validate, contract=contract, known=known, threads=1), files))

    def least(contract: Contract) -> Took:
        return Took(took(partial(judge, contract)).wall, took(partial(judge, contract, map)).cpu)

    verdicts = judge(contract)
    times = [(least(bare), least(contract)) for _ in range(repeat)]
    alone, ours = (
        Took(min(each.wall for each in every), min(each.cpu for each in every)) for every in zip(*times, strict=True)
    )
    return Race(alone, ours, _broken(verdicts), sum(verdict.totals.rows for verdict in verdicts))


def _broken(verdicts: list[Verdict]) -> dict[str, int]:
    """By column, rule and, if it is no error, severity."""
    counts: Counter[str] = Counter()
    for verdict in verdicts:
        reasons = (reason for row in verdict.quarantined["reasons"].to_pylist() for reason in row)
        counts.update(f"{reason['column']}.{reason['rule']}" for reason in reasons)
        for flag in verdict.flags:
            counts[f"{flag.column}.{flag.use.name} {flag.use.severity}"] += flag.rows
    return dict(counts)


def _peer(name: str, files: list[bytes], cusips: pa.Array, repeat: int) -> dict[str, Any]:
    """What a peer answers."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number:02}.txt" for number in range(len(files))]
        for path, data in zip(paths, files, strict=True):
            path.write_bytes(data)
        given = {
            "files": [str(path) for path in paths],
            "known": cusips.to_pylist(),
            "open_days": [str(day) for year in range(2019, 2023) for day in working_days("XNYS", year)],
            "today": str(NOW.date()),
            "repeat": min(repeat, REPEATS),
        }
        (Path(folder) / "given.json").write_text(json.dumps(given), "utf-8")
        uv = [str(Path(sys.executable).with_name("uv")), "run", "--no-project", "--python", "3.13", "--quiet"]
        packages = [part for each in PEERS[name] for part in ("--with", each)]
        program = str(ROOT / "peers" / f"{name}_rules.py")
        done = subprocess.run(
            [*uv, *packages, "python", program, f"{folder}/given.json"], check=True, capture_output=True, text=True
        )
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


RULES_OF_OURS = {
    "r8": "cusip.cusip",
    "r9": "symbol.pattern",
    "r10": "symbol.length",
    "r11": "cusip.foreign_key",
    "r13": "quantity.between",
    "r17": "price.between",
}
"""The rules that refuse rows; warnings are counted of rows that no other rule refuses."""


def _print(race: Race, found: dict[str, dict[str, Any]]) -> None:
    alone, ours = race.alone, race.ours
    print(f"{race.rows:,} rows, 20 rules, {os.cpu_count()} CPUs; best of all repeats")
    lines = [("ledgerlake, parsing alone", alone.wall), ("ledgerlake, with reasons", ours.wall)]
    for name, seconds in [*lines, *((name, each["seconds"]) for name, each in found.items())]:
        print(f"{name:<28}{seconds:8.3f} s{race.rows / seconds:14,.0f} rows/s{seconds / ours.wall:8.2f} x ledgerlake")
    print(f"side by side the rules make parsing take {ours.wall / alone.wall:.2f} x as long; goal: at most {GOAL}")
    print(f"on one thread it costs {ours.cpu / alone.cpu:.2f} x the CPU time; goal: at most {GOAL}")


def _verdict(race: Race, found: dict[str, dict[str, Any]]) -> int:
    for name, answer in found.items():
        wrong = {
            rule: (answer["broken"].get(rule, 0), race.broken.get(mine, 0))
            for rule, mine in RULES_OF_OURS.items()
            if answer["broken"].get(rule, 0) != race.broken.get(mine, 0)
        }
        if wrong:
            raise RuntimeError(f"{name} and ledgerlake count differently: {wrong}")
    fastest = all(race.ours.wall < answer["seconds"] for answer in found.values())
    cheap = race.ours.cpu / race.alone.cpu <= GOAL and race.ours.wall / race.alone.wall <= GOAL
    return 0 if fastest and cheap else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
