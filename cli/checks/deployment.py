"""Of an installation in AWS: what the templates promise still holds, whoever changed something by hand since."""

from __future__ import annotations

from cli.checks.finding import Check, Finding
from cli.shell import Shell
from ledgerlake.layout import LANDING_PREFIX

GLUE_JOB = "LEDGERLAKE_GLUE_JOB"
"""The name of the stream's job; `make deploy` says it. Read by the CLI only: an environment that has it is in AWS."""

REDEPLOY = "somebody changed it by hand: deploy again (docs/deploy.md)"


def immutable_raw(shell: Shell) -> Finding:
    """Raw keeps every version, locked."""
    bucket = shell.settings.raw_bucket
    versions = shell.aws.s3.get_bucket_versioning(Bucket=bucket).get("Status", "off")
    lock = shell.aws.s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
    rule = lock.get("Rule", {}).get("DefaultRetention", {})
    found = f"versions {versions}, locked for {rule.get('Days', 0)} days ({rule.get('Mode', 'no mode')})"
    return Finding("immutable raw", versions == "Enabled" and bool(rule), found, REDEPLOY)


def notices(shell: Shell) -> Finding:
    """Landing rings the queue that the admission listens to."""
    settings = shell.settings
    asked = {"QueueUrl": settings.landing_queue_url, "AttributeNames": ["QueueArn"]}
    arn = shell.aws.sqs.get_queue_attributes(**asked)["Attributes"]["QueueArn"]
    shown = shell.aws.s3.get_bucket_notification_configuration(Bucket=settings.landing_bucket)
    rules = [
        rule["Value"]
        for each in shown.get("QueueConfigurations", [])
        if each["QueueArn"] == arn
        for rule in each.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    ]
    found = f"of {', '.join(rules)} to {arn}" if rules else f"none to {arn}"
    return Finding("notices of landing", LANDING_PREFIX in rules, found, REDEPLOY)


def recovery(shell: Shell) -> Finding:
    """The ledger can be restored to any second."""
    shown = shell.aws.dynamodb.describe_continuous_backups(TableName=shell.settings.ledger_table)
    status = shown["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
    return Finding("ledger's recovery", status == "ENABLED", status.lower(), REDEPLOY)


def job(shell: Shell) -> Finding:
    """The stream's job is the right one, and its last run did not fail."""
    name = shell.env[GLUE_JOB]
    glue_version = shell.aws.glue.get_job(JobName=name)["Job"].get("GlueVersion", "?")
    runs = shell.aws.glue.get_job_runs(JobName=name, MaxResults=1)["JobRuns"]
    state = runs[0]["JobRunState"] if runs else "never started"
    why = f": {runs[0]['ErrorMessage']}" if runs and runs[0].get("ErrorMessage") else ""
    good = glue_version == "6.0" and state not in {"never started", "FAILED", "ERROR", "EXPIRED"}
    fix = f"read its log, mend the cause, then: aws glue start-job-run --job-name {name}"
    return Finding("stream's job", good, f"{name}, Glue {glue_version}, {state}{why}", fix)


CHECKS: tuple[Check, ...] = (immutable_raw, notices, recovery, job)
