"""What a file is judged against besides its contract: when it was accepted, and what other rows there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ledgerlake.errors import LedgerlakeError
from tables.contract import RuleUse
from validation.rules import RULES, Ask


@dataclass(frozen=True, slots=True)
class Known:
    """`at` is when the file was accepted (UTC); `facts` are what rules ask for, each for its use."""

    at: datetime | None = None
    facts: Mapping[RuleUse, Any] = field(default_factory=dict)

    def of(self, use: RuleUse) -> Any:
        """What the rule asks for.

        Raises:
            LedgerlakeError: it is not known; no rule is passed over in silence.
        """
        asks = RULES[use.name].asks
        fact = self.at if asks is Ask.TIME else self.facts.get(use)
        if fact is None:
            raise LedgerlakeError(f"rule {use.name!r} must know {asks}, and this was not given")
        return fact

    def also(self, facts: Mapping[RuleUse, Any]) -> Known:
        """The same, and more facts."""
        return replace(self, facts={**self.facts, **facts})


NOTHING_KNOWN = Known()
