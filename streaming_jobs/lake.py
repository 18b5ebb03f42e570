"""What every step of the stream is handed: settings, clients, clock, contracts and, if there is one, Spark."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import SparkSession

from ledgerlake.aws import Aws
from ledgerlake.clock import Clock, utc_now
from ledgerlake.settings import Settings
from tables.contract_store import ContractStore


@dataclass(frozen=True)
class Lake:
    """Dependencies of the stream, made once by an entry point. Without `spark` every run is applied in the driver."""

    settings: Settings
    aws: Aws
    contracts: ContractStore
    spark: SparkSession | None = None
    clock: Clock = utc_now
