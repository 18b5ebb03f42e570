"""What every step of ingestion is handed: settings, clients, contracts, clock."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ingestion.ledger import Ledger
from ledgerlake.aws import Aws
from ledgerlake.clock import Clock, utc_now
from ledgerlake.settings import Settings
from tables.contract_store import ContractStore


@dataclass(frozen=True)
class Intake:
    """Dependencies of ingestion, made once by an entry point."""

    settings: Settings
    aws: Aws
    clock: Clock = utc_now

    @cached_property
    def contracts(self) -> ContractStore:
        """The contracts in force, and those pinned in raw."""
        return ContractStore(self.settings, self.aws)

    @cached_property
    def ledger(self) -> Ledger:
        """What is known of every upload."""
        return Ledger(self.aws, self.settings)
