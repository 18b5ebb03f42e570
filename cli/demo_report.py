"""What the demo shows at its end, and the checks that decide its exit code: every row and every cent, twice counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rich.console import Group
from rich.table import Table

from cli.commands.history import commit_row
from cli.demo_files import DATASET, DemoFile, Payment, expected
from cli.reading import records, select, uri
from cli.shell import Exit, Reply, Shell, table
from cli.uploads import COUNTS, reason, state
from cli.uploads import seconds as seconds_of
from ingestion.client import Json
from tables.history import history

_SUM = "SELECT currency, count(*) AS payments, sum(amount) AS amount FROM payments GROUP BY currency ORDER BY currency"
_ROWS = "SELECT payment_id, amount, updated_at FROM payments"
_SAMPLE = "SELECT payment_id, booking_date, amount, currency, status, reference, updated_at, _seq FROM payments"
_KINDS = ("merged", "superseded", "duplicate", "quarantined")
_COMMIT = ("version", "committed at", "operation", "by", "uploads", *_KINDS)


@dataclass(frozen=True, slots=True)
class Run:
    """A finished demo: files and their uploads, the version between the waves, and the table expected there."""

    files: tuple[DemoFile, ...]
    uploads: tuple[Json, ...]
    before: int
    table_before: Mapping[str, Payment]


@dataclass(frozen=True, slots=True)
class Check:
    """Something that must be so."""

    what: str
    good: bool
    found: str


def report(shell: Shell, run: Run, seconds: float, *, kept: bool) -> Reply:
    """All that the demo shows; exit code 0 only if every check is good."""
    now, then = records(select(shell, _SUM)), records(select(shell, _SUM, [str(run.before)]))
    commits = history(uri(shell, DATASET), shell.settings)
    checks = tuple(_checks(shell, run))
    faults = [each for each in checks if not each.good]
    verdict = (
        f"[red]{len(faults)} checks failed[/]" if faults else "[green]every row and every cent is accounted for[/]"
    )
    compared = f"4. The same query now and as of version {run.before}, before the late files came"
    shown = Group(
        _fates(run),
        _sample(shell),
        table("3. Its history", _COMMIT, map(commit_row, commits)),
        _compared(compared, now, then),
        _reconciliation(run),
        *(
            [table("Faults", ("what must be so", "found"), [(each.what, each.found) for each in faults])]
            if faults
            else []
        ),
        f"{len(checks)} checks against an independent count of the generated files: {verdict}",
        f"{seconds:.0f} s in all",
    )
    data = {
        "uploads": run.uploads,
        "now": now,
        "as_of": {"version": run.before, "rows": then},
        "seconds": seconds,
        "history": [each.version for each in commits],
        "checks": [{"what": each.what, "good": each.good, "found": each.found} for each in checks],
    }
    return Reply(data, shown, _hints(shell, run, kept=kept), Exit.FAILED if faults else Exit.OK)


def _checks(shell: Shell, run: Run) -> Iterator[Check]:
    counts, final = expected(run.files)
    for file, upload, count in zip(run.files, run.uploads, counts, strict=True):
        yield Check(f"{file.name}: {file.ends}", upload["state"] == file.ends, upload["state"])
        outcome = upload["outcome"]
        if outcome and file.ends == "applied":
            wanted = tuple(getattr(count, name) for name in COUNTS)
            found = tuple(outcome[name] for name in COUNTS)
            yield Check(
                f"{file.name}: rows {' = '.join((str(count.rows), ' + '.join(map(str, wanted[1:]))))}",
                found == wanted and found[0] == sum(found[1:]),
                str(found[1:]),
            )
            money = {kind: Decimal(text) for kind, text in outcome["money"]["amount"].items()}
            good = money["file"] == sum(money[kind] for kind in _KINDS) == count.file_amount
            yield Check(f"{file.name}: amounts add up to {count.file_amount:,}", good, f"{money['file']:,}")
    yield _same_table("the table is the latest state of every payment", records(select(shell, _ROWS)), final)
    as_of = records(select(shell, _ROWS, [str(run.before)]))
    yield _same_table(f"as of version {run.before} it is as it was", as_of, run.table_before)


def _same_table(what: str, rows: list[dict[str, Any]], wanted: Mapping[str, Payment]) -> Check:
    found = {row["payment_id"]: (row["amount"], row["updated_at"]) for row in rows}
    good = found == {key: (row.amount, row.updated_at) for key, row in wanted.items()} and len(rows) == len(found)
    return Check(what, good, f"{len(rows)} payments, {sum((row['amount'] for row in rows), Decimal(0)):,}")


def _fates(run: Run) -> Table:
    rows = []
    for file, upload in zip(run.files, run.uploads, strict=True):
        outcome = upload["outcome"] or {}
        took = seconds_of(upload)
        rows.append(
            (
                upload["seq"],
                file.name,
                file.story,
                state(upload),
                f"{took:.1f}" if took else None,
                *(outcome.get(name) for name in COUNTS),
                reason(upload),
            ),
        )
    columns = ("seq", "file", "what it is", "state", "s", *COUNTS, "reason")
    return table("1. What happened to each file", columns, rows)


def _sample(shell: Shell) -> Table:
    rows = records(select(shell, f"{_SAMPLE} ORDER BY payment_id LIMIT 5"))
    return table("2. The table (first 5 payments)", tuple(rows[0]), [tuple(row.values()) for row in rows])


def _compared(title: str, now: list[dict[str, Any]], then: list[dict[str, Any]]) -> Table:
    earlier = {row["currency"]: row for row in then}
    rows = [
        (
            row["currency"],
            row["payments"],
            earlier[row["currency"]]["payments"],
            f"{row['amount']:,}",
            f"{earlier[row['currency']]['amount']:,}",
            f"{row['amount'] - earlier[row['currency']]['amount']:,}",
        )
        for row in now
    ]
    return table(title, ("currency", "payments now", "then", "amount now", "then", "difference"), rows)


def _reconciliation(run: Run) -> Table:
    rows = []
    for upload in run.uploads:
        if upload["state"] == "applied":
            money = upload["outcome"]["money"]["amount"]
            rest = Decimal(money["file"]) - sum(Decimal(money[kind]) for kind in _KINDS)
            rows.append(
                (upload["file_name"], *(f"{Decimal(money[kind]):,}" for kind in ("file", *_KINDS)), f"{rest:,}"),
            )
    return table("5. Reconciliation of amount, to the cent", ("file", "in the file", *_KINDS, "unexplained"), rows)


def _hints(shell: Shell, run: Run, *, kept: bool) -> tuple[str, ...]:
    if not kept:
        return ("ledgerlake demo --keep, to look around afterwards", "ledgerlake up, for a lake of your own")
    bad = next(each for each in run.uploads if (each["outcome"] or {}).get("quarantined"))
    key = run.files[-1].rows[0].key
    where = f"--state {shell.root}"
    return (
        f"ledgerlake quarantine show {bad['upload_id']} {where}",
        f"ledgerlake trace {DATASET} payment_id={key} {where}",
        f"ledgerlake down {where}",
    )
