"""What the templates promise of data and access: nothing is lost, kept too long, open, or allowed without need."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from cli import resources
from ledgerlake.layout import GRANT_PREFIX, LANDING_PREFIX, RAW_PREFIX, REJECTED_PREFIX
from tests import templates as infra
from tests.templates import Json, listed

FUNCTIONS = infra.resources("AWS::Serverless::Function")
QUEUES = infra.resources("AWS::SQS::Queue")
BUCKETS = infra.resources("AWS::S3::Bucket")
ROLES = infra.resources("AWS::IAM::Role", "AWS::IAM::ManagedPolicy")
STATEFUL = ("AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::SQS::Queue", "AWS::Kinesis::Stream")
LEDGER = infra.properties("ingestion.Ledger")
STREAM = infra.properties("ingestion.UploadStream")

WITHOUT_RESOURCES = {
    "xray:PutTraceSegments": "X-Ray's writes have no resource types",
    "xray:PutTelemetryRecords": "as PutTraceSegments",
    "cloudwatch:PutMetricData": "no resource types; a condition names the namespaces",
    "glue:GetSecurityConfiguration": "no resource types",
    "lakeformation:GetDataAccess": "no resource types; Lake Formation's grants decide",
}
"""Actions that only take `*` for their resource, by the Service Authorization Reference."""


def actions(name: str) -> Iterator[str]:
    """The actions that a role allows."""
    for each in infra.statements(name):
        if each["Effect"] == "Allow" and "Principal" not in each:
            yield from listed(each["Action"])


def deliveries() -> Iterator[tuple[Json, Json]]:
    """Each function that a queue calls, and the event source."""
    for function in FUNCTIONS.values():
        for event in function["Properties"].get("Events", {}).values():
            if event["Type"] == "SQS":
                yield function["Properties"], event["Properties"]


# Queues


def test_a_message_is_hidden_for_six_times_as_long_as_its_function_may_take() -> None:
    ((function, source),) = deliveries()
    assert source["Queue"] == {"Ref": "LandingQueueArn"}
    assert infra.properties("storage.LandingQueue")["VisibilityTimeout"] >= 6 * function["Timeout"]


def test_queues_give_back_single_messages_and_limit_the_concurrency_themselves() -> None:
    for function, source in deliveries():
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert source["ScalingConfig"]["MaximumConcurrency"] >= 2
        assert "ReservedConcurrentExecutions" not in function


def test_every_queue_has_a_dead_letter_queue_which_takes_from_it_alone_and_keeps_as_long() -> None:
    for name, queue in QUEUES.items():
        made, room = queue["Properties"], name.partition(".")[0]
        if "RedriveAllowPolicy" in made:
            continue
        assert made["RedrivePolicy"]["maxReceiveCount"] >= resources.MAX_RECEIVES
        target = made["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
        dead = QUEUES[f"{room}.{target}"]["Properties"]
        assert dead["MessageRetentionPeriod"] >= made["MessageRetentionPeriod"]
        (source,) = dead["RedriveAllowPolicy"]["sourceQueueArns"]
        assert source["Fn::Sub"].endswith(f":{made['QueueName']['Fn::Sub']}")


def test_every_dead_letter_queue_has_an_alarm() -> None:
    handed = infra.properties("template.Monitoring")["Parameters"]
    watched = json.dumps([each["Properties"] for each in infra.resources("AWS::CloudWatch::Alarm").values()])
    dead = [name for name, queue in QUEUES.items() if "RedriveAllowPolicy" in queue["Properties"]]
    assert len(dead) == 3  # of landing, of events, of schedules
    for room, _, logical in (name.partition(".") for name in dead):
        parameter = f"{logical}Name"
        assert handed[parameter] == {"Fn::GetAtt": [room.capitalize(), f"Outputs.{parameter}"]}
        assert json.dumps([logical, "QueueName"]) in json.dumps(infra.template(room)["Outputs"][parameter])
        assert json.dumps({"Ref": parameter}) in watched


def test_the_dead_letter_queue_is_where_the_operators_command_looks() -> None:
    names = {
        infra.properties(f"storage.{name}")["QueueName"]["Fn::Sub"]
        for name in ("LandingQueue", "LandingDeadLetterQueue")
    }
    assert names == {"${Name}-${Stage}-landing", resources.dead_letter_url("${Name}-${Stage}-landing")}


def test_landing_rings_its_queue_of_landed_objects_only_and_may() -> None:
    (configured,) = infra.properties("storage.LandingBucket")["NotificationConfiguration"]["QueueConfigurations"]
    assert configured["Filter"]["S3Key"]["Rules"] == [{"Name": "prefix", "Value": LANDING_PREFIX}]
    rings = infra.statements("storage.LandingQueuePolicy")[0]
    name = infra.properties("storage.LandingBucket")["BucketName"]["Fn::Sub"]
    assert rings["Condition"]["ArnEquals"]["aws:SourceArn"]["Fn::Sub"].endswith(f":{name}")
    assert infra.resources()["storage.LandingBucket"]["DependsOn"] == "LandingQueuePolicy"


# Data that stay


def test_whatever_holds_data_says_what_becomes_of_it() -> None:
    for name, each in infra.resources(*STATEFUL).items():
        assert {"DeletionPolicy", "UpdateReplacePolicy"} <= each.keys(), name
    kept = {name for name, each in infra.resources(*STATEFUL).items() if each["DeletionPolicy"] == "Retain"}
    assert kept >= {*BUCKETS, "ingestion.Ledger", "storage.Key", "storage.LandingDeadLetterQueue"}


def test_raw_is_versioned_locked_never_expires_and_cannot_be_overwritten() -> None:
    raw = infra.properties("storage.RawBucket")
    assert raw["VersioningConfiguration"] == {"Status": "Enabled"}
    assert raw["ObjectLockEnabled"] is True
    assert raw["ObjectLockConfiguration"]["Rule"]["DefaultRetention"].keys() == {"Mode", "Days"}
    assert not [key for rule in raw["LifecycleConfiguration"]["Rules"] for key in rule if "Expiration" in key]
    denied = {each["Sid"]: each for each in infra.statements("storage.RawBucketPolicy") if each["Effect"] == "Deny"}
    assert denied["NoOverwrite"]["Condition"]["Null"] == {"s3:if-none-match": "true"}
    assert denied["NoOverwrite"]["Resource"]["Fn::Sub"].endswith(f"/{RAW_PREFIX}*")
    assert denied["NoDeletion"]["Action"] == "s3:DeleteObject"


def test_a_seal_is_kept_where_nobody_can_alter_it_and_no_writer_of_what_it_speaks_of_can_write() -> None:
    seals, raw = (infra.properties(f"storage.{name}Bucket") for name in ("Seals", "Raw"))
    for kept in ("VersioningConfiguration", "ObjectLockEnabled", "ObjectLockConfiguration"):
        assert seals[kept] == raw[kept]
    assert [set(rule) for rule in seals["LifecycleConfiguration"]["Rules"]] == [
        {"Id", "Status", "AbortIncompleteMultipartUpload"}
    ]
    denied = {each["Sid"]: each for each in infra.statements("storage.SealsBucketPolicy") if each["Effect"] == "Deny"}
    assert denied["NoOverwrite"]["Condition"]["Null"] == {"s3:if-none-match": "true"}
    forbidden = {"s3:DeleteObject", "s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"}
    assert set(denied["NoDeletionNorAShorterLock"]["Action"]) == forbidden
    for each in (denied["NoOverwrite"], denied["NoDeletionNorAShorterLock"]):
        assert (each["Principal"], each["Resource"]) == ("*", {"Fn::Sub": "${SealsBucket.Arn}/*"})
    allowed = {
        (name, action)
        for name in ROLES
        for each in infra.statements(name)
        if "SealsBucket" in json.dumps(each.get("Resource"))
        for action in listed(each["Action"])
    }
    assert {name for name, _ in allowed} == {"catalog.AuditorRole"}
    assert {action.split(":")[1][:3] for _, action in allowed} == {"Get", "Lis"}


def test_landing_forgets_abandoned_parts_what_nobody_could_admit_and_old_grants() -> None:
    rules = infra.properties("storage.LandingBucket")["LifecycleConfiguration"]["Rules"]
    assert {rule.get("Prefix") for rule in rules if "ExpirationInDays" in rule} == {LANDING_PREFIX, GRANT_PREFIX}
    assert any("AbortIncompleteMultipartUpload" in rule for rule in rules)


def test_the_ledger_has_its_keys_can_be_restored_and_cannot_be_deleted() -> None:
    assert [each["AttributeName"] for each in LEDGER["KeySchema"]] == ["pk", "sk"]
    assert LEDGER["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert LEDGER["DeletionProtectionEnabled"] is True
    assert LEDGER["BillingMode"] == "PAY_PER_REQUEST"


def test_the_stream_keeps_events_for_a_week_and_scales_itself() -> None:
    assert (STREAM["RetentionPeriodHours"], STREAM["StreamModeDetails"]) == (168, {"StreamMode": "ON_DEMAND"})


def test_every_log_ends_and_is_encrypted() -> None:
    logs = infra.resources("AWS::Logs::LogGroup")
    assert len(logs) == len(FUNCTIONS) + 2  # the API's accesses and the job
    assert all(each["Properties"].keys() >= {"RetentionInDays", "KmsKeyId"} for each in logs.values())


# Who may


def test_every_bucket_is_closed_to_the_public_encrypted_and_speaks_tls_only() -> None:
    policies = {
        each["Properties"]["Bucket"]["Ref"]: name for name, each in infra.resources("AWS::S3::BucketPolicy").items()
    }
    for name, bucket in BUCKETS.items():
        assert set(bucket["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}
        assert "BucketEncryption" in bucket["Properties"]
        assert refuses_plain_http(policies[name.partition(".")[2]], "s3:*")


def test_every_queue_speaks_tls_only() -> None:
    named = set()
    for name in infra.resources("AWS::SQS::QueuePolicy"):
        assert refuses_plain_http(name, "sqs:*")
        named |= {f"{name.partition('.')[0]}.{each['Ref']}" for each in infra.properties(name)["Queues"]}
    assert named == QUEUES.keys()


def refuses_plain_http(policy: str, action: str) -> bool:
    """Whether a policy denies everything to everybody without TLS."""
    wanted = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return any(wanted.items() <= each.items() for each in infra.statements(policy))


def test_no_role_may_do_something_to_everything_unless_the_action_has_no_resources() -> None:
    for name in ROLES:
        for each in infra.statements(name):
            if "Resource" in each and "*" in listed(each["Resource"]):
                assert set(listed(each["Action"])) <= WITHOUT_RESOURCES.keys(), name


def test_no_role_has_a_wildcard_among_its_actions_and_each_reason_is_needed() -> None:
    allowed = {action for name in ROLES for action in actions(name)}
    assert not [action for action in allowed if "*" in action]
    assert allowed >= WITHOUT_RESOURCES.keys()


def test_no_role_takes_a_policy_of_amazons_and_none_is_assumed_by_another_account() -> None:
    for name, role in ROLES.items():
        assert all("Ref" in each for each in role["Properties"].get("ManagedPolicyArns", [])), name
        for each in infra.statements(name):
            who = each.get("Principal", {}).get("AWS")
            assert who in (None, {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"})


def test_only_operators_and_the_job_write_tables_and_only_ingestion_writes_raw() -> None:
    def writers(bucket: str) -> set[str]:
        return {
            name.partition(".")[2]
            for name in ROLES
            for each in infra.statements(name)
            if "s3:PutObject" in listed(each["Action"]) and f"{bucket}}}/" in json.dumps(each.get("Resource"))
        }

    assert writers("${RawBucket") == {"AdmitRole", "QuarantineRole", "SweepRole", "UploadRole"}
    assert writers("${TablesBucket") == {"JobRole", "OperatorRole", "Queries"}  # of Queries: their results


def test_the_prefixes_that_policies_name_are_those_of_the_layout() -> None:
    named = set(re.findall(r"\$\{(?:Raw|Landing)Bucket\}/(\w+/)", json.dumps(infra.templates())))
    assert named == {LANDING_PREFIX, GRANT_PREFIX, RAW_PREFIX, REJECTED_PREFIX}
