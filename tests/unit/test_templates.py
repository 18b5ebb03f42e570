"""What the linters of `make lint-infra` do not know: the templates fit the code and each other."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from dataclasses import MISSING, fields
from types import ModuleType

import pytest

from cli import glue
from ingestion.handlers import quarantine_api, upload_api
from ledgerlake.aws import Aws
from ledgerlake.settings import Settings
from streaming_jobs.session import SAFE
from tests import templates as infra
from tests.templates import INFRA, ROOMS, ROOT, Json

FUNCTIONS = infra.resources("AWS::Serverless::Function")
SETTINGS = {each.metadata["name"]: each for each in fields(Settings)}
REQUIRED = {name for name, each in SETTINGS.items() if each.default is MISSING}
GIVEN_BY_LAMBDA = {"AWS_REGION"}
OF_OTHERS = {
    "ingestion": {"LEDGERLAKE_LANDING_QUEUE_URL"},
    "streaming_jobs": {"LEDGERLAKE_LANDING_QUEUE_URL", "LEDGERLAKE_LANDING_BUCKET"},
}
"""Required settings that a room does not read itself: settings are whole, whoever reads them."""

JOB = infra.properties("streaming.Job")


def environment() -> Json:
    """The variables of every function."""
    variables: Json = infra.template("ingestion")["Globals"]["Function"]["Environment"]["Variables"]
    return variables


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
    module, _, function = infra.handler(FUNCTIONS[name]["Properties"]).rpartition(".")
    tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text())
    found = [each for each in tree.body if isinstance(each, ast.FunctionDef) and each.name == function]
    assert [len(each.args.args) for each in found] == [2]


def test_every_variable_of_a_function_is_a_setting_and_every_required_setting_is_given() -> None:
    own = {
        name for each in FUNCTIONS.values() for name in each["Properties"].get("Environment", {}).get("Variables", {})
    }
    given = {name for name in [*environment(), *own] if not name.startswith("POWERTOOLS_")}
    assert given <= SETTINGS.keys() - GIVEN_BY_LAMBDA
    assert given >= REQUIRED


def test_functions_and_job_are_given_the_same_lake() -> None:
    asked = ("TENANT_CLAIM", "MAX_UPLOAD_BYTES", "DECIDE_SCOPE", "RECEIPT_KEY")  # the stream takes no requests
    of_functions = {f"LEDGERLAKE_{name}" for name in asked}
    of_job = {"LEDGERLAKE_LINEAGE", "LEDGERLAKE_LINEAGE_TOKEN"}  # it alone commits
    given = {name for name in environment() if name.startswith("LEDGERLAKE_")}
    job = {name[2:] for name in JOB["DefaultArguments"] if name.startswith("--LEDGERLAKE_")}
    assert given - of_functions == job - of_job
    assert (given & of_job, job & of_functions) == (set(), set())


def test_every_variable_of_a_function_and_argument_of_the_job_is_read_by_their_code() -> None:
    shared = ("tables", "monitoring", "ledgerlake")
    job = {name[2:] for name in JOB["DefaultArguments"] if name.startswith("--LEDGERLAKE_")}
    for room, given in (("ingestion", set(environment()) & SETTINGS.keys()), ("streaming_jobs", job)):
        files = [path for folder in (room, *shared) for path in (ROOT / folder).rglob("*.py")]
        code = "\n".join(path.read_text() for path in files)
        unread = {name for name in given if not re.search(rf"settings\.{SETTINGS[name].name}\b", code)}
        assert unread == OF_OTHERS[room] & REQUIRED, room


def test_every_function_has_a_role_a_log_and_a_timeout_of_its_own() -> None:
    for part in ("Role", "LoggingConfig"):
        given = [json.dumps(each["Properties"][part]) for each in FUNCTIONS.values()]
        assert len(set(given)) == len(given) == len(FUNCTIONS)
    assert all("Timeout" in each["Properties"] for each in FUNCTIONS.values())


def test_functions_run_on_a_python_that_the_project_supports() -> None:
    runtimes = {each["Properties"].get("Runtime", "image") for each in FUNCTIONS.values()}
    assert runtimes == {f"python{(ROOT / '.python-version').read_text().strip()}", "image"}


def test_a_landed_file_has_room_in_the_function_that_inspects_it() -> None:
    largest = infra.template("template")["Parameters"]["MaxUploadBytes"]["MaxValue"]
    for name in ("ingestion.AdmitFunction", "ingestion.SweepFunction"):
        assert infra.properties(name)["EphemeralStorage"]["Size"] * 1024**2 >= 1.5 * largest


def stated_routes(*functions: str) -> list[Json]:
    """What the template says of the routes that these functions of the API answer."""
    events = (each for name in functions for each in infra.properties(f"ingestion.{name}")["Events"].values())
    return [each["Properties"] for each in events]


@pytest.mark.parametrize(
    ("handler", "functions"),
    [(upload_api, ["UploadFunction"]), (quarantine_api, ["UploadFunction", "QuarantineFunction"])],
)
def test_the_routes_of_the_api_are_those_of_the_application(handler: ModuleType, functions: list[str]) -> None:
    settings = Settings.from_mapping(dict.fromkeys(REQUIRED, "x"))
    document = json.loads(handler.build(settings, Aws(settings)).get_openapi_json_schema(title="x"))
    routes = [(method.upper(), path) for path, methods in document["paths"].items() for method in methods]
    stated = [(each["Method"], each["Path"]) for each in stated_routes(*functions)]
    assert sorted(stated) == sorted(routes)


CLOSURE = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
sys.exit("deltalake" in sys.modules)
"""


def test_nothing_that_is_a_zip_file_imports_deltalake_with_which_it_would_be_too_large() -> None:
    made = [each["Properties"] for each in FUNCTIONS.values()]
    handlers = [infra.handler(each) for each in made if each.get("PackageType") != "Image"]
    assert len(handlers) == 3
    subprocess.run(
        [sys.executable, "-c", CLOSURE, *(each.rpartition(".")[0] for each in handlers)], cwd=ROOT, check=True
    )


DECIDING = ("/release", "/reject", "/waive", "/redrive", "/correct")


def test_every_route_wants_a_token_with_a_scope_and_writing_and_deciding_want_scopes_of_their_own() -> None:
    auth = infra.properties("ingestion.Api")["Auth"]
    assert auth["DefaultAuthorizer"] in auth["Authorizers"]
    for route in stated_routes("UploadFunction", "QuarantineFunction"):
        scopes = [each["Ref"] for each in route["Auth"]["AuthorizationScopes"]]
        if route["Path"].endswith(DECIDING):
            assert scopes == ["DecideScope"]
        else:
            post = route["Method"] == "POST"
            assert scopes == (["WriteScope"] if post else ["ReadScope", "WriteScope"])


def test_the_api_is_throttled_and_logs_who_asked() -> None:
    api = infra.properties("ingestion.Api")
    assert api["DefaultRouteSettings"].keys() == {"ThrottlingRateLimit", "ThrottlingBurstLimit"}
    assert {"principal", "ip", "status"} <= json.loads(api["AccessLogSettings"]["Format"]).keys()


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
