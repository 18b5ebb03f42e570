"""Deploys `infra/` to the emulator's CloudFormation, for tests: translated as AWS translates it, room after room.

What moto 5.2.5 cannot do is done here through the services themselves, from the properties that the template states:
* outputs of nested stacks are not seen by their parent: the root's parameters are handed down by `Scope`;
* `UNMADE`: types that its CloudFormation has not. Those in `MAKES` are made by their own API;
* a bucket's notifications, versioning and lock are not read from `AWS::S3::Bucket`. Notifications are set here.
An event source mapping is left out: moto would run the function in Docker; the test hands the messages over itself.
Bucket policies are left out on purpose: moto takes a Deny with conditions for one without.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from tests.templates import PSEUDO, ROOMS, Json, Scope, template

UNMADE = {
    "AWS::ApiGatewayV2::Api": "the routes are checked in tests/unit/test_templates.py",
    "AWS::ApiGatewayV2::Stage": "as the API",
    "AWS::Athena::WorkGroup": "nothing in ledgerlake calls Athena",
    "AWS::CloudWatch::Alarm": "moto evaluates none",
    "AWS::CloudWatch::CompositeAlarm": "as those it is made of",
    "AWS::Glue::Crawler": "off the path of an upload",
    "AWS::Glue::Database": "made by MAKES",
    "AWS::Glue::Job": "made by MAKES; the stream runs in the test",
    "AWS::Glue::SecurityConfiguration": "moto encrypts nothing",
    "AWS::Lambda::EventInvokeConfig": "moto runs no function",
    "AWS::Lambda::Permission": "moto makes it without an id, and never asks it",
    "AWS::S3::BucketPolicy": "see above",
    "AWS::SQS::QueuePolicy": "moto lets S3 send without it",
    "AWS::Scheduler::Schedule": "the sweeper is called by the test",
}
BUCKET = "artifacts"


def _make_database(glue: Any, stated: Json) -> str:
    glue.create_database(DatabaseInput=stated["DatabaseInput"])
    return str(stated["DatabaseInput"]["Name"])


def _make_job(glue: Any, stated: Json) -> str:
    return str(
        glue.create_job(**{name: stated[name] for name in ("Name", "Role", "Command", "DefaultArguments")})["Name"]
    )


MAKES: Mapping[str, tuple[str, Callable[[Any, Json], str]]] = {
    "AWS::Glue::Database": ("glue", _make_database),
    "AWS::Glue::Job": ("glue", _make_job),
}


@dataclass(frozen=True)
class Deployed:
    """What a deployment made: the outputs of every room, and clients of the services it lies in."""

    outputs: Mapping[str, Mapping[str, str]]
    client: Callable[[str], Any]

    def environment(self, function: str) -> dict[str, str]:
        """The environment variables that a function was made with."""
        shown = self.client("lambda").get_function_configuration(FunctionName=function)
        return {name: str(value) for name, value in shown["Environment"]["Variables"].items()}

    def handler(self, function: str) -> str:
        """The function's handler."""
        return str(self.client("lambda").get_function_configuration(FunctionName=function)["Handler"])

    def job_arguments(self) -> list[str]:
        """The arguments that Glue would hand to the job's script."""
        found = self.client("glue").get_job(JobName=self.outputs["streaming"]["Job"])["Job"]["DefaultArguments"]
        return [part for name, value in found.items() for part in (name, value)]


def deploy(endpoint: str, given: Mapping[str, str]) -> Deployed:
    """Deploys the root's nested stacks in the order of their dependencies, with these parameters of the root."""

    def client(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=endpoint,
            region_name=PSEUDO["AWS::Region"],
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    _upload(client("s3"))
    root, outputs = template("template"), dict[str, dict[str, str]]()
    waiting = list(ROOMS)
    while waiting:
        room = next(each for each in waiting if _needs(root, each) <= outputs.keys())
        waiting.remove(room)
        known = {
            f"{each.capitalize()}.Outputs.{name}": text for each in outputs for name, text in outputs[each].items()
        }
        scope = Scope(root, given, {**known, "AlarmTopic": ""})
        parameters = scope.resolved(root["Resources"][room.capitalize()]["Properties"]["Parameters"])
        outputs[room] = _deploy(client, f"{given['Name']}-{room}", room, parameters)
    return Deployed(outputs, client)


def _needs(root: Json, room: str) -> set[str]:
    text = json.dumps(root["Resources"][room.capitalize()]["Properties"])
    return {
        each for each in ROOMS if f'["{each.capitalize()}", "Outputs.' in text or f'"{each.capitalize()}.Out' in text
    }


def _upload(s3: Any) -> None:
    """Templates and a function's code, as `sam package` would."""
    if BUCKET not in {each["Name"] for each in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": PSEUDO["AWS::Region"]})
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("README", "the emulator runs no function; the test calls the handlers")
    s3.put_object(Bucket=BUCKET, Key="lambda.zip", Body=packed.getvalue())
    for room in ROOMS:
        s3.put_object(Bucket=BUCKET, Key=f"{room}.json", Body=json.dumps(translated(room)))


def translated(room: str) -> Json:
    """The template as CloudFormation would see it, after SAM's transform."""
    whole = template(room)
    if "Transform" not in whole:
        return whole
    for each in whole["Resources"].values():
        if "CodeUri" in each["Properties"]:
            each["Properties"]["CodeUri"] = f"s3://{BUCKET}/lambda.zip"
    session = boto3.session.Session(region_name=PSEUDO["AWS::Region"])
    made: Json = Translator({}, Parser(), boto_session=session).translate(whole, {})
    mappings = [name for name, each in made["Resources"].items() if each["Type"] == "AWS::Lambda::EventSourceMapping"]
    for name in mappings:
        del made["Resources"][name]
    return made


def _deploy(client: Callable[[str], Any], stack: str, room: str, parameters: Json) -> dict[str, str]:
    """One room's stack, and what it lacks; returns its outputs."""
    cloudformation = client("cloudformation")
    cloudformation.create_stack(
        StackName=stack,
        TemplateURL=f"https://{BUCKET}.s3.amazonaws.com/{room}.json",
        Parameters=[{"ParameterKey": name, "ParameterValue": str(value)} for name, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    (shown,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    assert shown["StackStatus"] == "CREATE_COMPLETE", shown
    whole = translated(room)
    names = _names(client, stack)
    for logical, each in whole["Resources"].items():
        scope = Scope(whole, parameters, names)
        if "Condition" not in each or scope.holds(whole["Conditions"][each["Condition"]]):
            assert logical in names or each["Type"] in UNMADE, f"the emulator did not make {logical}"
            finished = _finish(client, each["Type"], scope, each["Properties"])
            names |= {logical: finished} if finished else {}
    outputs = {each["OutputKey"]: each["OutputValue"] for each in shown.get("Outputs", [])}
    stated = Scope(whole, parameters, names)
    return {**{name: str(stated.resolved(each["Value"])) for name, each in whole["Outputs"].items()}, **outputs}


def _names(client: Callable[[str], Any], stack: str) -> dict[str, str]:
    """What the stack made, by logical id, and the ARNs of its queues."""
    made = client("cloudformation").list_stack_resources(StackName=stack)["StackResourceSummaries"]
    names = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in made if "PhysicalResourceId" in each}
    for each in made:
        if each.get("ResourceType") == "AWS::SQS::Queue":
            asked = {"QueueUrl": each["PhysicalResourceId"], "AttributeNames": ["QueueArn"]}
            arn = client("sqs").get_queue_attributes(**asked)["Attributes"]["QueueArn"]
            names[f"{each['LogicalResourceId']}.Arn"] = arn
    return names


def _finish(client: Callable[[str], Any], kind: str, scope: Scope, properties: Json) -> str | None:
    """Does what the emulator's CloudFormation left out of a resource; the name of one that it did not make."""
    if kind in MAKES:
        service, make = MAKES[kind]
        return make(client(service), scope.resolved(properties))
    if "NotificationConfiguration" in properties:
        stated = scope.resolved(properties)
        queues = [
            {"QueueArn": each["Queue"], "Events": [each["Event"]], "Filter": {"Key": {"FilterRules": rules}}}
            for each in stated["NotificationConfiguration"]["QueueConfigurations"]
            for rules in [each["Filter"]["S3Key"]["Rules"]]
        ]
        client("s3").put_bucket_notification_configuration(
            Bucket=stated["BucketName"],
            NotificationConfiguration={"QueueConfigurations": queues},
        )
    return None
