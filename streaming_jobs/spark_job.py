"""A large run, what it is applied to, and the shapes that its rows take on their way there."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
from pyspark.sql import SparkSession

from ledgerlake.layout import table_uri
from streaming_jobs.facts import Facts, facts_of
from streaming_jobs.lake import Lake
from streaming_jobs.lookup import stored_contract
from streaming_jobs.open_tables import Handle, spark_uri
from streaming_jobs.runs import Run
from tables import delta
from tables.contract import Contract
from tables.mode import OP, Mode, event_schema
from tables.modes import MODES, change_schema


@dataclass(frozen=True)
class Shapes:
    """Schemas of accepted rows, of changes and of events, with the types that the table has."""

    rows: pa.Schema
    changes: pa.Schema
    events: pa.Schema


@dataclass(frozen=True)
class Job:
    """A run to be applied by Spark to its table, which is at version `at`."""

    lake: Lake
    spark: SparkSession
    run: Run
    data: Handle
    at: int
    shapes: Shapes
    stored: Contract
    facts: Facts

    @property
    def contract(self) -> Contract:
        """The contract of all its uploads, under which they are read; they are folded under `stored`."""
        return self.run.contract

    @property
    def mode(self) -> Mode:
        """How the table changes."""
        return MODES[self.run.contract.mode]

    def uri(self, table: str) -> str:
        """A table of the lake, as Spark names it."""
        return spark_uri(table_uri(self.lake.settings.tables_bucket, table))


def job_of(lake: Lake, spark: SparkSession, run: Run, data: Handle) -> Job:
    """The job; `data` is the table at its newest version, and may have more columns and wider types than the contract.

    Raises:
        LedgerlakeError: the rows of the contract do not fit the table, or as `facts_of`.
    """
    stored = stored_contract(lake, run.contract, data)
    shapes = Shapes(stored.row_schema, change_schema(stored), event_schema(stored))
    delta.fit(data, shapes.changes.empty_table().drop_columns([OP.name]))
    return Job(lake, spark, run, data, data.version(), shapes, stored, facts_of(lake, run, data))
