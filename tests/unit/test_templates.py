"""What the linters of `make lint-infra` do not know: the templates fit the code, each other, and what was promised."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import MISSING, fields

import pytest

from cli import glue, resources
from ingestion.app import build_app
from ingestion.intake import Intake
from ledgerlake.aws import Aws
from ledgerlake.layout import GRANT_PREFIX, LANDING_PREFIX, RAW_PREFIX, REJECTED_PREFIX
from ledgerlake.settings import Settings
from streaming_jobs.session import SAFE
from tests import templates as infra
from tests.templates import INFRA, ROOMS, ROOT, Json, listed

FUNCTIONS = infra.resources("AWS::Serverless::Function")
QUEUES = infra.resources("AWS::SQS::Queue")
BUCKETS = infra.resources("AWS::S3::Bucket")
ROLES = infra.resources("AWS::IAM::Role", "AWS::IAM::ManagedPolicy")
STATEFUL = ("AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::SQS::Queue", "AWS::Kinesis::Stream")
SETTINGS = {each.metadata["name"]: each for each in fields(Settings)}
REQUIRED = {name for name, each in SETTINGS.items() if each.default is MISSING}
GIVEN_BY_LAMBDA = {"AWS_REGION"}
JOB = infra.properties("streaming.Job")
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


def environment() -> Json:
    """The variables of every function."""
    variables: Json = infra.template("ingestion")["Globals"]["Function"]["Environment"]["Variables"]
    return variables


def deliveries() -> Iterator[tuple[Json, Json]]:
    """Each function that a queue calls, and the event source."""
    for function in FUNCTIONS.values():
        for event in function["Properties"].get("Events", {}).values():
            if event["Type"] == "SQS":
                yield function["Properties"], event["Properties"]


# The job


def test_the_job_is_a_streaming_job_of_glue_6() -> None:
    assert (JOB["Command"]["Name"], JOB["GlueVersion"], JOB["Command"]["PythonVersion"]) == (
        "gluestreaming",
        "6.0",
        "3",
    )


def test_the_job_runs_once_at_a_time_is_restarted_weekly_and_after_a_failure() -> None:
    assert JOB["ExecutionProperty"] == {"MaxConcurrentRuns": 1}
    assert JOB["Timeout"]["Fn::If"][:2] == ["Continuous", 10080]
    assert JOB["MaintenanceWindow"]["Fn::If"][:2] == ["Continuous", "Sun:03"]
    assert JOB["MaxRetries"]["Fn::If"] == ["Continuous", glue.MAX_RETRIES, 0]


def test_the_job_has_every_conf_without_which_data_can_be_lost() -> None:
    confs = JOB["DefaultArguments"]["--conf"].split(" --conf ")
    assert dict(conf.split("=", 1) for conf in confs) == SAFE


def test_the_job_brings_its_code_its_log_store_and_its_packages_and_uses_glues_delta() -> None:
    arguments = JOB["DefaultArguments"]
    names = {"--extra-py-files": "Wheel", "--extra-jars": "LogStoreJar"}
    for name, parameter in names.items():
        assert arguments[name]["Fn::Sub"] == f"s3://${{ArtifactBucket}}/${{ArtifactPrefix}}/${{{parameter}}}"
    assert arguments["--python-virtual-env"]["Fn::Sub"].endswith("/venv.tar.gz")
    assert (arguments["--datalake-formats"], arguments["--enable-glue-datacatalog"]) == ("delta", "true")


def test_the_jobs_script_is_a_module_that_runs_itself() -> None:
    name = JOB["Command"]["ScriptLocation"]["Fn::Sub"].rpartition("/")[2]
    assert 'if __name__ == "__main__":' in (ROOT / "streaming_jobs" / name).read_text()


def test_every_argument_of_the_job_is_a_setting_or_one_of_glues_own() -> None:
    given = {name.removeprefix("--") for name in JOB["DefaultArguments"] if re.match(r"--(AWS|LEDGERLAKE)_", name)}
    assert given <= SETTINGS.keys()
    assert REQUIRED | {"AWS_REGION"} <= given


def test_the_job_is_started_again_by_a_schedule_that_knows_its_name() -> None:
    target = infra.properties("streaming.Start")["Target"]
    assert json.loads(target["Input"]["Fn::Sub"].replace("${Job}", "x")) == {"JobName": "x"}
    (allowed,) = infra.statements("streaming.StartRole")[1:]
    assert allowed["Resource"]["Fn::Sub"].endswith(f":job/{JOB['Name']['Fn::Sub']}")


# Functions


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_handler_is_a_function_of_the_code(name: str) -> None:
    module, _, function = FUNCTIONS[name]["Properties"]["Handler"].rpartition(".")
    tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text())
    found = [each for each in tree.body if isinstance(each, ast.FunctionDef) and each.name == function]
    assert [len(each.args.args) for each in found] == [2]


def test_every_variable_of_a_function_is_a_setting_and_every_required_setting_is_given() -> None:
    given = {name for name in environment() if not name.startswith("POWERTOOLS_")}
    assert given <= SETTINGS.keys() - GIVEN_BY_LAMBDA
    assert given >= REQUIRED


def test_functions_and_job_are_given_the_same_lake() -> None:
    ours = {"LEDGERLAKE_TENANT_CLAIM", "LEDGERLAKE_MAX_UPLOAD_BYTES"}  # the stream takes no requests
    given = {name for name in environment() if name.startswith("LEDGERLAKE_")}
    assert given - ours == {name[2:] for name in JOB["DefaultArguments"] if name.startswith("--LEDGERLAKE_")}


def test_every_function_has_a_role_a_log_and_a_timeout_of_its_own() -> None:
    for part in ("Role", "LoggingConfig"):
        given = [json.dumps(each["Properties"][part]) for each in FUNCTIONS.values()]
        assert len(set(given)) == len(given) == 3
    assert all("Timeout" in each["Properties"] for each in FUNCTIONS.values())


def test_functions_run_on_a_python_that_the_project_supports() -> None:
    runtime = infra.template("ingestion")["Globals"]["Function"]["Runtime"]
    assert runtime == f"python{(ROOT / '.python-version').read_text().strip()}"


def test_a_landed_file_has_room_in_the_function_that_inspects_it() -> None:
    largest = infra.template("template")["Parameters"]["MaxUploadBytes"]["MaxValue"]
    for name in ("ingestion.AdmitFunction", "ingestion.SweepFunction"):
        assert infra.properties(name)["EphemeralStorage"]["Size"] * 1024**2 >= 1.5 * largest


def test_the_routes_of_the_api_are_those_of_the_application() -> None:
    settings = Settings.from_mapping(dict.fromkeys(REQUIRED, "x"))
    document = json.loads(build_app(Intake(settings, Aws(settings)), print).get_openapi_json_schema(title="x"))
    routes = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    events = infra.properties("ingestion.UploadFunction")["Events"].values()
    assert {(each["Properties"]["Method"], each["Properties"]["Path"]) for each in events} == routes


def test_every_route_wants_a_token_with_a_scope_and_writing_wants_the_scope_of_writers() -> None:
    auth = infra.properties("ingestion.Api")["Auth"]
    assert auth["DefaultAuthorizer"] in auth["Authorizers"]
    for event in infra.properties("ingestion.UploadFunction")["Events"].values():
        scopes = [each["Ref"] for each in event["Properties"]["Auth"]["AuthorizationScopes"]]
        assert scopes == (["WriteScope"] if event["Properties"]["Method"] == "POST" else ["ReadScope", "WriteScope"])


def test_the_api_is_throttled_and_logs_who_asked() -> None:
    api = infra.properties("ingestion.Api")
    assert api["DefaultRouteSettings"].keys() == {"ThrottlingRateLimit", "ThrottlingBurstLimit"}
    assert {"principal", "ip", "status"} <= json.loads(api["AccessLogSettings"]["Format"]).keys()


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
    assert len(dead) == len(QUEUES) / 2
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
    for name in infra.resources("AWS::SQS::QueuePolicy"):
        assert refuses_plain_http(name, "sqs:*")
        assert len(infra.properties(name)["Queues"]) == 2


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

    assert writers("${RawBucket") == {"AdmitRole", "SweepRole"}
    assert writers("${TablesBucket") == {"JobRole", "OperatorRole", "Queries"}  # of Queries: their results


def test_the_prefixes_that_policies_name_are_those_of_the_layout() -> None:
    named = set(re.findall(r"\$\{(?:Raw|Landing)Bucket\}/(\w+/)", json.dumps(infra.templates())))
    assert named == {LANDING_PREFIX, GRANT_PREFIX, RAW_PREFIX, REJECTED_PREFIX}


# The whole


@pytest.mark.parametrize("room", ROOMS)
def test_every_parameter_of_a_room_is_given_by_the_root_and_used(room: str) -> None:
    whole, stack = infra.template(room), infra.properties(f"template.{room.capitalize()}")
    assert stack["TemplateURL"] == f"{room}.yaml"
    assert stack["Parameters"].keys() == whole["Parameters"].keys()
    text = json.dumps({part: whole.get(part) for part in ("Resources", "Conditions", "Outputs", "Globals")})
    unused = [name for name in whole["Parameters"] if f'{{"Ref": "{name}"}}' not in text and f"${{{name}}}" not in text]
    assert unused == []


def test_every_output_that_the_root_reads_is_one_of_that_room() -> None:
    found = re.findall(
        r'\["(\w+)", "Outputs\.(\w+)"\]|\$\{(\w+)\.Outputs\.(\w+)\}', json.dumps(infra.template("template"))
    )
    assert found
    for room, output, other, another in found:
        assert (output or another) in infra.template((room or other).lower())["Outputs"]


def test_queries_have_a_limit_that_nobody_can_take_off() -> None:
    configured = infra.properties("catalog.WorkGroup")["WorkGroupConfiguration"]
    assert configured["EnforceWorkGroupConfiguration"] is True
    assert configured["BytesScannedCutoffPerQuery"] == {"Ref": "AthenaScanBytes"}


def test_the_crawler_starts_only_when_somebody_starts_it_and_leaves_our_tables_alone() -> None:
    crawler = infra.properties("catalog.RawCrawler")
    assert "Schedule" not in crawler
    assert crawler["DatabaseName"] != {"Ref": "Database"}
    (target,) = crawler["Targets"]["S3Targets"]
    assert target["Path"]["Fn::Sub"] == "s3://${RawBucket}/raw/"


def test_the_database_has_a_location_and_the_name_that_settings_give() -> None:
    database = infra.properties("catalog.Database")["DatabaseInput"]
    assert database["LocationUri"]["Fn::Sub"] == "s3://${TablesBucket}/"
    assert database["Name"] == environment()["LEDGERLAKE_DATABASE"]


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_samconfig_names_parameters_of_the_root_with_values_that_it_takes(stage: str) -> None:
    given = tomllib.loads((INFRA / "samconfig.toml").read_text())[stage]["deploy"]["parameters"]
    parameters = infra.template("template")["Parameters"]
    for name, _, value in (each.partition("=") for each in given["parameter_overrides"].split()):
        assert value in parameters[name].get("AllowedValues", [value])
    assert f"Stage={stage}" in given["parameter_overrides"]
    assert given["stack_name"] == f"ledgerlake-{stage}"


def test_templates_have_no_yaml_aliases_which_cloudformation_does_not_read() -> None:
    for path in INFRA.glob("*.yaml"):
        assert not re.search(r"^\s*(- |[\w:]+: )[&*][a-z]", path.read_text(), re.MULTILINE), path.name
