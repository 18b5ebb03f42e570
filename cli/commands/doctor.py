"""`ledgerlake doctor`: is everything there that the product needs, and does it answer? Every fault with its fix."""

from __future__ import annotations

import os
import shutil
import sys
from argparse import Namespace
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from cli.cloud import this_checkout, weed
from cli.command import Command
from cli.processes import alive
from cli.resources import dead_letter_url
from cli.services import stream_is_ready
from cli.shell import Exit, Reply, Shell, table
from ledgerlake.aws import BotoCoreError, ClientError
from ledgerlake.errors import LedgerlakeError
from ledgerlake.layout import table_uri
from tables.contract_store import ContractStore
from tables.delta import open_table


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what it found, and what to do if that is not good."""

    check: str
    good: bool
    found: str
    fix: str = ""


def _python(_: Shell) -> Finding:
    good = sys.version_info >= (3, 11)
    return Finding("Python", good, sys.version.split()[0], "install Python 3.11 or newer, then `make setup`")


def _packages(_: Shell) -> Finding:
    names = ("pyspark", "delta-spark", "deltalake", "pyarrow", "boto3")
    return Finding("packages", good=True, found=", ".join(f"{name} {version(name)}" for name in names))


def _java(shell: Shell) -> Finding:
    home = shell.env.get("JAVA_HOME") or this_checkout().get("JAVA_HOME", "")
    program = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    return Finding("Java", bool(program), program or "none", "run `make setup`, or set JAVA_HOME to a Java 17")


def _jars(shell: Shell) -> Finding:
    folder = Path(shell.env.get("LEDGERLAKE_JARS") or this_checkout().get("LEDGERLAKE_JARS", "build/jars"))
    found = len(list(folder.glob("*.jar")))
    return Finding("Spark's jars", found > 0, f"{found} in {folder}", "run `make setup`, or set LEDGERLAKE_JARS")


def _s3_program(_: Shell) -> Finding:
    return Finding("SeaweedFS", good=True, found=weed())


def _contracts(shell: Shell) -> Finding:
    store = ContractStore(shell.settings, shell.aws)
    names = store.names()
    for name in names:
        store.current(name)
    return Finding("contracts", bool(names), ", ".join(names) or "none", f"put one into {shell.settings.contracts}")


def _s3(shell: Shell) -> Finding:
    settings = shell.settings
    for bucket in (settings.landing_bucket, settings.raw_bucket, settings.tables_bucket):
        shell.aws.s3.head_bucket(Bucket=bucket)
    return Finding("buckets", good=True, found=settings.s3_endpoint_url or settings.endpoint_url or "AWS")


def _ledger(shell: Shell) -> Finding:
    shown = shell.aws.dynamodb.describe_table(TableName=shell.settings.ledger_table)["Table"]["TableStatus"]
    return Finding("ledger", shown == "ACTIVE", f"{shell.settings.ledger_table} {shown}", "ledgerlake up")


def _stream_of_events(shell: Shell) -> Finding:
    name = shell.settings.stream_name
    shown = shell.aws.kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamStatus"]
    return Finding("event stream", shown == "ACTIVE", f"{name} {shown}", "ledgerlake up")


def _dead_letters(shell: Shell) -> Finding:
    url = dead_letter_url(shell.settings.landing_queue_url)
    attributes = shell.aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    count = int(attributes["Attributes"]["ApproximateNumberOfMessages"])
    return Finding(
        "dead letters",
        count == 0,
        f"{count} messages",
        "read the pump's log, mend the cause, then: ledgerlake sweep",
    )


def _tables(shell: Shell) -> Finding:
    names = ContractStore(shell.settings, shell.aws).names()
    bucket = shell.settings.tables_bucket
    missing = [name for name in names if open_table(table_uri(bucket, name), shell.settings) is None]
    return Finding(
        "tables",
        not missing,
        f"missing: {', '.join(missing)}" if missing else f"{len(names)} datasets",
        "ledgerlake tables apply",
    )


def _processes(shell: Shell) -> Finding:
    recorded = shell.state.processes()
    dead = [each.name for each in recorded if not alive(each)]
    found = f"dead: {', '.join(dead)}" if dead else ", ".join(f"{each.name} {each.pid}" for each in recorded)
    ready = not shell.state.process("stream") or stream_is_ready(shell.state)
    return Finding("processes", not dead and ready, found or "none of ours", "ledgerlake up")


CHECKS: tuple[Callable[[Shell], Finding], ...] = (
    _python,
    _packages,
    _java,
    _jars,
    _s3_program,
    _contracts,
    _s3,
    _ledger,
    _stream_of_events,
    _dead_letters,
    _tables,
    _processes,
)


def _run(shell: Shell, _: Namespace) -> Reply:
    os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    with shell.working("looking"):
        findings = [_look(check, shell) for check in CHECKS]
    rows = [
        ("ok" if each.good else "FAULT", each.check, each.found, "" if each.good else each.fix) for each in findings
    ]
    faults = sum(not each.good for each in findings)
    return Reply(
        [asdict(each) for each in findings],
        table("", ("", "check", "found", "fix"), rows),
        () if faults else ("ledgerlake status",),
        Exit.FAILED if faults else Exit.OK,
    )


def _look(check: Callable[[Shell], Finding], shell: Shell) -> Finding:
    """What the check finds; that it cannot be made is a finding as well."""
    try:
        return check(shell)
    except (LedgerlakeError, BotoCoreError, ClientError) as error:
        name = check.__name__.strip("_").replace("_", " ")
        return Finding(name, good=False, found=str(error).splitlines()[0], fix="ledgerlake up")


COMMAND = Command("doctor", "check this installation; every fault with its fix", _run)
