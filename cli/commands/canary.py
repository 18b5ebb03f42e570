"""`ledgerlake canary`: what the scheduled canary does, now: one row through the API, found again by a query."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import replace

from cli.command import Command
from cli.emf import deliver
from cli.notifications import lambda_context, scheduled_event
from cli.shell import Reply, Shell, table
from ingestion.handlers.canary import build


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--source", default="by-hand", help="tells canaries apart (default: %(default)s)")


def _run(shell: Shell, arguments: Namespace) -> Reply:
    settings = replace(shell.settings, api_url=shell.api_url)
    with shell.working("sending one row, waiting until it can be queried"):
        handle = build(settings, shell.aws, emit=deliver(shell.aws), source=arguments.source)
        found = handle(scheduled_event(), lambda_context("canary"))
    rows = [("upload", found["upload_id"]), ("found after", f"{found['seconds']:.1f} s")]
    return Reply(found, table("The canary is well", ("what", ""), rows), ("ledgerlake metrics",))


COMMAND = Command("canary", "send one row through the API and find it again by a query", _run, _arguments)
