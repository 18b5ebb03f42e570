"""The bodies of the upload API, as its OpenAPI document shows them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ingestion.grant import UploadGrant
from ingestion.presign import Step
from ingestion.request import UploadRequest
from ingestion.row import Row
from ledgerlake.clock import to_text
from ledgerlake.decisions import Decision
from ledgerlake.events import Outcome
from tables.contract import Column, Contract


class AskBody(BaseModel):
    """A file that the caller wants to upload."""

    model_config = ConfigDict(extra="forbid", strict=True)

    dataset: Annotated[str, Field(description="Name of the dataset", examples=["payments"])]
    file_name: Annotated[str, Field(description="The file's own name, without folders", examples=["march.csv"])]
    size: Annotated[int, Field(description="Bytes of the file", examples=[1048576])]
    sha256: Annotated[str, Field(description="SHA-256 of the file, hexadecimal")]
    content_type: Annotated[str, Field(description="Media type", examples=["text/csv"])]
    declared_rows: Annotated[int | None, Field(description="Data rows in the file, to be checked")] = None
    declared_totals: Annotated[
        dict[str, str],
        Field(
            description="Totals to be checked, as decimal texts: of a money column, or as in opening(amount)",
            examples=[{"amount": "1234.50"}],
        ),
    ] = {}
    supersedes: Annotated[str | None, Field(description="The earlier upload whose place the file takes")] = None

    def request(self) -> UploadRequest:
        """The same as a value."""
        return UploadRequest(**self.model_dump())


class StepBody(BaseModel):
    """One request to send: these bytes of the file, with exactly these headers."""

    method: Literal["PUT"]
    url: str
    headers: dict[str, str]
    offset: Annotated[int, Field(description="First byte of the file to send, counted from 0")]
    size: Annotated[int, Field(description="How many bytes to send")]

    @classmethod
    def of(cls, step: Step) -> StepBody:
        """Body of a step."""
        return cls(method="PUT", url=step.url, headers=dict(step.headers), offset=step.offset, size=step.size)


class GrantBody(BaseModel):
    """The permission to upload exactly that file, once."""

    upload_id: str
    expires_at: str
    steps: Annotated[list[StepBody], Field(description="Requests to send; one for a file that is not in parts")]
    complete: Annotated[str | None, Field(description="Where to POST after all parts; null for a file in one piece")]
    status: Annotated[str, Field(description="Where to ask what became of it")]

    @classmethod
    def of(cls, granted: UploadGrant) -> GrantBody:
        """Body of a grant."""
        here = f"/v1/uploads/{granted.grant.upload_id}"
        return cls(
            upload_id=granted.grant.upload_id,
            expires_at=to_text(granted.expires_at),
            steps=[StepBody.of(step) for step in granted.steps],
            status=here,
            complete=f"{here}/complete" if granted.grant.multipart_id else None,
        )


class StageBody(BaseModel):
    """A stage that the upload has reached, and when."""

    stage: str
    at: str


class ReasonBody(BaseModel):
    """Why a file was refused, or set aside."""

    check: str
    message: str


class OutcomeBody(BaseModel):
    """What became of the rows: rows = merged + superseded + duplicate + quarantined; money in decimal texts."""

    rows: int
    merged: int
    superseded: int
    duplicate: int
    quarantined: int
    money: dict[str, dict[str, str]]
    version: Annotated[int | None, Field(description="Table version that holds the rows")]
    unexplained: Annotated[dict[str, str], Field(description="Of rows and money, what is in no part: 0")] = {}
    waived: Annotated[list[str], Field(description="What would have held the file, had it not been released")] = []
    replaced: Annotated[dict[str, str], Field(description="Rows and money of superseded uploads that left")] = {}
    notes: Annotated[dict[str, str], Field(description="What had to be decided to read the file, and why")] = {}

    @classmethod
    def of(cls, outcome: Outcome) -> OutcomeBody:
        """Body of an outcome."""
        return cls(
            rows=outcome.rows,
            merged=outcome.merged,
            superseded=outcome.superseded,
            duplicate=outcome.duplicate,
            quarantined=outcome.quarantined,
            money=outcome.money,
            version=outcome.version,
            unexplained=outcome.unexplained,
            waived=outcome.waived,
            replaced=outcome.replaced,
            notes=outcome.notes,
        )


class DecisionBody(BaseModel):
    """What a person decided about a held upload or refused rows, for ever."""

    number: Annotated[int, Field(description="Its place among the decisions of the dataset")]
    kind: Annotated[str, Field(description="propose, release, reject; correct, redrive, waive; supersede")]
    upload_id: Annotated[str, Field(description="The upload decided about")]
    reason: str
    by: str
    approved_by: str | None
    at: str
    as_upload_id: Annotated[str | None, Field(description="The upload that the decision made")]
    rows: Annotated[list[int], Field(description="The lines decided about; none for a whole file")]
    replaces: Annotated[list[str], Field(description="The uploads whose rows are replaced")] = []

    @classmethod
    def of(cls, decision: Decision) -> DecisionBody:
        """Body of a decision."""
        return cls(
            number=decision.number,
            kind=decision.kind,
            upload_id=decision.upload_id,
            reason=decision.reason,
            by=decision.by,
            approved_by=decision.approved_by,
            at=to_text(decision.at),
            as_upload_id=decision.as_upload_id,
            rows=decision.rows,
            replaces=decision.replaces,
        )


class UploadBody(BaseModel):
    """An upload, as far as it has come."""

    upload_id: str
    dataset: str
    file_name: str
    size: int
    sha256: str
    state: Literal["granted", "accepted", "rejected", "applied", "held"]
    seq: Annotated[int | None, Field(description="Its number in the dataset, once accepted")]
    contract_version: Annotated[str | None, Field(description="Version of the contract it was accepted under")]
    stages: list[StageBody]
    reasons: list[ReasonBody]
    outcome: OutcomeBody | None
    cause: Annotated[dict[str, str] | None, Field(description="The decision that made it; null for a file")] = None
    proposal: Annotated[DecisionBody | None, Field(description="Who asked for its release first")] = None
    decision: Annotated[DecisionBody | None, Field(description="What ended its hold")] = None
    superseded_by: Annotated[DecisionBody | None, Field(description="What put another file in its place")] = None

    @classmethod
    def of(cls, row: Row) -> UploadBody | None:
        """Body of a ledger row; None where nobody was granted the upload."""
        grant, manifest, rejection, outcome = row.grant, row.manifest, row.rejection, row.outcome
        if grant is None:
            return None
        reasons = [ReasonBody(check=rejection.check, message=rejection.message)] if rejection else []
        reasons += [ReasonBody(check="hold", message=held) for held in outcome.held] if outcome else []
        return cls.model_validate(
            {
                "upload_id": grant.upload_id,
                "dataset": grant.dataset,
                "file_name": grant.file_name,
                "size": grant.size,
                "sha256": grant.sha256,
                "state": row.state,
                "seq": manifest.seq if manifest else None,
                "contract_version": manifest.contract_version if manifest else None,
                "reasons": reasons,
                "stages": [StageBody(stage=stage, at=to_text(at)) for stage, at in row.stages.items()],
                "outcome": OutcomeBody.of(outcome) if outcome else None,
                "cause": manifest.cause if manifest else None,
                "proposal": DecisionBody.of(row.proposal) if row.proposal else None,
                "decision": DecisionBody.of(row.decision) if row.decision else None,
                "superseded_by": DecisionBody.of(row.superseded_by) if row.superseded_by else None,
            },
        )


class UploadsBody(BaseModel):
    """The caller's uploads to a dataset, the latest first; `next` continues the list as `before`, null at its end."""

    uploads: list[UploadBody]
    next: str | None


class ColumnBody(BaseModel):
    """A column of a dataset."""

    name: str
    type: str
    required: bool
    money: bool
    description: str

    @classmethod
    def of(cls, column: Column) -> ColumnBody:
        """Body of a column."""
        exact = f"decimal({column.precision},{column.scale})" if column.kind == "decimal" else str(column.kind)
        return cls(
            name=column.name,
            type=exact,
            required=column.required,
            money=column.money,
            description=column.description,
        )


class DatasetBody(BaseModel):
    """A dataset and its contract."""

    dataset: str
    version: str
    description: str
    owner: str
    mode: str
    primary_key: list[str]
    file_format: str
    columns: list[ColumnBody]
    contract: Annotated[str, Field(description="The contract itself, ODCS 3.2 YAML")]

    @classmethod
    def of(cls, contract: Contract) -> DatasetBody:
        """Body of a contract."""
        return cls(
            dataset=contract.dataset,
            version=contract.version,
            description=contract.description,
            owner=contract.owner,
            mode=contract.mode,
            primary_key=list(contract.primary_key),
            file_format=contract.file.name,
            columns=[ColumnBody.of(column) for column in contract.columns],
            contract=contract.text,
        )


class DatasetsBody(BaseModel):
    """Names of all datasets."""

    datasets: list[str]
