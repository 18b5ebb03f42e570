"""`ledgerlake ledger rebuild`: the ledger, made again from what raw keeps."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict

from cli.command import Command
from cli.shell import Reply, Shell
from ingestion.rebuild import rebuild


def _run(shell: Shell, _: Namespace) -> Reply:
    with shell.working("reading grants, manifests and reasons from S3"):
        rebuilt = rebuild(shell.settings, shell.aws)
    said = (
        f"read back {rebuilt.grants} grants, {rebuilt.acceptances} acceptances, {rebuilt.rejections} rejections and "
        f"{rebuilt.decisions} decisions of {len(rebuilt.datasets)} datasets, and {rebuilt.outcomes} outcomes from the "
        "uploads table"
    )
    return Reply(asdict(rebuilt), said, ("ledgerlake status",))


COMMAND = Command("ledger rebuild", "make the ledger again from raw; safe at any time", _run)
