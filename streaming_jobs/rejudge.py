"""What the rules of today, or of another contract, say of an upload that was judged before. Nothing is written."""

from __future__ import annotations

from ledgerlake.events import Manifest, Outcome
from streaming_jobs.driver_path import declared, read_raw
from streaming_jobs.facts import facts_at
from streaming_jobs.lake import Lake
from tables.contract import Contract
from validation.validate import validate
from validation.verdict import Verdict


def judge_again(lake: Lake, manifest: Manifest, outcome: Outcome, contract: Contract) -> Verdict:
    """The verdict on an upload under `contract`, by this program, at the time and by the tables of its own `outcome`.

    Where contract and `rules_sha256` are those of the outcome, so is the verdict.

    Raises:
        RejectedError: the file cannot be read under this contract.
        LedgerlakeError, TransientError: as `read_raw` and `facts_at`.
    """
    facts = facts_at(lake, contract, outcome.reference_versions, manifest.supersedes)
    return validate(read_raw(lake.aws, manifest), contract, declared(manifest), facts.known(manifest))
