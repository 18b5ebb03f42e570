"""What a table's properties say of the contract it was made for: all that a later contract must leave as it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from tables.contract import Contract

_NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Stated:
    """One such thing: its property, what people call it, and the value of a contract as text."""

    property: str
    words: str
    value: str


def stated(contract: Contract) -> tuple[Stated, ...]:
    """All of them. Each decides what earlier rows became, so that later rows would not fit to them."""
    return (
        Stated("ledgerlake.primaryKey", "the primary key", ",".join(contract.primary_key)),
        Stated("ledgerlake.mode", "the mode", contract.mode),
        Stated("ledgerlake.sequenceBy", "the order (sequenceBy)", _column(contract, contract.sequence_by)),
        Stated("ledgerlake.deletes", "the condition of deletes", _deletes(contract)),
        Stated("ledgerlake.dedupe", "dedupe", _flag(on=contract.dedupe)),
        Stated("ledgerlake.ignoreNulls", "ignoreNulls", _flag(on=contract.ignore_nulls)),
        Stated("ledgerlake.untracked", "the untracked columns", ",".join(sorted(contract.untracked))),
        Stated("ledgerlake.keepHistory", "keepHistory", _flag(on=contract.keep_history)),
    )


def differences(contract: Contract, properties: Mapping[str, str]) -> list[tuple[Stated, str]]:
    """What the contract states otherwise than the table, and what the table says."""
    return [
        (each, properties[each.property] or _NOTHING)
        for each in stated(contract)
        if properties.get(each.property, each.value) != each.value
    ]


def _column(contract: Contract, name: str | None) -> str:
    if name is None:
        return ""
    return name if contract.column(name).stored else f"{name} (not stored)"


def _deletes(contract: Contract) -> str:
    if contract.deletes is None:
        return ""
    values = json.dumps([str(each) for each in contract.deletes.values], ensure_ascii=False)
    return f"{_column(contract, contract.deletes.column)} in {values if contract.deletes.values else 'any'}"


def _flag(*, on: bool) -> str:
    return str(on).lower()
