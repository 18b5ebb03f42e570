"""Judges a file: every row is accepted, or quarantined with all its reasons.

    open -> split -> read -> settle -> parse -> rules        block by block, on several threads
         -> unique -> tell apart                             in the order of the file
         -> control totals                                   once, at its end

What is said of a row depends on that row alone (for `unique`: on the rows before it), never on how the file was cut.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tables.contract import Contract
from validation.container import Data, open_container
from validation.formats import FORMATS
from validation.formats.block import Block
from validation.judged import Judged, is_judged, judge_block, refusal
from validation.refusals import Refusal, failing, quarantine, refused_positions
from validation.rules import RULES, Seen, message
from validation.totals import Declared, add, add_totals, exact_sum, hold_reasons, totals
from validation.verdict import QUARANTINED, Part, Verdict

__all__ = ["Declared", "check_conservation", "judge", "parts", "validate", "verdict"]

NOTHING = Declared()
THREADS = min(4, os.cpu_count() or 1)


def validate(data: Data | BinaryIO, contract: Contract, declared: Declared = NOTHING) -> Verdict:
    """The verdict on a whole file, as uploaded (a gzip or zip is unwrapped).

    Raises:
        RejectedError: the file cannot be read: its container, encoding, header or quoting is broken.
    """
    return verdict(parts(data, contract, THREADS), contract, declared)


def verdict(each: Iterable[Part], contract: Contract, declared: Declared = NOTHING) -> Verdict:
    """The verdict on a file from all its parts in order."""
    read = list(each)
    accepted = pa.concat_tables([part.accepted for part in read] or [contract.schema.empty_table()])
    quarantined = pa.concat_tables([part.quarantined for part in read] or [QUARANTINED.empty_table()])
    found = add_totals(contract, (part.totals for part in read))
    return Verdict(accepted, quarantined, found, hold_reasons(contract, found, declared))


def parts(data: Data | BinaryIO, contract: Contract, threads: int = 1) -> Iterator[Part]:
    """The same, part by part, in the order of the file. Memory does not grow with the file (but for `unique`).

    Raises:
        RejectedError: as `validate`, when the reader gets there.
    """
    return judge(FORMATS[contract.file.name].split(open_container(data), contract), contract, threads)


def judge(tasks: Iterable[Callable[[], Block]], contract: Contract, threads: int = 1) -> Iterator[Part]:
    """The parts of a file from the tasks that read it, in order."""
    seen = {column.name: Seen() for column in contract.columns}
    for judged in _in_order((partial(_judge, task, contract) for task in tasks), threads):
        yield _tell_apart(judged, contract, seen)


def check_conservation(verdict: Verdict) -> None:
    """Proves that accepted and quarantined rows add up to the file, and so does every money column.

    Raises:
        RuntimeError: they do not; this is an error of this program.
    """
    rows = verdict.accepted.num_rows + verdict.quarantined.num_rows
    wrong = [] if rows == verdict.totals.rows else [f"rows: file {verdict.totals.rows}, parts {rows}"]
    cells = [dict(row) for row in verdict.quarantined.column("money").to_pylist()]
    for name, total in verdict.totals.money.items():
        split = exact_sum(verdict.accepted.column(name))
        for row in cells:
            split = add(split, Decimal(row.get(name, 0)))
        if split != total:
            wrong.append(f"{name}: file {total}, parts {split}")
    if wrong:
        msg = f"accepted and quarantined do not add up to the file: {'; '.join(wrong)}"
        raise RuntimeError(msg)


def _judge(task: Callable[[], Block], contract: Contract) -> Judged:
    return judge_block(task(), contract)


def _tell_apart(judged: Judged, contract: Contract, seen: dict[str, Seen]) -> Part:
    block = judged.block
    refusals = [*judged.refusals, *_repeated(judged, contract, seen)]
    arrays = [*judged.columns.values(), pa.array(block.rows, pa.int64())]
    found = totals(contract, len(block.rows) + len(block.broken), judged.sums, block.trailers)
    found = replace(found, notes=block.notes, unbalanced=block.unbalanced, closing=block.closing)
    refused = refused_positions(refusals)
    if len(refused):
        kept = np.ones(len(block.rows), bool)
        kept[refused] = False
        arrays = [array.filter(pa.array(kept)) for array in arrays]
    money = {name: _readable(judged, name, refused) for name in contract.money} if len(refused) else {}
    return Part(pa.Table.from_arrays(arrays, schema=contract.schema), quarantine(block, refusals, money), found)


def _repeated(judged: Judged, contract: Contract, seen: dict[str, Seen]) -> Iterator[Refusal]:
    """`unique` needs the rows before: it runs in the order of the file."""
    for column in contract.columns:
        for use in column.rules:
            rule = RULES[use.name]
            if rule.whole:
                values = judged.columns[column.name]
                if judged.deletes is not None and not is_judged(contract, column.name):
                    values = pc.if_else(pa.array(judged.deletes), pa.scalar(None, values.type), values)
                at = failing(rule.check(seen[column.name], values, **dict(use.params)), values)
                if len(at):
                    yield refusal(rule.name, message(rule, column.name, dict(use.params)), values, column, at)


def _readable(judged: Judged, name: str, refused: np.ndarray) -> dict[int, Decimal]:
    """The money of the refused rows, by position."""
    cells = judged.columns[name].take(pa.array(refused)).to_pylist()
    held = {int(position): Decimal(cell) for position, cell in zip(refused, cells, strict=True) if cell is not None}
    return held | judged.unheld[name]


def _in_order(tasks: Iterable[Callable[[], Judged]], threads: int) -> Iterator[Judged]:
    """Results in order; at most `threads` more than one are worked on ahead, so that memory is bounded."""
    if threads == 1:
        yield from (task() for task in tasks)
        return
    with ThreadPoolExecutor(threads) as pool:
        running: deque[Future[Judged]] = deque()
        for task in tasks:
            running.append(pool.submit(task))
            if len(running) > threads:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
