"""What a contract says of files that are not good: when one is held, who may release it, and who waits for that."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tables.contract import CONTINUE, WAIT
from tables.place import Place

HOLDS = frozenset({"whenHeld", "fourEyes", "quarantineBudget"})
"""Custom properties of a table; any mode takes them."""


def holds(own: Mapping[str, Place]) -> dict[str, Any]:
    """Those that are stated, as fields of a `Contract`."""
    found: dict[str, Any] = {}
    if "whenHeld" in own:
        found["when_held"] = own["whenHeld"].choice((CONTINUE, WAIT), CONTINUE)
    if "fourEyes" in own:
        found["four_eyes"] = own["fourEyes"].flag()
    if "quarantineBudget" in own and _is_budget(own["quarantineBudget"]):
        found["quarantine_budget"] = Decimal(own["quarantineBudget"].value)
    return found


def _is_budget(place: Place) -> bool:
    value = place.value
    number = not isinstance(value, bool) and isinstance(value, int | Decimal)
    if number and value >= 0 and (value < 1 or value == int(value)):
        return True
    place.refuse(f"{value!r} is no budget of refused rows", "Write a number of rows (100), or a share of them (0.02).")
    return False
