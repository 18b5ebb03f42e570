"""`upsert`: one row for each primary key, the newest.

The newest is decided by `sequence_by` if the contract declares it, then by upload sequence, then by row. A row that
comes late, with an older `sequence_by` than the table has, changes nothing.
"""

from __future__ import annotations

from streaming_jobs.modes.mode import Clause, Mode, Quote, all_columns, not_older
from tables.contract import Contract


def _order(contract: Contract) -> tuple[str, ...]:
    return (*((contract.sequence_by,) if contract.sequence_by else ()), "_seq", "_row")


def _clauses(contract: Contract, quote: Quote) -> tuple[Clause, ...]:
    values = all_columns(contract, quote)
    return (
        Clause(matched=True, action="update", condition=not_older(_order(contract), quote), values=values),
        Clause(matched=False, action="insert", condition=None, values=values),
    )


MODE = Mode(name="upsert", keyed=True, order=_order, clauses=_clauses)
