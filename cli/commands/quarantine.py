"""`ledgerlake quarantine`: the rows that were refused, why, and what people decide about them."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.text import Text

from cli.command import Command
from cli.person import client_of, person_argument
from cli.reading import contract_of, known_tables, select
from cli.refused import marked, sheet
from cli.shell import Exit, Reply, Shell, Verbatim, table
from cli.uploads import decided
from ingestion.client import Json
from ledgerlake.aws import ClientError
from ledgerlake.decisions import is_open, read_decisions
from ledgerlake.errors import ConfigurationError, LedgerlakeError, RejectedError
from ledgerlake.events import Manifest
from ledgerlake.layout import UPLOAD_ID, manifest_key
from tables.contract import Contract
from tables.contract_store import ContractStore
from tables.quarantine import Refused, open_rows
from tables.system_tables import SYSTEM_TABLES
from validation.reentry import Form, as_it_stands, form_of, header_of, obstacle, to_correct


@dataclass(frozen=True, slots=True)
class _Row:
    """A refused row, and whether nobody has decided about it."""

    of: Refused
    open: bool


HEAD_BYTES = 65536
"""The header of a file stands in so many of its first bytes."""


def _list_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--dataset", help="only this dataset")
    parser.add_argument("--by", choices=("upload", "rule"), default="upload", help="group by (default: %(default)s)")


def _list(shell: Shell, arguments: Namespace) -> Reply:
    refused = [each for name in _datasets(shell, arguments.dataset) for each in _refused(shell, name)]
    if arguments.by == "rule":
        return _by_rule([row for row in refused if row.open])
    groups: dict[tuple[Any, ...], list[_Row]] = defaultdict(list)
    for row in refused:
        groups[row.of.dataset, row.of.seq, row.of.upload_id].append(row)
    rows = [
        (*key, len(each), max(row.of.quarantined_at for row in each), sum(row.open for row in each))
        for key, each in sorted(groups.items())
    ]
    names = ("dataset", "seq", "upload_id", "rows", "at", "open")
    data = [dict(zip(names, row, strict=True)) for row in rows]
    hints = [f"ledgerlake quarantine show {rows[0][2]}"] if rows else []
    shown = table("Uploads with refused rows", ("dataset", "seq", "upload", "rows", "at", "open"), rows)
    return Reply(data, shown, hints)


def _by_rule(refused: Iterable[_Row]) -> Reply:
    groups: dict[tuple[str, str, str], list[Refused]] = defaultdict(list)
    for row in refused:
        for key in dict.fromkeys((row.of.dataset, reason["rule"], reason["column"] or "") for reason in row.of.reasons):
            groups[key].append(row.of)
    rows = [
        (*key, len(each), len({one.upload_id for one in each}), min(one.quarantined_at for one in each))
        for key, each in sorted(groups.items(), key=lambda group: -len(group[1]))
    ]
    names = ("dataset", "rule", "column", "open", "uploads", "since")
    data = [dict(zip(names, row, strict=True)) for row in rows]
    again = [f"ledgerlake quarantine redrive --dataset {row[0]} --rule {row[1]} --reason WHY" for row in rows[:1]]
    hints = [f"once the contract is mended: {each}" for each in again]
    return Reply(data, table("Open refused rows by rule", names, rows), hints)


def _choice_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--rule", help="only rows that break this rule")
    parser.add_argument("--lines", type=_lines, metavar="N,N", help="only rows on these lines of the file")


def _lines(text: str) -> list[int]:
    if not all(part.isdigit() for part in text.split(",")):
        raise ArgumentTypeError(f"{text!r} is no list of lines, for example 12,33")
    return [int(part) for part in text.split(",")]


def _show_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("upload_id", metavar="UPLOAD_ID")
    parser.add_argument("--open", action="store_true", help="only rows that nobody has decided about")
    _choice_arguments(parser)


def _show(shell: Shell, arguments: Namespace) -> Reply:
    dataset, rows = _of_upload(shell, arguments)
    found = [row for row in rows if row.open or not arguments.open]
    contract = contract_of(shell, dataset)
    header = _header(shell, contract, rows)
    listed = [
        (row.of.row, reason["rule"], reason["column"], reason["value"], reason["message"])
        for row in found
        for reason in row.of.reasons
    ]
    lines = [Text.assemble(f"{row.of.row:>8}  ", marked(row.of, contract, header)) for row in found]
    title = f"{len(found)} refused rows, {len(listed)} reasons, {sum(row.open for row in found)} rows open"
    name = f"mended.{contract.file.name if form_of(contract) is Form.LINES else 'jsonl'}"
    hints = (
        f"ledgerlake quarantine export {arguments.upload_id} --to-correct > {name}",
        f"ledgerlake quarantine correct {arguments.upload_id} {name} --reason WHY",
    )
    data = [{"row": row.of.row, "raw": row.of.raw, "reasons": row.of.reasons, "open": row.open} for row in found]
    return Reply(data, Group(*lines, table(title, ("line", "rule", "column", "value", "why"), listed)), hints)


def _export_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("upload_id", metavar="UPLOAD_ID")
    parser.add_argument("--to-correct", action="store_true", help="as a file of the dataset, to be sent back corrected")
    _choice_arguments(parser)


def _export(shell: Shell, arguments: Namespace) -> Reply:
    dataset, rows = _of_upload(shell, arguments)
    found = [row.of for row in rows if row.open]
    if not arguments.to_correct:
        return Reply([asdict(each) for each in found], Verbatim(sheet(found)))
    contract = contract_of(shell, dataset)
    if why := obstacle(contract):
        raise ConfigurationError(f"in {dataset} rows cannot enter again: {why}")
    if not found:
        return Reply([], Verbatim(""))
    manifest = _manifest(shell, rows)
    pinned = ContractStore(shell.settings, shell.aws).pinned(dataset, manifest.contract_sha256)
    read_by = as_it_stands(contract, pinned, reentered=manifest.reenters)
    text = to_correct(_file(shell, manifest), read_by, [(each.row, each.raw) for each in found])
    return Reply([asdict(each) for each in found], Verbatim(text))


def _correct_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("upload_id", metavar="UPLOAD_ID")
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="what export --to-correct wrote, mended: row k replaces the k-th"
    )
    _decision_arguments(parser)
    _newest_argument(parser)


def _decision_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--reason", required=True, help="why; kept for ever with your name")
    person_argument(parser)
    _choice_arguments(parser)


def _newest_argument(parser: ArgumentParser) -> None:
    help_ = "they are newer than what later uploads said of their keys"
    parser.add_argument("--newest", action="store_true", help=help_)


def _correct(shell: Shell, arguments: Namespace) -> Reply:
    if not arguments.file.is_file():
        raise ConfigurationError(f"no such file: {arguments.file}")
    try:
        content = arguments.file.read_text(encoding="utf-8", newline="")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{arguments.file} is not UTF-8 at byte {error.start}; save it as UTF-8") from error
    more = {"content": content, "newest": arguments.newest}
    return _decide(shell, arguments, "correct", more)


def _waive_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("upload_id", metavar="UPLOAD_ID")
    _decision_arguments(parser)


def _decide(shell: Shell, arguments: Namespace, kind: str, more: Json) -> Reply:
    body = {"reason": arguments.reason, "rule": arguments.rule, "rows": arguments.lines, **more}
    decision = client_of(shell, arguments).settle(arguments.upload_id, kind, body)
    return Reply(decision, decided(decision), (_next(decision),))


def _next(decision: Json) -> str:
    as_upload = decision["as_upload_id"]
    return f"ledgerlake status {as_upload}" if as_upload else f"ledgerlake quarantine show {decision['upload_id']}"


def _redrive_arguments(parser: ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("upload_id", nargs="?", metavar="UPLOAD_ID")
    which.add_argument("--dataset", help="all uploads of this dataset")
    _decision_arguments(parser)
    _newest_argument(parser)


def _redrive(shell: Shell, arguments: Namespace) -> Reply:
    """An upload of which no row is good yet does not stop the others."""
    if arguments.upload_id:
        return _decide(shell, arguments, "redrive", {"newest": arguments.newest})
    refused = [row.of for row in _refused(shell, _datasets(shell, arguments.dataset)[0], arguments.rule) if row.open]
    body = {"reason": arguments.reason, "rule": arguments.rule, "newest": arguments.newest}
    made, failed = [], []
    for upload_id in dict.fromkeys(each.upload_id for each in refused):
        try:
            made.append(client_of(shell, arguments).settle(upload_id, "redrive", body))
        except LedgerlakeError as error:
            failed.append((upload_id, str(error)))
    rows: list[tuple[Any, ...]] = [(each["upload_id"], each["as_upload_id"], None) for each in made]
    shown = table(
        "Driven again", ("upload", "as upload", "why not"), [*rows, *((each, None, why) for each, why in failed)]
    )
    data = {"decisions": made, "failures": [{"upload_id": each, "message": why} for each, why in failed]}
    return Reply(data, shown, [_next(each) for each in made[-1:]], Exit.FAILED if failed else Exit.OK)


def _datasets(shell: Shell, dataset: str | None) -> list[str]:
    names = [name for name in known_tables(shell) if name not in SYSTEM_TABLES]
    if dataset and dataset not in names:
        raise ConfigurationError(f"no dataset {dataset!r}; known are {', '.join(names)}")
    return [dataset] if dataset else names


def _refused(shell: Shell, dataset: str, rule: str | None = None, upload_id: str | None = None) -> list[_Row]:
    still = is_open(read_decisions(shell.aws, dataset))
    found = open_rows(shell.settings, dataset, (), upload_id, rule)
    return [_Row(each, still(each.upload_id, each.row)) for each in found]


def _of_upload(shell: Shell, arguments: Namespace) -> tuple[str, list[_Row]]:
    """The dataset of an upload, and its refused rows."""
    upload_id = arguments.upload_id
    if not UPLOAD_ID.fullmatch(upload_id):
        raise ConfigurationError(f"not a valid upload id: {upload_id!r}; see `ledgerlake quarantine list`")
    statement = f"SELECT dataset FROM quarantine WHERE upload_id = '{upload_id}' LIMIT 1"  # noqa: S608  # checked above
    named = select(shell, statement).to_pylist()
    if not named:
        raise ConfigurationError(f"no row of upload {upload_id} was ever refused; see `ledgerlake quarantine list`")
    dataset = str(named[0]["dataset"])
    found = _refused(shell, dataset, arguments.rule, upload_id)
    return dataset, [row for row in found if arguments.lines is None or row.of.row in arguments.lines]


def _header(shell: Shell, contract: Contract, rows: Sequence[_Row]) -> str:
    """That of the file that the rows of an upload came from; empty where its format has none, or it cannot be read."""
    try:
        return header_of(_file(shell, _manifest(shell, rows), HEAD_BYTES), contract) if rows else ""
    except (ClientError, RejectedError):
        return ""


def _manifest(shell: Shell, rows: Sequence[_Row]) -> Manifest:
    """Of the upload that the rows came with; there is one at least."""
    key = manifest_key(rows[0].of.dataset, rows[0].of.seq)
    return Manifest.from_json(shell.aws.s3.get_object(Bucket=shell.settings.raw_bucket, Key=key)["Body"].read())


def _file(shell: Shell, manifest: Manifest, size: int | None = None) -> bytes:
    """The file of an upload, or so many of its first bytes."""
    part = {} if size is None else {"Range": f"bytes=0-{size - 1}"}
    asked = {"Bucket": shell.settings.raw_bucket, "Key": manifest.raw_key, **part}
    data: bytes = shell.aws.s3.get_object(**asked)["Body"].read()
    return data


COMMANDS: Sequence[Command] = (
    Command("quarantine list", "uploads with refused rows, or rules with open ones", _list, _list_arguments),
    Command("quarantine show", "refused rows of one upload, with every reason", _show, _show_arguments),
    Command("quarantine export", "open rows as a sheet, or as a file to correct", _export, _export_arguments),
    Command("quarantine correct", "send corrected rows", _correct, _correct_arguments),
    Command("quarantine redrive", "let rows enter again after a contract was mended", _redrive, _redrive_arguments),
    Command("quarantine waive", "leave rows out for good", partial(_decide, kind="waive", more={}), _waive_arguments),
)
