"""What runs by the clock is called, may be, and what could not be delivered is kept and has an alarm."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from tests import templates as infra
from tests.templates import Json

QUEUE = {"Fn::GetAtt": ["SchedulesDeadLetterQueue", "Arn"]}
CALLED: Mapping[str, tuple[str, str]] = {
    "SweepFunction": ("Often", "SweepScheduleRole"),
    "CanaryFunction": ("Beat", "CanaryScheduleRole"),
}


def schedules() -> dict[str, dict[str, Json]]:
    """Every schedule that calls a function, by the function and its own name."""
    return {
        name.partition(".")[2]: {
            event: each["Properties"]
            for event, each in function["Properties"].get("Events", {}).items()
            if each["Type"].startswith("Schedule")
        }
        for name, function in infra.resources("AWS::Serverless::Function").items()
    }


def test_the_sweeper_and_the_canary_are_called_by_the_clock_and_nothing_else_is() -> None:
    found = {name: list(events) for name, events in schedules().items() if events}
    assert found == {function: [event] for function, (event, _) in CALLED.items()}
    assert infra.handler(infra.properties("ingestion.SweepFunction")) == "ingestion.handlers.sweep.handler"
    assert schedules()["SweepFunction"]["Often"]["ScheduleExpression"] == "rate(5 minutes)"
    assert "Condition" not in infra.resources()["ingestion.SweepFunction"]


@pytest.mark.parametrize("function", CALLED)
def test_a_schedule_is_on_and_may_call_its_function_and_keep_what_it_could_not_deliver(function: str) -> None:
    event, role = CALLED[function]
    schedule = schedules()[function][event]
    assert schedule.get("State", "ENABLED") == "ENABLED"
    assert schedule["RoleArn"] == {"Fn::GetAtt": [role, "Arn"]}
    assert schedule["DeadLetterConfig"] == {"Arn": QUEUE}
    trust, call, keep, encrypt = infra.statements(f"ingestion.{role}")
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    name = infra.properties(f"ingestion.{function}")["FunctionName"]["Fn::Sub"]
    assert call["Action"] == "lambda:InvokeFunction"
    assert call["Resource"]["Fn::Sub"].endswith(f":function:{name}")
    assert (keep["Action"], keep["Resource"]) == ("sqs:SendMessage", QUEUE)
    assert (encrypt["Action"], encrypt["Resource"]) == (["kms:GenerateDataKey", "kms:Decrypt"], {"Ref": "KeyArn"})


def test_no_queue_puts_its_dead_letters_among_those_of_schedules() -> None:
    queue = infra.properties("ingestion.SchedulesDeadLetterQueue")
    assert queue["RedriveAllowPolicy"] == {"redrivePermission": "denyAll"}


def test_the_streams_start_which_glue_refuses_while_it_runs_is_on_and_the_only_one_without_dead_letters() -> None:
    stated = infra.resources("AWS::Scheduler::Schedule")
    assert list(stated) == ["streaming.Start"]
    start = stated["streaming.Start"]["Properties"]
    assert start.get("State", "ENABLED") == "ENABLED"
    assert "DeadLetterConfig" not in start["Target"]
    assert "stream-stalled" in json.dumps(
        [each["Properties"] for each in infra.resources("AWS::CloudWatch::Alarm").values()]
    )


def test_no_other_source_calls_a_function_than_the_api_queues_and_schedules_with_dead_letters() -> None:
    kinds = {
        event["Type"]
        for function in infra.resources("AWS::Serverless::Function").values()
        for event in function["Properties"].get("Events", {}).values()
    }
    assert kinds == {"HttpApi", "SQS", "ScheduleV2"}
    others = ("AWS::Events::Rule", "AWS::Lambda::EventSourceMapping", "AWS::SNS::Subscription")
    assert set(infra.resources(*others)) == {"template.AlarmSubscription"}
