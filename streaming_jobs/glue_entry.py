"""Entry point of the streaming job, in AWS Glue and on a laptop: `python -m streaming_jobs.glue_entry`.

Settings come from the environment, then from the job's arguments (`--LEDGERLAKE_RAW_BUCKET name`), as Glue passes
them. SIGTERM and Ctrl-C end the job after the micro-batch that has begun.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import fields
from types import FrameType

from ledgerlake.aws import Aws
from ledgerlake.logs import structured
from ledgerlake.settings import Settings
from streaming_jobs import stream
from streaming_jobs.lake import Lake
from streaming_jobs.lineage_sink import sink
from streaming_jobs.session import large_path_problem, start_session
from tables.contract_store import ContractStore

logger = logging.getLogger("streaming_jobs")


def main(argv: Sequence[str], environ: Mapping[str, str]) -> None:
    """Runs the stream until the process is told to end."""
    structured()
    settings = Settings.from_mapping({**environ, **job_arguments(argv)})
    stop = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    aws = Aws(settings)
    spark = start_session(settings)
    problem = large_path_problem(spark)
    if problem:
        logger.warning("only the driver applies uploads, large ones are refused: %s", problem)
    try:
        stream.run(Lake(settings, aws, ContractStore(settings, aws), spark, lineage=sink(aws, environ)), stop)
    finally:
        spark.stop()


def job_arguments(argv: Sequence[str]) -> dict[str, str]:
    """The settings among a job's arguments, `--NAME value` or `--NAME=value`; Glue adds arguments of its own."""
    names = {each.metadata["name"] for each in fields(Settings)}
    found = {}
    for position, argument in enumerate(argv):
        name, given, value = argument.removeprefix("--").partition("=")
        if argument.startswith("--") and name in names and (given or position + 1 < len(argv)):
            found[name] = value if given else argv[position + 1]
    return found


if __name__ == "__main__":
    main(sys.argv[1:], os.environ)
