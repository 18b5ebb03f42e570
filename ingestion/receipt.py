"""Receipt: what became of an upload, signed by a key that nobody can take out of KMS.

The canonical text of a receipt is JSON in UTF-8 with sorted members and no blanks. What is signed, with ECDSA over
P-256 and SHA-256, is the hexadecimal SHA-256 of that text: KMS signs at most 4 KiB, and the emulator knows no `DIGEST`.
A receipt says nothing that raw and the upload's commit do not say, so that it can be made again.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from ingestion.request import ConflictError
from ingestion.row import Row
from ledgerlake.aws import Aws, ClientError, error_code, transient
from ledgerlake.clock import to_text
from ledgerlake.events import Outcome

SCHEMA = "ledgerlake.receipt/1"
ALGORITHM = "ECDSA_SHA_256"
FINAL = frozenset({"applied", "held", "rejected"})
_FORGED = "KMSInvalidSignatureException"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The members of a receipt, and the signature (base64) of their canonical text."""

    members: dict[str, Any]
    signature: str


def receipt(aws: Aws, row: Row) -> Receipt:
    """The receipt of an upload that has come to its end.

    Raises:
        ConflictError: it has not.
        TransientError: KMS could not be reached.
    """
    members = _members(row)
    with transient("sign a receipt"):
        signed = aws.kms.sign(
            KeyId=aws.settings.receipt_key,
            Message=signed_text(members),
            MessageType="RAW",
            SigningAlgorithm=ALGORITHM,
        )
    return Receipt(members, base64.b64encode(signed["Signature"]).decode())


def is_genuine(aws: Aws, members: dict[str, Any], signature: str) -> bool:
    """Whether our key signed exactly this.

    Raises:
        TransientError: KMS could not be reached.
    """
    try:
        raw = base64.b64decode(signature, validate=True)
        with transient("verify a receipt"):
            answer = aws.kms.verify(
                KeyId=aws.settings.receipt_key,
                Message=signed_text(members),
                MessageType="RAW",
                Signature=raw,
                SigningAlgorithm=ALGORITHM,
            )
    except ClientError as error:
        if error_code(error) != _FORGED:
            raise
        return False
    except ValueError:
        return False
    return bool(answer["SignatureValid"])


def public_key(aws: Aws) -> str:
    """The key that proves signatures, as PEM: with it anybody can, without us."""
    with transient("read the key of receipts"):
        raw = aws.kms.get_public_key(KeyId=aws.settings.receipt_key)["PublicKey"]
    text = base64.b64encode(raw).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])


def signed_text(members: dict[str, Any]) -> bytes:
    """What is signed: the SHA-256 of the canonical text, in hexadecimal."""
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest().encode()


def _members(row: Row) -> dict[str, Any]:
    grant = row.grant
    if grant is None or row.state not in FINAL:
        msg = f"Upload {row.upload_id} is {row.state}: there is a receipt once it is {', '.join(sorted(FINAL))}."
        raise ConflictError(msg)
    manifest, decision, superseded_by = row.manifest, row.decision, row.superseded_by
    return {
        "schema": SCHEMA,
        "upload_id": row.upload_id,
        "dataset": grant.dataset,
        "state": row.state,
        "file_name": grant.file_name,
        "size": grant.size,
        "sha256": grant.sha256,
        "tenant": grant.tenant,
        "principal": grant.principal,
        "stages": {stage: to_text(at) for stage, at in row.stages.items()},
        "seq": manifest.seq if manifest else None,
        "contract_sha256": manifest.contract_sha256 if manifest else None,
        "contract_version": manifest.contract_version if manifest else None,
        "cause": manifest.cause if manifest else None,
        "rejection": row.rejection.message if row.rejection else None,
        "decision": json.loads(decision.to_json()) if decision else None,
        "superseded_by": json.loads(superseded_by.to_json()) if superseded_by else None,
        "outcome": _outcome(row.outcome) if row.outcome else None,
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    """Counts, totals, table version: all of the outcome but what the receipt has said already."""
    said = {"dataset", "seq", "upload_id", "state", "contract_sha256", "contract_version", "applied_at"}
    return {name: value for name, value in asdict(outcome).items() if name not in said}
