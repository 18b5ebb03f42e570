"""`ledgerlake up`: the whole product on this machine, kept running."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from cli import services
from cli.command import Command
from cli.launch import launch
from cli.shell import Reply, Shell, table


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--no-stream", action="store_true", help="without the Spark stream: nothing is applied")


def _run(shell: Shell, arguments: Namespace) -> Reply:
    launched = launch(shell, stream=not arguments.no_stream)
    if not arguments.no_stream:
        with shell.working("waiting for Spark, about 15 s"):
            services.wait_for_stream(shell.state)
    url = launched.env[services.API_URL]
    running = {each.name: each.pid for each in shell.state.processes()}
    data = {
        "api": url,
        "documentation": f"{url}/swagger",
        "s3": launched.env["AWS_ENDPOINT_URL_S3"],
        "aws": launched.env["AWS_ENDPOINT_URL"],
        "processes": running,
        "ledger_rebuilt": launched.rebuilt,
    }
    shown = table(
        "The lake is up",
        ("what", "where"),
        [
            ("upload API", url),
            ("its documentation", f"{url}/swagger"),
            ("S3", data["s3"]),
            ("other AWS", data["aws"]),
            ("state and logs", shell.root),
            *((f"process {name}", pid) for name, pid in running.items()),
        ],
    )
    return Reply(
        data,
        shown,
        ("ledgerlake upload FILE --dataset payments --wait", "ledgerlake status", "ledgerlake down"),
    )


COMMAND = Command("up", "start the lake on this machine, or what of it does not run", _run, _arguments)
