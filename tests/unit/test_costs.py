"""The cost model adds up, scales as the services bill, and cites every price."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.costs import COMMITS, DISK_GB, KEYS, PER_FILE, PER_LOOK, PER_MICRO_BATCH, Installation, Load, bill, total
from cli.main import main
from cli.prices import DPUS, PRICES
from cli.shell import Exit
from ledgerlake.errors import ConfigurationError
from monitoring.metrics import METRICS
from monitoring.objectives import OBJECTIVE
from streaming_jobs.checkpoints import EVERY
from tests import templates as infra


def test_an_idle_installation_is_a_job_a_stream_and_what_watches_them() -> None:
    lines = {(line.service, line.what): line.usd for line in bill(Installation(), Load())}
    assert lines["Glue", "2 G.025X, 24 h a day"] == Decimal("160.60")  # 0.5 DPU * 730 h * 0.44
    assert lines["Kinesis", "one stream on demand"] == Decimal("29.20")
    assert {what for (_, what), usd in lines.items() if usd} == {
        "2 G.025X, 24 h a day",
        "one stream on demand",
        "the stream looks at raw (s3_put)",
        "the stream looks at raw (s3_get)",
        "Lambda asks for what landed",
        "a sweep every five minutes, 1 s at 2 GB",
        "keys",
        "11 alarms of our metrics",
        "5 alarms of AWS's",
        "4 windows of the error budget",
        "alarms of the error budget",
        "one dashboard",
        "metrics of 3 datasets",
    }


def test_a_small_installation_that_streams_an_hour_a_day_costs_a_fraction() -> None:
    small = Installation(source="sqs", stream_hours=Decimal(1))
    assert total(bill(small, Load())) < total(bill(Installation(), Load())) / 4


@given(st.integers(0, 10**7), st.integers(1, 10**9), st.sampled_from(["kinesis", "sqs"]))
def test_twice_the_files_cost_twice_as_much_beyond_the_idle_installation(files: int, size: int, source: str) -> None:
    installation = Installation(source=source)

    def beyond(count: int) -> Decimal:
        return sum((line.usd for line in bill(installation, Load(count, size))), Decimal(0)) - sum(
            (line.usd for line in bill(installation, Load())),
            Decimal(0),
        )

    assert abs(beyond(2 * files) - 2 * beyond(files)) < Decimal("1e-9")
    assert beyond(files) >= 0


def test_every_price_has_a_unit_a_source_somebody_who_saw_it_and_a_use() -> None:
    for price in PRICES.values():
        assert price.usd > 0
        assert price.source.startswith("https://aws.amazon.com/")
        assert price.unit
        assert re.search(r"\b20\d\d\b|undated", price.seen), price
    used = set(re.findall(r'"(\w+)"', (infra.ROOT / "cli" / "costs.py").read_text()))
    assert PRICES.keys() <= used | PER_FILE.keys()
    assert {*PER_FILE, *PER_LOOK, *PER_MICRO_BATCH} <= PRICES.keys()


def test_an_alarm_costs_as_many_metrics_as_it_watches() -> None:
    def alarms(datasets: int) -> Decimal:
        lines = bill(Installation(datasets=datasets), Load())
        return sum((each.usd for each in lines if each.what.endswith("alarms of our metrics")), Decimal(0))

    by_dataset = [each for each in METRICS.values() if each.alarm and each.dimensions]
    assert alarms(5) - alarms(4) == len(by_dataset) * Decimal("0.10")


def test_logs_are_as_long_as_checkpoints_let_them_grow() -> None:
    assert 2 * COMMITS == EVERY


def test_the_model_knows_the_workers_and_sources_of_the_template() -> None:
    parameters = infra.template("template")["Parameters"]
    assert list(DPUS) == parameters["WorkerType"]["AllowedValues"]
    for source in parameters["EventSource"]["AllowedValues"]:
        assert bill(Installation(source=source), Load())
    defaults = Installation()
    assert (defaults.worker, defaults.workers) == (
        parameters["WorkerType"]["Default"],
        parameters["Workers"]["Default"],
    )
    functions = [infra.properties(f"ingestion.{name}Function") for name in ("Upload", "Admit")]
    assert [each["MemorySize"] for each in functions] == [1024, 2048]
    assert functions[1]["EphemeralStorage"]["Size"] / 1024 - 0.5 == float(DISK_GB)
    assert len(infra.resources("AWS::KMS::Key")) == KEYS
    assert len(infra.resources("AWS::CloudWatch::Dashboard")) == 1


def test_every_alarm_of_the_template_is_on_the_bill() -> None:
    counts = [
        int(each.what.split()[0]) for each in bill(Installation(), Load()) if re.match(r"\d+ (alarm|window)", each.what)
    ]
    assert sum(counts) == len(infra.resources("AWS::CloudWatch::Alarm"))
    assert len(OBJECTIVE.burns) == len(infra.resources("AWS::CloudWatch::CompositeAlarm"))


def test_the_command_prints_what_the_model_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "--source", "sqs", "--stream-hours", "1.5", "--files", "1000", "--json"]) == Exit.OK
    printed = json.loads(capsys.readouterr().out)
    installation = Installation(source="sqs", stream_hours=Decimal("1.5"))
    assert printed["usd"] == f"{total(bill(installation, Load(1000)))}"
    assert printed["prices"].keys() == PRICES.keys()
    with pytest.raises(SystemExit) as refused:
        main(["cost", "--stream-hours", "often"])
    assert refused.value.code == Exit.USAGE


def test_what_cannot_be_is_refused_with_all_its_problems() -> None:
    wrong = Installation(source="kafka", worker="G.8X", stream_hours=Decimal(25))
    with pytest.raises(ConfigurationError) as refused:
        bill(wrong, replace(Load(), files=-1))
    assert len(str(refused.value).splitlines()) == 4
