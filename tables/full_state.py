"""The guard of full states: a file that says less than the last one may be broken, and what it lacks would be lost."""

from __future__ import annotations

from decimal import Decimal

from tables.contract import Contract
from tables.mode import Offer

_WAY_OUT = "send a complete file again"


def hold(contract: Contract, offer: Offer, *, every_row: bool) -> tuple[str, ...]:
    """Why a full state may not be applied, in words; nothing if it may.

    It may be neither empty nor smaller than the last one by more than `max_shrink`. With `every_row` no row of it may
    be refused: what is refused cannot be told from what is gone.
    """
    reasons = []
    if offer.rows == 0:
        reasons.append(f"full_state: no row is left of a full state that had {offer.before}; {_WAY_OUT}")
    elif offer.rows < (1 - contract.max_shrink) * offer.before:
        reasons.append(
            f"full_state: {offer.rows} rows where there were {offer.before}, that is {_percent(offer)} % fewer; the "
            f"contract allows {contract.max_shrink * 100:f} %: {_WAY_OUT}, or raise maxShrink in the contract",
        )
    if every_row and offer.refused:
        reasons.append(
            f"full_state: {offer.refused} rows are refused, and a row that is refused cannot be told from one that is "
            "gone: correct them and send the file again",
        )
    return tuple(reasons)


def _percent(offer: Offer) -> Decimal:
    return (100 * (1 - Decimal(offer.rows) / offer.before)).quantize(Decimal("0.1"))
