"""What every step of the stream is handed: settings, clients, clock, contracts and, if there is one, Spark."""

from __future__ import annotations

import socket
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pyspark.sql import SparkSession

from ledgerlake.aws import Aws
from ledgerlake.clock import Clock, utc_now
from ledgerlake.settings import Settings
from streaming_jobs.lineage_sink import Sink, nowhere
from tables.contract_store import ContractStore


def new_driver() -> str:
    """A name for this driver that no other has: its host, and something random."""
    return f"{socket.gethostname()}-{uuid.uuid4().hex[:12]}"


@dataclass(frozen=True)
class Lake:
    """Dependencies of the stream, made once by an entry point. Without `spark` every run is applied in the driver.

    `driver` is who holds the leases of tables that are being written. `handles` are those of Delta tables, by dataset
    and table (`open_tables.py`), and so is what `upkeep.py` saw when it last looked.
    `lineage` takes OpenLineage events. `waiting` is the held upload that a dataset waits for: it is judged once.
    `measured` is when a dataset's refused rows were counted last (`refused.py`).
    """

    settings: Settings
    aws: Aws
    contracts: ContractStore
    spark: SparkSession | None = None
    clock: Clock = utc_now
    driver: str = field(default_factory=new_driver)
    lineage: Sink = nowhere
    handles: dict[tuple[str, str], Any] = field(default_factory=dict, repr=False, compare=False)
    looks: dict[tuple[str, str], Any] = field(default_factory=dict, repr=False, compare=False)
    waiting: dict[str, str] = field(default_factory=dict, repr=False, compare=False)
    measured: dict[str, datetime] = field(default_factory=dict, repr=False, compare=False)
