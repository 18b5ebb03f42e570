"""What judged a file is one hash: of the program, and of the lists that the rules of its contract look into."""

from __future__ import annotations

import re
from dataclasses import replace

from tables.contract import Column, Kind, RuleUse
from tables.reference import CALENDARS, COUNTRIES, CURRENCIES, IBANS, fingerprint
from tests.shapes import a_contract
from validation.rules import RULES, rules_sha256

OWN = Column("x", Kind.STRING)


def with_rules(*names: str) -> str:
    return rules_sha256(
        a_contract((replace(OWN, rules=tuple(RuleUse(name) for name in names)), Column("y", Kind.STRING)))
    )


def test_the_hash_is_of_what_is_used() -> None:
    plain, currency, iban = with_rules(), with_rules("currency"), with_rules("iban")
    assert re.fullmatch("[0-9a-f]{64}", plain)
    assert len({plain, currency, iban, with_rules("currency", "iban")}) == 4
    assert with_rules("unique", "cusip") == plain
    assert with_rules("iban", "currency") == with_rules("currency", "iban", "currency")


def test_every_list_has_a_hash_and_a_rule() -> None:
    lists = {CALENDARS, COUNTRIES, CURRENCIES, IBANS}
    assert {name for rule in RULES.values() for name in rule.lists} == lists
    assert len({fingerprint(name) for name in lists}) == len(lists)
