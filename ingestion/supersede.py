"""Supersede: a corrected file takes the place of an earlier one, whose rows leave the table as its own come in.

What is replaced is a decision (`ledgerlake.decisions`), made when the corrected file is accepted: so it is made once,
in the light of all that was decided about the earlier file, and no row of that file is corrected or released after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingestion.decide import decide
from ingestion.intake import Intake
from ingestion.request import FieldProblem, InvalidRequestError, UploadRequest
from ingestion.row import Row
from ingestion.values import Grant
from ledgerlake.clock import to_text
from ledgerlake.decisions import RELEASE, SUPERSEDE, Decision, end_of_hold, read_decisions, rows_of, superseded
from ledgerlake.errors import RejectedError, TransientError
from ledgerlake.events import Manifest
from ledgerlake.layout import UPLOAD_ID
from tables.contract import Contract
from tables.superseding import obstacle


@dataclass(frozen=True, slots=True)
class Wish:
    """That a file of this SHA-256, which a tenant sends, takes the place of upload `target`."""

    target: str
    tenant: str
    sha256: str


def check_target(intake: Intake, request: UploadRequest, tenant: str) -> None:
    """Refuses a request for a file that could not take the place of the upload that it names, as things are now.

    Raises:
        InvalidRequestError: says why, and what is possible instead.
    """
    if request.supersedes is None:
        return
    contract = intake.contracts.current(request.dataset)
    known = list(read_decisions(intake.aws, request.dataset))
    fault = _fault(intake, contract, Wish(request.supersedes, tenant, request.sha256), known)
    if fault:
        raise InvalidRequestError((FieldProblem("supersedes", fault),))


def accept_superseding(intake: Intake, grant: Grant, target: str, made: Manifest) -> Row:
    """Accepts a granted file, whose bytes are in raw, in the place of upload `target`; may be repeated.

    `made` is its manifest without a number.

    Raises:
        RejectedError: the target cannot be replaced any more, or the file is what was accepted before.
        TransientError: a system was busy; call again.
    """
    contract = intake.contracts.current(grant.dataset)

    def make(number: int, known: Sequence[Decision]) -> Decision:
        mine = next((each for each in known if each.as_upload_id == grant.upload_id), None)
        if mine:
            return mine
        fault = _fault(intake, contract, Wish(target, grant.tenant, grant.sha256), known)
        if fault:
            raise RejectedError("supersedes", f"upload {target}: {fault}")
        _refuse_same(intake, made, known)
        about = (grant.dataset, number, SUPERSEDE, target, "declared with the file that takes its place")
        who = (grant.principal, grant.tenant, grant.source_ip, intake.clock())
        return Decision(*about, *who, as_upload_id=grant.upload_id, replaces=rows_of(known, target))

    decide(intake, grant.dataset, make)
    row = intake.ledger.read(grant.upload_id)
    if row is None or row.manifest is None:
        raise TransientError(f"the ledger lost {grant.upload_id}; deliver again")
    return row


def _fault(intake: Intake, contract: Contract, wish: Wish, known: Sequence[Decision]) -> str | None:
    target, tenant = wish.target, wish.tenant
    if why := obstacle(contract):
        return f"no file of {contract.dataset} can supersede another: {why}"
    row = intake.ledger.read(target) if UPLOAD_ID.fullmatch(target) else None
    if row is None or row.manifest is None or row.manifest.dataset != contract.dataset or row.manifest.tenant != tenant:
        return f"there is no accepted upload {target[:64]!r} of yours in {contract.dataset}; see its `uploads`"
    if row.manifest.cause and row.manifest.kind != SUPERSEDE:
        return f"its rows are those of upload {row.manifest.cause['upload_id']}: supersede that one"
    if by := superseded(known).get(target):
        other = intake.ledger.read(by.as_upload_id or "")
        same = other and other.grant and other.grant.sha256 == wish.sha256
        then = (
            "with this very file, byte for byte: there is nothing to do" if same else "with another: supersede that one"
        )
        return f"upload {by.as_upload_id} has superseded it at {to_text(by.at)}, {then}"
    return _if_over(row, known)


def _if_over(row: Row, known: Sequence[Decision]) -> str | None:
    """Of a held file that will have no rows, as it was rejected, or as one was that took its place: it is nobody's."""
    end = end_of_hold(known, row.upload_id)
    if end is None or end.kind == RELEASE or row.state != "held" or row.manifest is None:
        return None
    instead = (
        f"supersede upload {row.manifest.supersedes[0]}" if row.manifest.supersedes else "send it without supersedes"
    )
    return f"it was held and is over ({end.kind} by {end.by}), so that it has no rows to replace: {instead}"


def _refuse_same(intake: Intake, made: Manifest, known: Sequence[Decision]) -> None:
    """A delivery that was accepted before is no correction, unless another file has taken its place since."""
    first = intake.ledger.delivered(made)
    if first and first != made.upload_id and first not in superseded(known):
        raise RejectedError(
            "duplicate",
            f"this file is upload {first}, byte for byte, under the same contract and declaration: there is nothing to "
            "correct, nothing was changed, and nothing needs to be sent again",
        )
