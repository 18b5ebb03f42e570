"""Who of people and programs may what by the templates: uploader, analyst, auditor, operator."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests import templates as infra
from tests.templates import Json, listed, template

PEOPLE = ("UploaderRole", "AnalystRole", "AuditorRole", "OperatorRole")
ACCOUNT = {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}
READS = ("Get", "List", "BatchGet", "Query", "Start", "Stop")


def allowed(name: str) -> Iterator[Json]:
    """What a role of people may do, by its own policy and those attached to it."""
    attached = [f"catalog.{each['Ref']}" for each in infra.properties(name).get("ManagedPolicyArns", [])]
    for each in (name, *attached):
        yield from (one for one in infra.statements(each) if "Principal" not in one)


def actions(name: str) -> set[str]:
    """Its actions."""
    return {action for each in allowed(name) for action in listed(each["Action"])}


@pytest.mark.parametrize("role", PEOPLE)
def test_each_is_a_role_that_this_account_alone_lends_and_an_output_names(role: str) -> None:
    (trust,) = infra.properties(f"catalog.{role}")["AssumeRolePolicyDocument"]["Statement"]
    assert (trust["Effect"], trust["Principal"], trust["Action"]) == ("Allow", ACCOUNT, "sts:AssumeRole")
    assert template("catalog")["Outputs"][f"{role}Arn"]["Value"] == {"Fn::GetAtt": [role, "Arn"]}


def test_an_uploader_may_get_its_token_and_nothing_else_of_the_lake() -> None:
    (secret,) = allowed("catalog.UploaderRole")
    assert (secret["Action"], secret["Resource"]) == ("secretsmanager:GetSecretValue", {"Ref": "UploaderSecretArn"})
    assert infra.properties("template.Catalog")["Parameters"]["UploaderSecretArn"] == {"Ref": "UploaderSecretArn"}


def test_analysts_and_auditors_write_nothing_but_results_of_queries() -> None:
    for role in ("catalog.AnalystRole", "catalog.AuditorRole"):
        writes = {action for action in actions(role) if not action.partition(":")[2].startswith(READS)}
        assert writes == {"s3:PutObject", "kms:Decrypt", "kms:GenerateDataKey"}
        (puts,) = (each for each in allowed(role) if "s3:PutObject" in listed(each["Action"]))
        assert puts["Resource"]["Fn::Sub"].endswith(":::${TablesBucket}/athena/*")


def test_an_auditor_reads_what_an_analyst_cannot_back_to_raw_versions_locks_and_the_ledger() -> None:
    more = actions("catalog.AuditorRole") - actions("catalog.AnalystRole")
    assert more >= {"s3:GetObjectVersion", "s3:GetObjectRetention", "s3:ListBucketVersions", "dynamodb:Query"}
    named = json.dumps(list(allowed("catalog.AnalystRole")))
    assert "RawBucket" not in named
    assert "Ledger" not in named


def test_only_operators_start_the_stream_give_dead_letters_back_and_sweep() -> None:
    work = {"glue:StartJobRun", "sqs:StartMessageMoveTask", "lambda:InvokeFunction", "glue:UpdateTable"}
    having = [role for role in PEOPLE if actions(f"catalog.{role}") & work]
    assert having == ["OperatorRole"]
    assert actions("catalog.OperatorRole") >= work


def test_operators_may_look_into_every_dead_letter_queue_as_the_runbook_tells_them() -> None:
    dead = {
        name: each["Properties"]["QueueName"]["Fn::Sub"]
        for name, each in infra.resources("AWS::SQS::Queue").items()
        if "RedriveAllowPolicy" in each["Properties"]
    }
    opened = json.dumps([each for each in allowed("catalog.OperatorRole") if "sqs:ReceiveMessage" in each["Action"]])
    unseen = [
        name for name, queue in dead.items() if f":{queue}" not in opened and f"{_logical(name)}Arn" not in opened
    ]
    assert (len(dead), unseen) == (3, [])


def _logical(name: str) -> str:
    return name.partition(".")[2]


def test_where_lake_formation_grants_readers_get_tables_and_operators_the_database_and_uploaders_nothing() -> None:
    grants: dict[str, set[tuple[str, ...]]] = {}
    for each in infra.resources("AWS::LakeFormation::PrincipalPermissions").values():
        assert each["Condition"] == "UseLakeFormation"
        assert each["Properties"]["PermissionsWithGrantOption"] == []
        role, _ = each["Properties"]["Principal"]["DataLakePrincipalIdentifier"]["Fn::GetAtt"]
        grants.setdefault(role, set()).add(tuple(each["Properties"]["Permissions"]))
    readers = {("SELECT", "DESCRIBE")}
    assert grants == {
        "AnalystRole": readers,
        "AuditorRole": readers,
        "OperatorRole": {("ALL",), ("CREATE_DATABASE",), ("DATA_LOCATION_ACCESS",)},
    }


def test_without_lake_formation_the_files_of_tables_are_read_and_with_it_only_by_its_leave() -> None:
    choices = [each["Fn::If"] for each in _conditional(infra.properties("catalog.Queries"))]
    ((condition, lent, own),) = choices
    assert (condition, lent["Action"], own["Action"]) == (
        "UseLakeFormation",
        "lakeformation:GetDataAccess",
        "s3:GetObject",
    )
    assert own["Resource"]["Fn::Sub"].endswith(":::${TablesBucket}/tables/*")


def _conditional(policy: Json) -> list[Json]:
    return [each for each in policy["PolicyDocument"]["Statement"] if "Fn::If" in each]


def test_who_queries_does_so_in_the_workgroup_whose_limit_is_enforced_and_cannot_change_it() -> None:
    group = infra.properties("catalog.WorkGroup")
    assert (group["State"], group["WorkGroupConfiguration"]["EnforceWorkGroupConfiguration"]) == ("ENABLED", True)
    limit = template("template")["Parameters"]["AthenaScanBytes"]
    assert 0 < limit["MinValue"] <= limit["Default"]
    assert infra.properties("template.Catalog")["Parameters"]["AthenaScanBytes"] == {"Ref": "AthenaScanBytes"}
    athena = [
        (name, action, each["Resource"]["Fn::Sub"])
        for name in infra.resources("AWS::IAM::Role", "AWS::IAM::ManagedPolicy")
        for each in infra.statements(name)
        for action in listed(each["Action"])
        if action.startswith("athena:")
    ]
    assert {name for name, *_ in athena} == {"catalog.Queries"}
    assert all(where.endswith(":workgroup/${WorkGroup}") for *_, where in athena)
    assert "athena:StartQueryExecution" in {action for _, action, _ in athena}
    assert not [action for _, action, _ in athena if action.endswith("WorkGroup") and action != "athena:GetWorkGroup"]
