"""`ledgerlake rejudge`: what today's rules say of an upload that was judged before. Nothing is written."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections import Counter
from pathlib import Path
from typing import Any

from cli.command import Command
from cli.reading import contract_of
from cli.shell import Exit, Reply, Shell, table
from ingestion.intake import Intake
from ledgerlake.errors import ConfigurationError, RejectedError
from ledgerlake.events import Outcome
from ledgerlake.layout import UPLOAD_ID
from streaming_jobs.driver_path import judging
from streaming_jobs.lake import Lake
from streaming_jobs.rejudge import judge_again
from tables.contract import Contract
from tables.contract_store import ContractStore
from tables.odcs import load
from validation.rules import rules_sha256
from validation.verdict import Verdict, warnings

_COUNTS = ("state", "rows", "quarantined", "contract_sha256", "rules_sha256")


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("upload_id", metavar="UPLOAD_ID")
    parser.add_argument("--contract", type=Path, metavar="FILE", help="a contract to try (default: that of today)")


def _run(shell: Shell, arguments: Namespace) -> Reply:
    known = UPLOAD_ID.fullmatch(arguments.upload_id)
    row = Intake(shell.settings, shell.aws).ledger.read(arguments.upload_id) if known else None
    if row is None or row.manifest is None or row.outcome is None:
        raise ConfigurationError(f"upload {arguments.upload_id!r} was never judged; see `ledgerlake status`")
    manifest, outcome = row.manifest, row.outcome
    contract = _read(arguments.contract) if arguments.contract else contract_of(shell, manifest.dataset)
    lake = Lake(shell.settings, shell.aws, ContractStore(shell.settings, shell.aws))
    try:
        before = lake.contracts.pinned(manifest.dataset, manifest.contract_sha256)
        now = _now(judge_again(lake, manifest, outcome, judging(contract, manifest, before)), contract)
    except RejectedError as error:
        why = f"{error.check}: {error.message}"  # as an accepted file that cannot be read is held
        now = {**_pins(contract), "state": "held", "rows": 0, "quarantined": 0, "held": [why]}
    return _reply(outcome, {**now, "state": "applied"} if manifest.kind == "release" else now)


def _read(path: Path) -> Contract:
    try:
        return load(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}; name the file of a contract") from error


def _now(verdict: Verdict, contract: Contract) -> dict[str, Any]:
    refused = Counter(
        reason["rule"] if reason["column"] is None else f"{reason['column']}.{reason['rule']}"
        for reasons in verdict.quarantined["reasons"].to_pylist()
        for reason in reasons
    )
    return {
        **_pins(contract),
        "state": "held" if verdict.held else "applied",
        "rows": verdict.totals.rows,
        "quarantined": verdict.quarantined.num_rows,
        "held": list(verdict.held),
        "warnings": warnings(verdict.flags),
        "refused": dict(refused),
    }


def _pins(contract: Contract) -> dict[str, str]:
    return {"contract_sha256": contract.sha256, "rules_sha256": rules_sha256(contract)}


def _reply(outcome: Outcome, now: dict[str, Any]) -> Reply:
    then = {name: getattr(outcome, name) for name in (*_COUNTS, "warnings")}
    then["held"] = outcome.held or outcome.waived
    rows = [(name, then[name], now[name]) for name in _COUNTS]
    rows += [("held", "; ".join(then["held"]), "; ".join(now["held"]))]
    rows += [(f"refused by {rule}", None, count) for rule, count in now.get("refused", {}).items()]
    shown = table(f"Upload {outcome.seq} of {outcome.dataset}", ("", "then", "now"), rows)
    same = all(then[name] == now[name] for name in ("state", "quarantined", "held"))
    return Reply({"then": then, "now": now}, shown, (), Exit.OK if same else Exit.FAILED)


COMMAND = Command("rejudge", "what today's rules, or another contract, say of an upload", _run, _arguments)
