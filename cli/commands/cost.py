"""`ledgerlake cost`: what an installation in AWS would cost a month."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from decimal import Decimal, InvalidOperation

from cli.command import Command
from cli.costs import Installation, Line, Load, bill, total
from cli.prices import DPUS, PRICES
from cli.shell import Reply, Shell, table

CENT = Decimal("0.01")
LAKE, LOAD = Installation(), Load()


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--files", type=int, default=0, help="files a month (0: an idle installation)")
    parser.add_argument("--file-bytes", type=int, default=LOAD.file_bytes, help="size of a file (%(default)s)")
    parser.add_argument("--months-kept", type=int, default=LOAD.months_kept, help="months of files kept (%(default)s)")
    parser.add_argument("--read-bytes", type=int, default=LOAD.read_bytes, help="what queries read (%(default)s)")
    parser.add_argument("--source", choices=("kinesis", "sqs"), default=LAKE.source)
    parser.add_argument("--worker", choices=tuple(DPUS), default=LAKE.worker, help="kind of Glue's workers")
    parser.add_argument("--workers", type=int, default=LAKE.workers)
    parser.add_argument("--stream-hours", type=_hours, default=LAKE.stream_hours, help="a day (%(default)s)")
    parser.add_argument("--datasets", type=int, default=LAKE.datasets)


def _hours(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise ValueError(text) from error


def _run(_: Shell, given: Namespace) -> Reply:
    installation = Installation(given.source, given.worker, given.workers, given.stream_hours, given.datasets)
    lines = bill(installation, Load(given.files, given.file_bytes, given.months_kept, given.read_bytes))
    rows = [(line.service, line.what, f"{line.usd.quantize(CENT):f}") for line in lines if line.usd]
    data = {
        "usd": f"{total(lines):f}",
        "lines": [_data(line) for line in lines],
        "prices": {name: {**asdict(price), "usd": f"{price.usd:f}"} for name, price in PRICES.items()},
    }
    shown = table(
        "USD a month, list prices of us-east-1", ("service", "what", "USD"), [*rows, ("", "all", data["usd"])]
    )
    hints = ("ledgerlake cost --json   # every price with its source", "ledgerlake cost --source sqs --stream-hours 1")
    return Reply(data, shown, hints)


def _data(line: Line) -> dict[str, str]:
    return {"service": line.service, "what": line.what, "usd": f"{line.usd.quantize(CENT):f}"}


COMMAND = Command("cost", "what an installation in AWS costs a month, by its size and load", _run, _arguments)
