"""The outcome of one upload, and a run that is ready to be committed: what both sizes of the protocol hand over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from ledgerlake.events import Manifest, Outcome
from streaming_jobs.conservation import PARTS, check, money_text
from streaming_jobs.tallies import Tally
from tables.contract import Contract
from tables.mode import Fate
from validation.rules import rules_sha256


@dataclass(frozen=True)
class Prepared:
    """A run: parsed, judged, counted and found conserved. Nothing of it is in a table yet.

    `quarantine()` appends the refused rows that are not in quarantine yet, `remember()` the events that the dataset's
    mode has to remember and that are not there yet; `commit(metadata)` makes the one commit of rows, progress and
    `metadata` and returns its version; `discard()` removes what was staged. Each is called at most once, in this
    order, `discard` always.
    """

    outcomes: tuple[Outcome, ...]
    quarantine: Callable[[], None]
    remember: Callable[[], None]
    commit: Callable[[str], int]
    discard: Callable[[], None]


def settle(
    manifest: Manifest,
    contract: Contract,
    file: Tally,
    parts: Mapping[str, Tally],
    applied_at: datetime,
) -> Outcome:
    """The outcome of an upload whose rows are told apart; `parts` has some of `conservation.PARTS`, the rest is none.

    Raises:
        LedgerlakeError: the parts do not add up to the file.
    """
    nothing = Tally(0, {name: Decimal(0) for name in contract.money})
    whole = {part: parts.get(part, nothing) for part in PARTS}
    check(f"upload {manifest.seq} of {manifest.dataset} ({manifest.upload_id})", file, whole)
    return _outcome(manifest, contract, file, whole, applied_at)


def hold(
    manifest: Manifest,
    contract: Contract,
    file: Tally | None,
    reasons: tuple[str, ...],
    applied_at: datetime,
) -> Outcome:
    """The outcome of an upload that is set aside as a whole; `file` is None where it could not be read to its end."""
    nothing = Tally(0, {name: Decimal(0) for name in contract.money})
    found = _outcome(manifest, contract, file or nothing, dict.fromkeys(PARTS, nothing), applied_at)
    return replace(found, state="held", held=list(reasons))


def accepted_parts(tallies: Mapping[tuple[int, Fate], Tally], seq: int) -> dict[str, Tally]:
    """The parts of upload `seq` among the tallies of a run, by the names of `conservation.PARTS`."""
    return {fate.name.lower(): tallies[seq, fate] for fate in Fate if (seq, fate) in tallies}


def _outcome(
    manifest: Manifest,
    contract: Contract,
    file: Tally,
    parts: Mapping[str, Tally],
    applied_at: datetime,
) -> Outcome:
    money = {
        name: {
            part: money_text(tally.money[name], contract.column(name).scale)
            for part, tally in (("file", file), *parts.items())
        }
        for name in contract.money
    }
    return Outcome(
        dataset=manifest.dataset,
        seq=manifest.seq,
        upload_id=manifest.upload_id,
        state="applied",
        rows=file.rows,
        money=money,
        held=[],
        waived=[],
        contract_sha256=manifest.contract_sha256,
        contract_version=manifest.contract_version,
        applied_at=applied_at,
        rules_sha256=rules_sha256(contract),
        merged=parts["merged"].rows,
        superseded=parts["superseded"].rows,
        duplicate=parts["duplicate"].rows,
        quarantined=parts["quarantined"].rows,
    )
