"""`ledgerlake history`, `diff` and `trace`: what a table was, what changed, and where a row came from."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from typing import Any

import pyarrow as pa
from rich.console import Group
from rich.table import Table

from cli.command import Command
from cli.reading import contract_of, records, shown, uri, version_of
from cli.shell import Reply, Shell, cell_text, table
from ledgerlake.clock import utc_now
from tables.contract import LINEAGE
from tables.difference import diff
from tables.history import Commit, history
from tables.key import PLACE, identity_of, key_of
from tables.mode import Commit as How
from tables.modes import MODES
from tables.trace import trace

_COMMIT = ("version", "committed at", "operation", "by", "uploads", "merged", "superseded", "duplicate", "quarantined")


def commit_row(commit: Commit) -> tuple[object, ...]:
    """A commit as a line: its uploads, and what became of their rows."""
    seqs = [each.seq for each in commit.outcomes]
    span = "" if not seqs else str(seqs[0]) if len(seqs) == 1 else f"{min(seqs)} .. {max(seqs)}"
    names = ("merged", "superseded", "duplicate", "quarantined")
    counts = [sum(getattr(each, name) for each in commit.outcomes) if seqs else None for name in names]
    return commit.version, commit.committed_at, commit.operation, commit.engine.partition(":")[0], span, *counts


def _history_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("dataset", metavar="DATASET", help="a dataset, uploads or quarantine")
    parser.add_argument("--limit", type=int, default=20, help="commits shown, the newest first (default: %(default)s)")


def _history(shell: Shell, arguments: Namespace) -> Reply:
    commits = history(uri(shell, arguments.dataset), shell.settings, arguments.limit)
    answer = table(f"History of {arguments.dataset}", _COMMIT, map(commit_row, commits))
    newest = commits[0].version
    hints = [f"ledgerlake diff {arguments.dataset} {newest - 1} {newest}"] if newest else []
    return Reply([asdict(commit) for commit in commits], answer, hints)


def _diff_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("dataset", metavar="DATASET")
    parser.add_argument("before", metavar="FROM", help="a version (7) or a time (2026-03-31T00:00:00Z)")
    parser.add_argument("after", metavar="TO", help="likewise")
    parser.add_argument("--limit", type=int, default=20, help="rows shown of each kind (--json: all)")


def _diff(shell: Shell, arguments: Namespace) -> Reply:
    where, contract = uri(shell, arguments.dataset), contract_of(shell, arguments.dataset)
    key = identity_of(contract) if MODES[contract.mode].commit is How.MERGE else ()
    first, last = (version_of(shell, where, text) for text in (arguments.before, arguments.after))
    found = diff(where, shell.settings, first, last, key)
    kinds = {"inserted": found.inserted, "deleted": found.deleted, "before": found.before, "after": found.after}
    data = {"from": first, "to": last, **{name: records(rows) for name, rows in kinds.items()}}
    summary = (
        f"version {first} to {last}: {found.inserted.num_rows} inserted, {found.after.num_rows} changed, "
        f"{found.deleted.num_rows} deleted"
    )
    parts = [
        shown(_business(rows), words, arguments.limit)
        for words, rows in (("Inserted", found.inserted), ("Deleted", found.deleted))
        if rows.num_rows
    ]
    if found.after.num_rows:
        parts.append(_changes(key, records(found.before), records(found.after), arguments.limit))
    traced = "=... ".join(contract.primary_key or PLACE)
    return Reply(data, Group(summary, *parts), (f"ledgerlake trace {arguments.dataset} {traced}=...",))


def _business(rows: pa.Table) -> pa.Table:
    """The rows without their lineage."""
    return rows.drop_columns([each.name for each in LINEAGE])


def _changes(key: tuple[str, ...], before: list[dict[str, Any]], after: list[dict[str, Any]], limit: int) -> Table:
    """Changed rows, each with the columns that changed."""
    rows, silent = [], {each.name for each in LINEAGE}
    for old, new in list(zip(before, after, strict=True))[:limit]:
        names = [name for name in new if name not in silent and old.get(name) != new[name]]
        rows.append(
            tuple(new[name] for name in key)
            + tuple(
                "\n".join(cell_text(each.get(name)) for name in names)
                for each in ({name: name for name in new}, old, new)
            ),
        )
    title = f"Changed (first {limit} of {len(after)})" if len(after) > limit else "Changed"
    return table(title, (*key, "column", "was", "is"), rows)


def _trace_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("dataset", metavar="DATASET")
    parser.add_argument("key", nargs="+", metavar="COLUMN=VALUE", help="the row's primary key")


def _trace(shell: Shell, arguments: Namespace) -> Reply:
    contract = contract_of(shell, arguments.dataset)
    texts = dict(text.partition("=")[::2] for text in arguments.key)
    steps = trace(contract, shell.settings, key_of(contract, texts), utc_now())
    rows = [
        (
            each.version,
            each.committed_at,
            each.change,
            each.file_name,
            each.line,
            each.seq,
            each.principal,
            each.upload_id,
        )
        for each in steps
    ]
    columns = ("version", "committed at", "change", "file", "line", "seq", "by", "upload")
    key = contract.primary_key
    names = [name for name in steps[0].row if name in key or len({str(each.row.get(name)) for each in steps}) > 1]
    if len(steps) == 1:
        states = table("The row", ("column", "value"), steps[0].row.items())
    else:
        states = table("What changed", names, [tuple(each.row.get(name) for name in names) for each in steps])
    title = "Where it came from, the oldest first"
    return Reply(
        [asdict(each) for each in steps],
        Group(table(title, columns, rows), states),
        (f"ledgerlake status {steps[-1].upload_id}",) if steps[-1].upload_id else (),
    )


COMMANDS = (
    Command("history", "commits of a table: which uploads, what became of their rows", _history, _history_arguments),
    Command("diff", "rows that changed between two versions or times", _diff, _diff_arguments),
    Command("trace", "where a row came from: file, line, uploader and commit", _trace, _trace_arguments),
)
