"""Judges one block of rows: typed columns, and every refusal that needs no other row."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tables.contract import RESCUED, Column, Contract
from tables.mode import deleting
from validation.explain import explain
from validation.formats.block import Block
from validation.numbers import readable_number
from validation.others import settle
from validation.parse import parse
from validation.refusals import Refusal, cell_texts, failing, positions, without
from validation.rules import RULES, message
from validation.totals import TOTALS


@dataclass(frozen=True, slots=True)
class Judged:
    """A block with its typed columns, and what was found wrong in it so far.

    `deletes` tells the rows that delete their key, where the contract lets any do so. `unheld` are numbers that their
    column cannot hold, by column and position.
    """

    block: Block
    columns: dict[str, pa.Array]
    refusals: tuple[Refusal, ...]
    sums: dict[str, Decimal]
    unheld: dict[str, dict[int, Decimal]]
    deletes: npt.NDArray[np.bool_] | None = None


def judge_block(read: Block, contract: Contract) -> Judged:
    """The block, judged cell by cell.

    Of a row that deletes, only its key, its order and what says so are judged: another cell that cannot be read is
    null, and its number counts nowhere.

    Raises:
        RejectedError: as `validation.others.settle`.
    """
    block = settle(read, contract)
    columns: dict[str, pa.Array] = {}
    refusals: list[Refusal] = []
    for column in contract.columns:
        cells = block.cells.get(column.name)
        cells = pa.nulls(len(block.rows), column.arrow) if cells is None else cells
        columns[column.name], found = _judge_column(cells, column, contract)
        refusals += found
    deletes = deleting(pa.table(columns), contract) if contract.deletes else None
    if deletes is not None and deletes.any():
        judged = ((each, is_judged(contract, each.column)) for each in refusals)
        refusals = [each if exact else without(each, deletes) for each, exact in judged]
    if contract.file.unknown_columns == "rescue":
        rescued = block.cells.get(RESCUED.name)
        columns[RESCUED.name] = pa.nulls(len(block.rows), RESCUED.type) if rescued is None else rescued
    unheld = {name: _unheld(name, refusals, contract) for name in {each.column for each in contract.control_totals}}
    sums = {
        each.name: TOTALS[each.total](columns[each.column], unheld[each.column].values())
        for each in contract.control_totals
    }
    return Judged(block, columns, tuple(refusals), sums, unheld, deletes)


def is_judged(contract: Contract, column: str) -> bool:
    """Whether a cell of that column matters in a row that deletes."""
    said = contract.deletes.column if contract.deletes else None
    return column in {*contract.primary_key, contract.sequence_by, said}


def refusal(rule: str, text: str, cells: pa.Array, column: Column, at: np.ndarray) -> Refusal:
    """The refusal of the cells at some positions, `text` saying what is accepted."""
    values = cell_texts(cells, at) if len(at) else []
    return Refusal(
        rule, column.name, at, values, [text if value is None else f"{text}; found {value[:60]!r}" for value in values]
    )


def _judge_column(cells: pa.Array, column: Column, contract: Contract) -> tuple[pa.Array, list[Refusal]]:
    """Typed values, and every refusal that this column alone decides."""
    parsed = parse(cells, column, contract.file)
    refusals = []
    bad = np.zeros(0, np.int64)
    if parsed.bad is not None:
        bad = positions(parsed.bad)
        texts = cell_texts(cells, bad)
        refusals.append(
            Refusal("type", column.name, bad, texts, [explain(text or "", column, contract.file) for text in texts])
        )
    if column.required and parsed.values.null_count:
        missing = np.setdiff1d(positions(parsed.values.is_null()), bad)
        refusals.append(refusal("required", f"{column.name} is required", cells, column, missing))
    for use in column.rules:
        rule = RULES[use.name]
        if not rule.whole:
            params = dict(use.params)
            at = failing(rule.check(parsed.values, **params), parsed.values)
            refusals.append(refusal(rule.name, message(rule, column.name, params), cells, column, at))
    return parsed.values, [each for each in refusals if len(each.positions)]


def _unheld(column: str, refusals: list[Refusal], contract: Contract) -> dict[int, Decimal]:
    numbers = {}
    for each in refusals:
        if each.rule == "type" and each.column == column:
            for position, text in zip(each.positions, each.values, strict=True):
                number = readable_number(text, contract.file)
                if number is not None:
                    numbers[int(position)] = number
    return numbers
