"""One Spark session for the whole run: starting one costs ten seconds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from streaming_jobs.session import start_session

JARS = Path(__file__).parents[2] / "build" / "jars"


@pytest.fixture(scope="session")
def spark(cloud: Any) -> Iterator[SparkSession]:
    """The product's own session against the embedded cloud; `make setup` brings its jars."""
    session = start_session(replace(cloud.settings, jars=str(JARS)))
    yield session
    session.stop()
