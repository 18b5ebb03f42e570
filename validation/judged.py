"""Judges one block of rows: typed columns, and every rule that needs no other row of the file."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tables.contract import RESCUED, Column, Contract, Severity
from tables.mode import deleting
from validation.explain import explain
from validation.formats.block import Block
from validation.known import Known
from validation.numbers import readable_number
from validation.others import settle
from validation.parse import parse
from validation.refusals import Refusal, cell_texts, positions, without
from validation.rules import RULES
from validation.totals import TOTALS
from validation.uses import NONE, Broken, apply


@dataclass(frozen=True, slots=True)
class Judged:
    """A block with its typed columns, and what was found wrong in it so far.

    `flagged` are rules that rows break without being refused for it. `deletes` tells the rows that delete their key,
    where the contract lets any do so. `unheld` are numbers that their column cannot hold, by column and position.
    """

    block: Block
    columns: dict[str, pa.Array]
    refusals: tuple[Refusal, ...]
    sums: dict[str, Decimal]
    unheld: dict[str, dict[int, Decimal]]
    flagged: tuple[Broken, ...] = ()
    deletes: npt.NDArray[np.bool_] | None = None


def judge_block(read: Block, contract: Contract, known: Known) -> Judged:
    """The block, judged row by row.

    Of a row that deletes, only its key, its order and what says so are judged: another cell that cannot be read is
    null, and its number counts nowhere.

    Raises:
        RejectedError: as `validation.others.settle`.
        LedgerlakeError: as `Known.of`.
    """
    block = settle(read, contract)
    columns: dict[str, pa.Array] = {}
    refusals: list[Refusal] = []
    for column in contract.columns:
        columns[column.name], found = _typed(cells_of(block, column), column, contract)
        refusals += found
    broken = _broken(block, columns, refusals, contract, known)
    deletes = deleting(pa.table(columns), contract) if contract.deletes else None
    if deletes is not None and deletes.any():
        refusals = [each if is_judged(contract, each.column) else without(each, deletes) for each in refusals]
        broken = [each if is_judged(contract, each.name) else each.without(deletes) for each in broken]
    if contract.file.unknown_columns == "rescue":
        rescued = block.cells.get(RESCUED.name)
        columns[RESCUED.name] = pa.nulls(len(block.rows), RESCUED.type) if rescued is None else rescued
    unheld = {name: _unheld(name, refusals, contract) for name in {each.column for each in contract.control_totals}}
    sums = {
        each.name: TOTALS[each.total](columns[each.column], unheld[each.column].values())
        for each in contract.control_totals
    }
    refusals += [each.refusal() for each in broken if each.use.severity is Severity.ERROR]
    place = {column.name: at for at, column in enumerate(contract.columns)}
    refusals.sort(key=lambda each: place.get(each.column or "", len(place)))
    kept = tuple(each for each in broken if each.use.severity is not Severity.ERROR)
    return Judged(block, columns, tuple(refusals), sums, unheld, kept, deletes)


def is_judged(contract: Contract, column: str | None) -> bool:
    """Whether a cell of that column matters in a row that deletes."""
    said = contract.deletes.column if contract.deletes else None
    return column is not None and column in {*contract.primary_key, contract.sequence_by, said}


def cells_of(block: Block, column: Column) -> pa.Array:
    """The cells of a column as they were found."""
    cells = block.cells.get(column.name)
    return pa.nulls(len(block.rows), column.arrow) if cells is None else cells


def _typed(cells: pa.Array, column: Column, contract: Contract) -> tuple[pa.Array, list[Refusal]]:
    """Typed values, and the refusals of cells that have none, or are missing."""
    parsed = parse(cells, column, contract.file)
    refusals = []
    bad = NONE
    if parsed.bad is not None:
        bad = positions(parsed.bad)
        texts = cell_texts(cells, bad)
        refusals.append(
            Refusal("type", column.name, bad, texts, [explain(text or "", column, contract.file) for text in texts])
        )
    if column.required and parsed.values.null_count:
        missing = np.setdiff1d(positions(parsed.values.is_null()), bad)
        values, text = cell_texts(cells, missing), f"{column.name} is required"
        messages = [text if value is None else f"{text}; found {value[:60]!r}" for value in values]
        refusals.append(Refusal("required", column.name, missing, values, messages))
    return parsed.values, [each for each in refusals if len(each.positions)]


def _broken(
    block: Block, columns: dict[str, pa.Array], refusals: list[Refusal], contract: Contract, known: Known
) -> list[Broken]:
    """The rules that rows break, but for those that need the rows before. A cell that has no value has one reason."""
    unread = {each.column: each.positions for each in refusals if each.rule == "type"}
    found = []
    for column, use in contract.uses:
        rule = RULES[use.name]
        if rule.memory is None:
            cells = cells_of(block, column) if column else None
            broken = apply(use, column, columns, known, cells)
            if broken and rule.of_nulls and broken.name in unread:
                mask = np.zeros(len(block.rows), bool)
                mask[unread[broken.name]] = True
                broken = broken.without(mask)
            if broken and len(broken.at):
                found.append(broken)
    return found


def _unheld(column: str, refusals: list[Refusal], contract: Contract) -> dict[int, Decimal]:
    numbers = {}
    for each in refusals:
        if each.rule == "type" and each.column == column:
            for position, text in zip(each.positions, each.values, strict=True):
                number = readable_number(text, contract.file)
                if number is not None:
                    numbers[int(position)] = number
    return numbers
