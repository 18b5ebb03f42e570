"""Deploy what `scripts/artifacts.py` built: `python scripts/deploy.py dev --bucket NAME Parameter=value ...`.

Needs the AWS CLI and the SAM CLI on PATH, and credentials that may deploy. In this order, so that each step finds what
it needs: artifacts, stacks, contracts. `--dry-run` prints the commands and runs none. See docs/deploy.md.
"""

import argparse
import json
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import artifacts

ROOT = Path(__file__).resolve().parents[1]
INFRA = ROOT / "infra"
SETTINGS = {
    "LEDGERLAKE_LANDING_BUCKET": "LandingBucket",
    "LEDGERLAKE_RAW_BUCKET": "RawBucket",
    "LEDGERLAKE_TABLES_BUCKET": "TablesBucket",
    "LEDGERLAKE_LEDGER_TABLE": "LedgerTable",
    "LEDGERLAKE_LANDING_QUEUE_URL": "LandingQueueUrl",
    "LEDGERLAKE_STREAM_NAME": "StreamName",
    "LEDGERLAKE_SOURCE": "EventSource",
    "LEDGERLAKE_EVENTS_QUEUE_URL": "EventsQueueUrl",
    "LEDGERLAKE_DATABASE": "Database",
    "LEDGERLAKE_CONTRACTS": "Contracts",
    "LEDGERLAKE_API_URL": "ApiUrl",
    "LEDGERLAKE_GLUE_JOB": "Job",
}
"""What an operator's command line needs to know, and which output of the stack says it."""


def main() -> int:
    """Deploy one stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=("dev", "prod"))
    parser.add_argument("--bucket", required=True, help="bucket for artifacts, in the region of the stacks")
    parser.add_argument("--dry-run", action="store_true", help="print the commands, run none")
    parser.add_argument("parameters", nargs="*", metavar="Parameter=value", help="as JwtIssuer=https://...")
    given = parser.parse_intermixed_args()
    (wheel,) = artifacts.DEPLOY.glob("*.whl")
    prefix = artifacts.prefix(artifacts.DEPLOY, wheel)
    config = read_config(given.stage)
    parameters = [*config["parameter_overrides"].split(), *given.parameters]
    parameters += [f"ArtifactBucket={given.bucket}", f"ArtifactPrefix={prefix}", f"Wheel={wheel.name}"]
    for command in before(given.stage, given.bucket, prefix, parameters):
        call(command, dry_run=given.dry_run)
    outputs = {} if given.dry_run else read_outputs(config["stack_name"], config["region"])
    for command in after(given.stage, config, outputs):
        call(command, dry_run=given.dry_run)
    print("\n".join(environment(outputs, config["region"])))
    return 0


def read_config(stage: str) -> dict[str, str]:
    """Read the parameters of a stage in samconfig.toml."""
    whole = tomllib.loads((INFRA / "samconfig.toml").read_text())
    return dict(whole[stage]["deploy"]["parameters"])


def before(stage: str, bucket: str, prefix: str, parameters: Sequence[str]) -> list[list[str]]:
    """List the commands that bring artifacts and stacks."""
    copy = ["aws", "s3", "cp", "--recursive", "--no-progress", str(artifacts.DEPLOY), f"s3://{bucket}/{prefix}"]
    stacks = ["sam", "deploy", "--template-file", str(INFRA / "template.yaml")]
    stacks += ["--config-file", str(INFRA / "samconfig.toml"), "--config-env", stage]
    stacks += ["--s3-bucket", bucket, "--s3-prefix", f"{prefix}/sam"]
    return [copy, [*stacks, "--parameter-overrides", *parameters]]


def after(stage: str, config: Mapping[str, str], outputs: Mapping[str, str]) -> list[list[str]]:
    """List the commands that need the stacks: contracts, and the stacks' own protection in production."""
    contracts = outputs.get("Contracts", "s3://TABLES-BUCKET/contracts")
    commands = [["aws", "s3", "sync", "--no-progress", str(ROOT / "contracts"), contracts]]
    if stage == "prod":
        protect = ["aws", "cloudformation", "update-termination-protection", "--enable-termination-protection"]
        commands.append([*protect, "--region", config["region"], "--stack-name", config["stack_name"]])
    return commands


def read_outputs(stack: str, region: str) -> dict[str, str]:
    """Ask for the outputs of a stack."""
    command = ["aws", "cloudformation", "describe-stacks", "--region", region, "--stack-name", stack]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    (shown,) = json.loads(done.stdout)["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in shown["Outputs"]}


def environment(outputs: Mapping[str, str], region: str) -> list[str]:
    """Say what to put into the environment of an operator's shell, and what to do next."""
    if not outputs:
        return []
    lines = [f"export {name}={shlex.quote(outputs[key])}" for name, key in SETTINGS.items() if outputs.get(key)]
    steps = "# Next: assume the operator's role, then `ledgerlake tables apply` and `ledgerlake doctor`"
    return [f"export AWS_REGION={region}", *lines, f"{steps}\n# {outputs['OperatorRoleArn']}"]


def call(command: Sequence[str], *, dry_run: bool) -> None:
    """Show a command, and run it unless this is a rehearsal."""
    print(f"$ {shlex.join(command)}", flush=True)
    if not dry_run and subprocess.run(command, check=False).returncode:
        raise SystemExit(f"failed: {command[0]} {command[1]}; nothing that came before has to be undone, run it again")


if __name__ == "__main__":
    sys.exit(main())
