"""`ledgerlake demo`: a stranger's first minute. Starts everything, sends files, shows what became of them."""

from __future__ import annotations

import shutil
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from cli import services
from cli.board import Board
from cli.cloud import stop_all
from cli.command import Command
from cli.demo_files import DATASET, DemoFile, expected, first_wave, second_wave
from cli.demo_report import Run, report
from cli.launch import launched
from cli.reading import uri
from cli.shell import Reply, Shell
from ingestion.client import Ask, Client, Json
from tables.history import history

ADMITTED = frozenset({"accepted", "applied", "held", "rejected"})
PATIENCE = 60.0


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--keep", action="store_true", help="leave everything running, to look around")
    parser.add_argument("--seed", type=int, default=2026, help="of the generated files (default: %(default)s)")


def _run(shell: Shell, arguments: Namespace) -> Reply:
    began = time.monotonic()
    here = Shell(shell.root / "demo", {}, shell.progress)
    stop_all(here.state)
    shutil.rmtree(here.root, ignore_errors=True)
    with launched(here, keep=arguments.keep) as made:
        with here.working("starting Spark, about 15 s"):
            services.wait_for_stream(here.state)
        client = Client(made.env[services.API_URL])
        waves = (first_wave(arguments.seed), second_wave(arguments.seed))
        with Board(here.progress, "Uploading through the API, as any client would") as board:
            early = _send(client, waves[0], board)
            before = history(uri(here, DATASET), here.settings)[0].version
            late = _send(client, waves[1], board)
        run = Run((*waves[0], *waves[1]), (*early, *late), before, expected(waves[0])[1])
        return report(here, run, time.monotonic() - began, kept=arguments.keep)


def _send(client: Client, files: Sequence[DemoFile], board: Board) -> list[Json]:
    """Sends each file after the one before was numbered, so that the story has its order; then waits for all."""
    ids = []
    with tempfile.TemporaryDirectory() as folder:
        for file in files:
            path = Path(folder, file.name)
            path.write_bytes(file.content)
            ask = Ask(DATASET, path, "text/csv", file.declared_rows, file.declared_totals)
            ids.append(client.upload(ask))
            client.wait(ids[-1], PATIENCE, board.saw, ADMITTED)
    return [client.wait(each, PATIENCE, board.saw) for each in ids]


COMMAND = Command("demo", "show it all: start, upload, stream, query, reconcile, stop (about 40 s)", _run, _arguments)
