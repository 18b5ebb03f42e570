"""Quarantine ends: refused rows are corrected, driven again under a contract that has changed, or waived.

What is open is quarantine without all rows that were decided about, and each decision is made in the light of all
before it. So no row leaves quarantine twice, and none enters its table twice.
"""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from ingestion.decide import Deciding, checked_reason, decide
from ingestion.intake import Intake
from ingestion.objects import put_file, read
from ingestion.redriven import Source, lines, on_whole_lines, written
from ingestion.request import ConflictError, FieldProblem, InvalidRequestError
from ingestion.row import Row
from ingestion.values import Caller
from ledgerlake.clock import new_upload_id
from ledgerlake.decisions import CORRECT, REDRIVE, WAIVE, Decision, read_decisions, superseded
from ledgerlake.errors import RejectedError
from ledgerlake.events import Manifest
from ledgerlake.layout import raw_key
from tables.contract import Contract
from tables.newer import overtaken
from tables.quarantine import Refused, open_rows
from validation.formats.json_lines import RULE as NO_OBJECT
from validation.reentry import (
    Form,
    Judged,
    encoded,
    form_of,
    judge_again,
    obstacle,
    text_of,
)

SHOWN = 50
"""Reasons that a refusal names."""

AS_OBJECTS = "rows of such files enter again as JSON Lines, as `ledgerlake quarantine export --to-correct` writes them"


@dataclass(frozen=True, slots=True)
class Choice:
    """Open rows of one upload: those on these lines, or all that break a rule, or all."""

    rows: AbstractSet[int] | None = None
    rule: str | None = None

    def has(self, row: Refused) -> bool:
        """Whether the row is one of them."""
        return (self.rows is None or row.row in self.rows) and (self.rule is None or self.rule in row.rules)


def waive(intake: Intake, row: Row, caller: Caller, reason: str, choice: Choice) -> Decision:
    """The rows stay out for good.

    Raises:
        InvalidRequestError: there is no reason.
        ConflictError: there is no such row, or it was decided about before.
        TransientError: a system was busy; call again.
    """
    manifest = _applied(row)
    deciding = Deciding(intake, manifest, caller, checked_reason(reason))

    def make(number: int, known: Sequence[Decision]) -> Decision:
        chosen = _chosen(intake, manifest, known, choice)
        return deciding.decision(number, WAIVE, (each.row for each in chosen))

    return decide(intake, manifest.dataset, make)


def correct(  # noqa: PLR0913, PLR0917  # who corrects what, why, and with what
    intake: Intake,
    row: Row,
    caller: Caller,
    reason: str,
    choice: Choice,
    text: str,
    *,
    newest: bool = False,
) -> Decision:
    """Row k of the file `text`, which is one of the dataset's, replaces the k-th of the rows; as another upload.

    A row whose key a later upload has written since is refused where the order of arrival decides, unless it is said to
    be the `newest`. Raises as `waive`, and:

    Raises:
        InvalidRequestError: the file is not good in every row; says which rows are not, and why.
    """
    manifest = _applied(row)
    deciding = Deciding(intake, manifest, caller, checked_reason(reason))
    contract = _contract(intake, manifest)

    def make(number: int, known: Sequence[Decision]) -> Decision:
        chosen = _chosen(intake, manifest, known, choice)
        data, judged = _judged(intake, text, contract, len(chosen))
        late = overtaken(contract, intake.settings, judged.verdict.accepted, manifest.seq)
        if any(late) and not newest:
            _refuse_late([each for each, is_late in zip(chosen, late, strict=True) if is_late])
        return _reentry(deciding, number, CORRECT, chosen, data)

    return decide(intake, manifest.dataset, make)


def redrive(  # noqa: PLR0913  # as `correct`
    intake: Intake,
    row: Row,
    caller: Caller,
    reason: str,
    choice: Choice,
    *,
    newest: bool = False,
) -> Decision:
    """Rows that are good under the contract of now enter again, as another upload; the others stay. As `correct`."""
    manifest = _applied(row)
    deciding = Deciding(intake, manifest, caller, checked_reason(reason))
    contract = _contract(intake, manifest)
    source = Source(
        read(intake.aws, intake.settings.raw_bucket, manifest.raw_key) or b"",
        manifest.reenters,
        intake.contracts.pinned(manifest.dataset, manifest.contract_sha256),
        contract,
    )

    def make(number: int, known: Sequence[Decision]) -> Decision:
        chosen = _chosen(intake, manifest, known, choice)
        header, able = written(source, chosen)
        text = text_of(header, [line for _, line in able])
        _, judged = _judged(intake, text, contract, len(able), every=False)
        good = [each for each, is_good in zip(able, judged.accepted, strict=True) if is_good]
        late = overtaken(contract, intake.settings, judged.verdict.accepted, manifest.seq)
        timely = [each for each, is_late in zip(good, late, strict=True) if newest or not is_late]
        if good and not timely:
            _refuse_late([each for each, _ in good])
        kept = on_whole_lines(timely, chosen)
        if not kept:
            _refuse_all(contract, chosen, judged)
        data = encoded(text_of(header, [line for _, line in kept]), contract)
        return _reentry(deciding, number, REDRIVE, [each for each, _ in kept], data)

    return decide(intake, manifest.dataset, make)


def _refuse_all(contract: Contract, chosen: Sequence[Refused], judged: Judged) -> None:
    still = judged.verdict.quarantined["reasons"]
    why = f"the first as {still[0].as_py()[0]['message']}" if len(still) else "as not all rows of a line are good"
    raise ConflictError(f"Under contract {contract.version} all {len(chosen)} rows are still refused; {why}.")


def still_open(
    intake: Intake,
    dataset: str,
    choice: Choice,
    *,
    upload_id: str | None = None,
    tenant: str | None = None,
) -> list[Refused]:
    """The dataset's open rows, perhaps those of one upload or of a tenant's uploads only."""
    every = open_rows(intake.settings, dataset, read_decisions(intake.aws, dataset), upload_id)
    found = [each for each in every if choice.has(each)]
    if tenant is None:
        return found
    rows = intake.ledger.read_many(list({each.upload_id for each in found}))
    theirs = {row.upload_id for row in rows if row.grant and row.grant.tenant == tenant}
    return [each for each in found if each.upload_id in theirs]


def _applied(row: Row) -> Manifest:
    if row.manifest is None or row.state != "applied":
        msg = f"Upload {row.upload_id} is {row.state}: only what was applied has refused rows."
        raise ConflictError(msg)
    return row.manifest


def _contract(intake: Intake, manifest: Manifest) -> Contract:
    contract = intake.contracts.current(manifest.dataset)
    if reason := obstacle(contract):
        raise ConflictError(f"In {manifest.dataset} rows cannot enter again: {reason}.")
    return contract


def _chosen(intake: Intake, manifest: Manifest, known: Sequence[Decision], choice: Choice) -> list[Refused]:
    if by := superseded(known).get(manifest.upload_id):
        raise ConflictError(f"Upload {manifest.upload_id} was superseded by upload {by.as_upload_id}: see that one.")
    found = open_rows(intake.settings, manifest.dataset, known, manifest.upload_id)
    chosen = [each for each in found if choice.has(each)]
    missing = sorted((choice.rows or frozenset()) - {each.row for each in chosen})
    see = f"see `ledgerlake quarantine show {manifest.upload_id}`"
    if missing:
        raise ConflictError(f"Not open in quarantine: {lines(missing)} of upload {manifest.upload_id}; {see}.")
    if not chosen:
        raise ConflictError(f"Nothing of upload {manifest.upload_id} is open in quarantine; {see}.")
    there, taken = Counter(each.row for each in found), Counter(each.row for each in chosen)
    if parted := sorted(row for row in taken if taken[row] < there[row]):
        msg = f"Several rows of {lines(parted)} are refused, and leave quarantine together: choose them without a rule."
        raise ConflictError(msg)
    return chosen


def _judged(
    intake: Intake, text: str, contract: Contract, expected: int, *, every: bool = True
) -> tuple[bytes, Judged]:
    """The file of rows that enter again and the verdict on it; with `every` all must be good."""
    try:
        data = encoded(text, contract)
        judged = judge_again(data, contract, expected, intake.clock())
    except RejectedError as error:
        raise InvalidRequestError((FieldProblem("content", error.message),)) from error
    refused = judged.verdict.quarantined.select(["_row", "reasons"]).to_pylist() if every else []
    hint = f"; {AS_OBJECTS}" if form_of(contract) is Form.CELLS else ""
    problems = [
        FieldProblem(f"content.{row['_row']}", reason["message"] + (hint if reason["rule"] == NO_OBJECT else ""))
        for row in refused
        for reason in row["reasons"]
    ]
    if problems:
        raise InvalidRequestError(tuple(problems[:SHOWN]))
    return data, judged


def _refuse_late(late: Sequence[Refused]) -> None:
    msg = (
        f"Later uploads have written the keys of {lines([each.row for each in late])} since, and in this dataset the "
        "last word counts: leave them out, or say that they are the newest."
    )
    raise ConflictError(msg)


def _reentry(deciding: Deciding, number: int, kind: str, rows: Sequence[Refused], data: bytes) -> Decision:
    """The decision, and its bytes in raw before it: if somebody else decides first, they are nobody's."""
    intake = deciding.intake
    upload_id = new_upload_id(intake.clock())
    key, sha256 = raw_key(deciding.manifest.dataset, upload_id), hashlib.sha256(data).hexdigest()
    put_file(intake.aws, intake.settings.raw_bucket, key, io.BytesIO(data), sha256)
    return deciding.decision(number, kind, (each.row for each in rows), upload_id)
