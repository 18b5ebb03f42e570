"""`ledgerlake doctor`: is everything there that the product needs, and does it answer? Every fault with its fix."""

from __future__ import annotations

import os
from argparse import Namespace
from dataclasses import asdict

from cli.checks import deployment, lake, machine
from cli.checks.finding import Check, Finding
from cli.command import Command
from cli.shell import INSTALLATION, Exit, Reply, Shell, table
from ledgerlake.aws import BotoCoreError, ClientError
from ledgerlake.errors import LedgerlakeError


def checks(shell: Shell) -> tuple[Check, ...]:
    """What there is to look at: this machine, if it is the one that runs the lake; AWS, if the lake is there."""
    if deployment.GLUE_JOB in shell.env:
        return (*lake.CHECKS, *deployment.CHECKS)
    ours = INSTALLATION not in shell.environ
    return (*(machine.CHECKS if ours else ()), *lake.CHECKS)


def _run(shell: Shell, _: Namespace) -> Reply:
    os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    with shell.working("looking"):
        findings = [_look(check, shell) for check in checks(shell)]
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


def _look(check: Check, shell: Shell) -> Finding:
    """What the check finds; that it cannot be made is a finding as well."""
    try:
        return check(shell)
    except (LedgerlakeError, BotoCoreError, ClientError) as error:
        name = check.__name__.strip("_").replace("_", " ")
        fix = "see docs/deploy.md" if deployment.GLUE_JOB in shell.env else "ledgerlake up"
        return Finding(name, good=False, found=str(error).splitlines()[0], fix=fix)


COMMAND = Command("doctor", "check this installation; every fault with its fix", _run)
