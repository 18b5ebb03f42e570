"""The rules a contract can name, by what they are about: a module each."""

from __future__ import annotations

from validation.rules import codes, groups, identifiers, lake, order, rows, times, values
from validation.rules.fingerprint import rules_sha256
from validation.rules.registry import RULES, Ask, Found, Rule, arguments, asking, message, not_asking

MODULES = (values, codes, identifiers, times, rows, order, groups, lake)

__all__ = ["MODULES", "RULES", "Ask", "Found", "Rule", "arguments", "asking", "message", "not_asking", "rules_sha256"]
