"""One Spark session for the whole run: starting one costs ten seconds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from streaming_jobs.session import start_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from tests.conftest import Cloud


@pytest.fixture(scope="session")
def spark(cloud: Cloud) -> Iterator[SparkSession]:
    """The product's own session against the embedded cloud."""
    session = start_session(cloud.settings)
    yield session
    session.stop()
