"""The conditional log store never loses an acknowledged commit; the stock store, our control, does.

First two JVMs hold only the store and write the same versions at the same moments. Then two real Spark drivers
append to one table, through a relay that holds commits back long enough for the drivers to meet.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import py4j.java_gateway
import py4j.protocol
import pyarrow as pa
import pyspark
import pytest
from deltalake import DeltaTable
from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway
from py4j.protocol import Py4JJavaError

from tests.conftest import Cloud
from tests.spark.s3_relay import relaying

ROOT = Path(__file__).parents[2]
JARS = ROOT / "build" / "jars"
JAVA = ROOT / "build" / "java"
CONDITIONAL = "io.ledgerlake.ConditionalLogStore"
STOCK = "io.delta.storage.S3SingleDriverLogStore"
SLOTS = 60
ROUNDS = 4
COMMIT_SECONDS = 0.4
NAMES = ("one", "two")

Writer = Callable[[str, list[Any]], bool]


@pytest.fixture(scope="module")
def jvms() -> Iterator[list[JavaGateway]]:
    """Two Java processes with Hadoop, S3A and the log stores, but no Spark in them.

    Once a session has started, PySpark answers for every exception of py4j by asking its own JVM, which knows none of
    these two; so py4j's own answer is put back while they run.
    """
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setattr(py4j.java_gateway, "get_return_value", py4j.protocol.get_return_value)
        yield [stack.enter_context(a_jvm()) for _ in range(2)]


@contextmanager
def a_jvm() -> Iterator[JavaGateway]:
    """A Java process that does what it is told, and ends with the block."""
    port, token = launch_gateway(
        classpath=f"{JARS}/*:{Path(pyspark.__file__).parent}/jars/*",
        javaopts=["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m"],
        java_path=str(JAVA / "bin" / "java"),
        redirect_stdout=subprocess.DEVNULL,
        redirect_stderr=subprocess.DEVNULL,
        die_on_exit=True,
        enable_auth=True,
    )
    gateway = JavaGateway(gateway_parameters=GatewayParameters(port=port, auth_token=token))
    yield gateway
    gateway.shutdown()


@pytest.fixture
def place(cloud: Cloud) -> str:
    """The bucket and prefix of an empty Delta log."""
    return f"{cloud.settings.tables_bucket}/duel-{uuid.uuid4().hex}/_delta_log"


def a_writer(jvm: JavaGateway, store: str, endpoint: str, **conf: str) -> Writer:
    """A function that commits lines as s3a://bucket/key in that JVM and tells whether the store acknowledged."""
    java = jvm.jvm
    configuration = java.org.apache.hadoop.conf.Configuration()
    settings = {
        "endpoint": endpoint,
        "endpoint.region": "eu-central-1",
        "path.style.access": "true",
        "connection.ssl.enabled": "false",
        "access.key": os.environ["AWS_ACCESS_KEY_ID"],
        "secret.key": os.environ["AWS_SECRET_ACCESS_KEY"],
        **{name.replace("_", "."): value for name, value in conf.items()},
    }
    for name, value in settings.items():
        configuration.set(f"fs.s3a.{name}", value)
    log_store = getattr(java, store)(configuration)

    def commit(place: str, lines: list[Any]) -> bool:
        actions = java.java.util.ArrayList()
        for line in lines:
            actions.add(line)
        path = java.org.apache.hadoop.fs.Path(f"s3a://{place}")
        try:
            log_store.write(path, actions.iterator(), False, configuration)
        except Py4JJavaError as error:
            if error.java_exception.getClass().getName() == "java.nio.file.FileAlreadyExistsException":
                return False
            raise
        return True

    return commit


def duel(writers: list[Writer], place: str) -> list[list[int]]:
    """Both write each version at the same moment; for each version, which of them were told that they won."""
    start = threading.Barrier(len(writers))

    def write(number: int, version: int) -> bool:
        start.wait()
        return writers[number](f"{place}/{version:020}.json", [json.dumps({"writer": number})])

    won = []
    with ThreadPoolExecutor(len(writers)) as pool:
        for version in range(SLOTS):
            told = pool.map(write, range(len(writers)), [version] * len(writers))
            won.append([number for number, acknowledged in enumerate(told) if acknowledged])
    return won


def lost(cloud: Cloud, place: str, won: list[list[int]]) -> int:
    """How many acknowledged commits are not in the log."""
    bucket, _, prefix = place.partition("/")
    stored = [
        json.loads(cloud.aws.s3.get_object(Bucket=bucket, Key=f"{prefix}/{version:020}.json")["Body"].read())["writer"]
        for version in range(len(won))
    ]
    return sum(number != kept for numbers, kept in zip(won, stored, strict=True) for number in numbers)


def test_of_two_writers_of_one_version_exactly_one_is_acknowledged(
    cloud: Cloud,
    jvms: list[JavaGateway],
    place: str,
) -> None:
    won = duel([a_writer(jvm, CONDITIONAL, s3_of(cloud)) for jvm in jvms], place)
    assert [len(numbers) for numbers in won] == [1] * SLOTS
    assert lost(cloud, place, won) == 0


def test_the_stock_store_loses_acknowledged_commits(
    cloud: Cloud,
    jvms: list[JavaGateway],
    place: str,
) -> None:
    won = duel([a_writer(jvm, STOCK, s3_of(cloud)) for jvm in jvms], place)
    assert lost(cloud, place, won) > 0


def test_a_commit_whose_reply_was_lost_is_acknowledged(
    cloud: Cloud,
    jvms: list[JavaGateway],
    place: str,
) -> None:
    with relaying(s3_of(cloud), place) as relay:
        commit = a_writer(jvms[0], CONDITIONAL, relay.endpoint, impl_disable_cache="true")
        relay.lost_replies = 1
        assert commit(f"{place}/{0:020}.json", ["ours"])
        assert len(relay.swallowed) == 1
        assert not commit(f"{place}/{0:020}.json", ["too late"])


def test_a_commit_of_unknown_outcome_is_an_error_not_a_conflict(
    cloud: Cloud,
    jvms: list[JavaGateway],
    place: str,
) -> None:
    impatient = {"attempts_maximum": "1", "retry_limit": "1", "retry_interval": "1ms"}
    with relaying(s3_of(cloud), place) as relay:
        commit = a_writer(jvms[0], CONDITIONAL, relay.endpoint, impl_disable_cache="true", **impatient)
        relay.lost_replies, relay.then_dead = 1, True
        with pytest.raises(Py4JJavaError, match="Writing Object"):  # a conflict would not raise
            commit(f"{place}/{0:020}.json", ["stored, but who knows?"])


def test_a_body_that_fails_half_way_publishes_nothing(
    cloud: Cloud,
    jvms: list[JavaGateway],
    place: str,
) -> None:
    commit = a_writer(jvms[0], CONDITIONAL, s3_of(cloud))
    with pytest.raises(Py4JJavaError, match="ClassCastException"):
        commit(f"{place}/{0:020}.json", ["half", 2])
    assert commit(f"{place}/{0:020}.json", ["whole"])


def test_a_commit_by_another_engine_is_a_conflict(
    cloud: Cloud,
    jvms: list[JavaGateway],
    place: str,
) -> None:
    bucket, _, prefix = place.partition("/")
    cloud.aws.s3.put_object(Bucket=bucket, Key=f"{prefix}/{0:020}.json", Body=b"deltalake was here")
    assert not a_writer(jvms[0], CONDITIONAL, s3_of(cloud))(f"{place}/{0:020}.json", ["too late"])


def s3_of(cloud: Cloud) -> str:
    """The endpoint of S3."""
    return str(cloud.settings.s3_endpoint_url)


@pytest.fixture(scope="module")
def drivers(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[subprocess.Popen[str]]]:
    """Two Spark drivers, ready to append, whose commits take long enough to S3 for the other to come in between."""
    with relaying(s3_of(cloud), "_delta_log/0", delay=COMMIT_SECONDS) as relay, ExitStack() as stack:
        environment = {
            **os.environ,
            **cloud.env,
            "AWS_ENDPOINT_URL_S3": relay.endpoint,
            "LEDGERLAKE_JARS": str(JARS),
            "JAVA_HOME": str(JAVA),
        }
        started = []
        for name in NAMES:
            output = stack.enter_context((tmp_path_factory.mktemp("driver") / name).open("w"))
            driver = subprocess.Popen(
                [sys.executable, "-m", "tests.spark.appender", name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
                cwd=ROOT,
                env=environment,
            )
            stack.enter_context(driver)
            stack.callback(driver.kill)
            started.append(driver)
        for driver in started:
            assert answer_of(driver) == "ready", Path(output.name).read_text()[-2000:]
        yield started


def answer_of(driver: subprocess.Popen[str]) -> str:
    """The driver's next line; empty if it has died."""
    assert driver.stdout
    return driver.stdout.readline().strip()


def append_together(drivers: list[subprocess.Popen[str]], table: str) -> list[tuple[str, int]]:
    """Both drivers append one row at the same moment, several times; returns the rows that they acknowledged."""
    rows = []
    for number in range(ROUNDS):
        for driver in drivers:
            assert driver.stdin
            driver.stdin.write(f"{table} {number}\n")
            driver.stdin.flush()
        for name, driver in zip(NAMES, drivers, strict=True):
            answer = answer_of(driver)
            assert answer == f"{table} {number} acknowledged", f"{name} answered {answer!r}"
            rows.append((name, number))
    return sorted(rows)


def an_empty_table(cloud: Cloud) -> DeltaTable:
    """A Delta table with the columns that the drivers append."""
    schema = pa.schema([("driver", pa.string()), ("number", pa.int32())])
    storage = {"AWS_ENDPOINT_URL": s3_of(cloud), "AWS_ALLOW_HTTP": "true"}
    return DeltaTable.create(f"s3://{cloud.settings.tables_bucket}/{uuid.uuid4().hex}", schema, storage_options=storage)


def rows_of(table: DeltaTable) -> list[tuple[str, int]]:
    """The rows of the newest version."""
    table.update_incremental()
    return sorted((row["driver"], row["number"]) for row in table.to_pyarrow_dataset().to_table().to_pylist())


@pytest.mark.timeout(400)  # two drivers start in it: 50 s on an idle machine, several times that on a busy one
def test_two_spark_drivers_on_one_table_keep_every_row_they_acknowledged(
    cloud: Cloud,
    drivers: list[subprocess.Popen[str]],
) -> None:
    table = an_empty_table(cloud)
    acknowledged = append_together(drivers, table.table_uri.replace("s3://", "s3a://"))
    assert rows_of(table) == acknowledged


def test_two_spark_drivers_with_the_stock_store_lose_rows(cloud: Cloud, drivers: list[subprocess.Popen[str]]) -> None:
    table = an_empty_table(cloud)
    acknowledged = append_together(drivers, table.table_uri.replace("s3://", "stock://"))
    assert set(rows_of(table)) < set(acknowledged)
