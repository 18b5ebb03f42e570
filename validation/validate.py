"""Judges a file: every row is accepted, or quarantined with all its reasons.

    open -> split -> read -> settle -> parse -> rules        block by block, on several threads
         -> rules that need the rows before -> tell apart    in the order of the file
         -> control totals                                   once, at its end

What is said of a row depends on that row, for some rules on the rows before it or on all of them, and on what is known
beyond the file; never on how the file was cut.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any, BinaryIO, TypeAlias, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tables.contract import Column, Contract, RuleUse, Severity
from validation.container import Data, open_container
from validation.formats import FORMATS
from validation.formats.block import Block
from validation.judged import Judged, cells_of, is_judged, judge_block
from validation.known import NOTHING_KNOWN, Known
from validation.refusals import quarantine, refused_positions, without_rows
from validation.rules import RULES, Ask, asking
from validation.totals import Declared, add, add_totals, exact_sum, hold_reasons, totals
from validation.uses import Broken, apply, flags, warnings_of_rows
from validation.verdict import QUARANTINED, Part, Verdict, add_flags, rules_that_hold

__all__ = ["Declared", "check_conservation", "judge", "parts", "validate", "verdict"]

NOTHING = Declared()
T = TypeVar("T")
THREADS = min(4, os.cpu_count() or 1)
Memory: TypeAlias = tuple[Column | None, RuleUse, Any]
"""A rule that needs the rows before, where it stands, and what it remembers of them."""


def validate(
    data: Data | BinaryIO,
    contract: Contract,
    declared: Declared = NOTHING,
    known: Known = NOTHING_KNOWN,
    threads: int = THREADS,
) -> Verdict:
    """The verdict on a whole file, as uploaded (a gzip or zip is unwrapped).

    Several files are soonest done side by side with one of the `threads` each: those of one file wait for each other.

    Raises:
        RejectedError: the file cannot be read: its container, encoding, header or quoting is broken.
        LedgerlakeError: a rule asks for what is not `known`.
    """
    return verdict(parts(data, contract, known, threads), contract, declared)


def verdict(each: Iterable[Part], contract: Contract, declared: Declared = NOTHING) -> Verdict:
    """The verdict on a file from all its parts in order."""
    read = list(each)
    accepted = pa.concat_tables([part.accepted for part in read] or [contract.schema.empty_table()])
    quarantined = pa.concat_tables([part.quarantined for part in read] or [QUARANTINED.empty_table()])
    found = add_totals(contract, (part.totals for part in read))
    flags = add_flags(flag for part in read for flag in part.flags)
    held = (*hold_reasons(contract, found, declared), *rules_that_hold(flags))
    return Verdict(accepted, quarantined, found, held, flags)


def parts(data: Data | BinaryIO, contract: Contract, known: Known = NOTHING_KNOWN, threads: int = 1) -> Iterator[Part]:
    """The same, part by part, in the order of the file. Memory does not grow with the file, but for a few rules.

    A rule that needs the whole file costs another reading of it. Raises as `validate`, when the reader gets there.
    """
    uses = asking(contract, Ask.FILE)
    if uses:
        others = replace(contract, rules=tuple(use for use in contract.rules if use not in uses))
        facts = {use: _gather(use, data, others, known, threads) for use in uses}
        known = known.also(facts)
    yield from judge(_split(data, contract), contract, threads, known)


def _gather(use: RuleUse, data: Data | BinaryIO, others: Contract, known: Known, threads: int) -> Any:
    """What a rule needs to know of all rows that the others accept."""
    gather = RULES[use.name].gather
    assert gather is not None, use.name  # noqa: S101  # a rule that asks for the file has one
    accepted = (part.accepted for part in judge(_split(data, others), others, threads, known))
    return gather(accepted, **dict(use.params))


def _split(data: Data | BinaryIO, contract: Contract) -> Iterator[Callable[[], Block]]:
    return FORMATS[contract.file.name].split(open_container(data), contract)


def judge(
    tasks: Iterable[Callable[[], Block]], contract: Contract, threads: int = 1, known: Known = NOTHING_KNOWN
) -> Iterator[Part]:
    """The parts of a file from the tasks that read it, in order."""
    memories = [
        (column, use, rule.memory()) for column, use in contract.uses if (rule := RULES[use.name]).memory is not None
    ]
    if not memories:
        yield from _in_order((partial(_alone, task, contract, known) for task in tasks), threads)
        return
    for judged in _in_order((partial(_judge, task, contract, known) for task in tasks), threads):
        yield _tell_apart(judged, contract, known, memories)


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


def _alone(task: Callable[[], Block], contract: Contract, known: Known) -> Part:
    """All of it on one thread, where no rule needs the rows before."""
    return _tell_apart(_judge(task, contract, known), contract, known, ())


def _judge(task: Callable[[], Block], contract: Contract, known: Known) -> Judged:
    return judge_block(task(), contract, known)


def _tell_apart(judged: Judged, contract: Contract, known: Known, memories: Sequence[Memory]) -> Part:
    block = judged.block
    broken = list(_in_file_order(judged, contract, known, memories))
    refusals = [*judged.refusals, *(each.refusal() for each in broken if each.use.severity is Severity.ERROR)]
    flagged = [*judged.flagged, *(each for each in broken if each.use.severity is not Severity.ERROR)]
    said = [warnings_of_rows(flagged, len(block.rows))] if contract.keep_warnings else []
    arrays = [*judged.columns.values(), *said, pa.array(block.rows, pa.int64())]
    found = totals(contract, len(block.rows) + len(block.broken), judged.sums, block.trailers)
    found = replace(found, notes=block.notes, unbalanced=block.unbalanced, closing=block.closing)
    refused = refused_positions(refusals)
    money = {name: _readable(judged, name, refused) for name in contract.money} if len(refused) else {}
    return Part(
        without_rows(pa.Table.from_arrays(arrays, schema=contract.schema), refused),
        quarantine(block, refusals, money),
        found,
        tuple(flags(flagged, block.rows, refused)),
    )


def _in_file_order(judged: Judged, contract: Contract, known: Known, memories: Sequence[Memory]) -> Iterator[Broken]:
    """Rules that need the rows before are put to use in the order of the file. Rows that delete are none for them."""
    columns: Mapping[str, pa.Array] = judged.columns
    if memories and judged.deletes is not None:
        gone = pa.array(judged.deletes)
        columns = {
            name: cells if is_judged(contract, name) else pc.if_else(gone, pa.scalar(None, cells.type), cells)
            for name, cells in columns.items()
        }
    for column, use, memory in memories:
        cells = cells_of(judged.block, column) if column else None
        broken = apply(use, column, columns, known, cells, memory)
        if broken:
            yield broken


def _readable(judged: Judged, name: str, refused: np.ndarray) -> dict[int, Decimal]:
    """The money of the refused rows, by position."""
    cells = judged.columns[name].take(pa.array(refused)).to_pylist()
    held = {int(position): Decimal(cell) for position, cell in zip(refused, cells, strict=True) if cell is not None}
    return held | judged.unheld[name]


def _in_order(tasks: Iterable[Callable[[], T]], threads: int) -> Iterator[T]:
    """Results in order; at most `threads` more than one are worked on ahead, so that memory is bounded."""
    if threads == 1:
        yield from (task() for task in tasks)
        return
    with ThreadPoolExecutor(threads) as pool:
        running: deque[Future[T]] = deque()
        for task in tasks:
            running.append(pool.submit(task))
            if len(running) > threads:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
