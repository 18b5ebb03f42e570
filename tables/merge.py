"""The one MERGE of this product: changes `s` into table `t`, as SQL on which DataFusion and Spark agree.

    deleted there and here           -> DELETE
    there, and a value differs       -> UPDATE of all columns, lineage included
    there, and no value differs      -> nothing: an unchanged row keeps the lineage of the upload that brought it;
                                        but it is updated where another was there in between (`RESTORE`)
    not there                        -> INSERT

Which changes there are was decided before, by a mode's fold; only the quoting of names differs between the engines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from tables.contract import Contract
from tables.mode import DELETE, OP, RESTORE, Mode

Quote = Callable[[str], str]
"""Quotes a column's name the way an engine wants it."""


@dataclass(frozen=True, slots=True)
class Merge:
    """What identifies a row, which values count as a change, and what is written.

    `nullable` are columns of the identity that may be null; null is then the same as null.
    """

    identity: tuple[str, ...]
    compared: tuple[str, ...]
    columns: tuple[str, ...]
    nullable: frozenset[str] = frozenset()
    deletes: bool = False

    def same(self, quote: Quote) -> str:
        """SQL: `s` and `t` are the same row."""
        parts = [
            f"(t.{quote(name)} {'IS NOT DISTINCT FROM' if name in self.nullable else '='} s.{quote(name)})"
            for name in self.identity
        ]
        return " AND ".join(parts)

    def differs(self, quote: Quote) -> str:
        """SQL: a value of `s` differs from that of `t`."""
        rest: Sequence[str] = [name for name in self.compared if name not in self.identity]
        # In DataFusion the right side of DISTINCT FROM reaches up to the bracket.
        parts = [f"(s.{quote(name)} IS DISTINCT FROM t.{quote(name)})" for name in rest]
        return f"({' OR '.join(parts)})" if parts else "FALSE"

    def values(self, quote: Quote) -> dict[str, str]:
        """Column, quoted, to the SQL that fills it."""
        return {quote(name): f"s.{quote(name)}" for name in self.columns}

    def when_deleted(self, quote: Quote) -> str:
        """SQL: `s` takes its row away."""
        return f"s.{quote(OP.name)} = '{DELETE}'"

    def when_changed(self, quote: Quote) -> str:
        """SQL: `s` is a row, and not the one that is there, or another was there in between."""
        another = f"({self.differs(quote)} OR s.{quote(OP.name)} = '{RESTORE}')"
        return f"NOT ({self.when_deleted(quote)}) AND {another}" if self.deletes else another

    def when_new(self, quote: Quote) -> str | None:
        """SQL: `s` is a row; None where every `s` is one."""
        return f"NOT ({self.when_deleted(quote)})" if self.deletes else None


def merge_of(contract: Contract, mode: Mode, columns: Sequence[str], *, deletes: bool) -> Merge:
    """The merge of a contract's changes into its table, which has these columns."""
    required = {column.name for column in contract.columns if column.required}
    return Merge(
        identity=mode.identity(contract),
        compared=mode.compared(contract),
        columns=tuple(columns),
        nullable=frozenset(name for name in contract.primary_key if name not in required),
        deletes=deletes,
    )


def has_deletes(changes: pa.Table) -> bool:
    """Whether one of the changes takes a row away."""
    return bool(pc.any(pc.equal(changes[OP.name], DELETE)).as_py())
