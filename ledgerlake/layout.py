"""Where everything lies: one function for each key, prefix, URI and ledger item.

Every part of a key is minted by the server or checked here, so no untrusted name becomes a path.
"""

from __future__ import annotations

import re

EVENTS_SUFFIX = "__events"
DATASET = re.compile(r"(?!.*__events$)[a-z][a-z0-9_]{0,62}")
_TABLE = re.compile(r"[a-z][a-z0-9_]{0,62}(__events)?")
UPLOAD_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
SHA256 = re.compile(r"[0-9a-f]{64}")
RESERVED_DATASETS = frozenset({"uploads", "quarantine"})
SEQ_DIGITS = 12


def _checked(pattern: re.Pattern[str], text: str, what: str) -> str:
    if not pattern.fullmatch(text):
        msg = f"not a valid {what}: {text!r}; it must match {pattern.pattern}"
        raise ValueError(msg)
    return text


def _seq(seq: int) -> str:
    if not 0 < seq < 10**SEQ_DIGITS:
        msg = f"a sequence number lies in 1..10^{SEQ_DIGITS}, not {seq}"
        raise ValueError(msg)
    return f"{seq:0{SEQ_DIGITS}d}"


# Landing bucket


def landing_key(dataset: str, upload_id: str) -> str:
    """Where the client's PUT goes."""
    return f"landing/{_checked(DATASET, dataset, 'dataset')}/{_checked(UPLOAD_ID, upload_id, 'upload id')}"


LANDING_PREFIX = "landing/"


def parse_landing_key(key: str) -> tuple[str, str]:
    """(dataset, upload id) of a landing key.

    Raises:
        ValueError: it is not one.
    """
    head, _, rest = key.partition("/")
    dataset, _, upload_id = rest.partition("/")
    if f"{head}/" != LANDING_PREFIX:
        msg = f"not a landing key: {key!r}"
        raise ValueError(msg)
    _checked(DATASET, dataset, "dataset")
    return dataset, _checked(UPLOAD_ID, upload_id, "upload id")


def grant_key(upload_id: str) -> str:
    """The durable copy of a grant, written before its URL is handed out."""
    return f"grants/{_checked(UPLOAD_ID, upload_id, 'upload id')}.json"


GRANT_PREFIX = "grants/"

# Raw bucket

RAW_PREFIX = "raw/"
REJECTED_PREFIX = "rejected/"


def raw_key(dataset: str, upload_id: str) -> str:
    """The immutable file, byte for byte as uploaded."""
    return f"raw/{_checked(DATASET, dataset, 'dataset')}/files/{_checked(UPLOAD_ID, upload_id, 'upload id')}"


def manifest_key(dataset: str, seq: int) -> str:
    """The immutable manifest of the dataset's upload number `seq`."""
    return f"{manifest_prefix(dataset)}{_seq(seq)}.json"


def manifest_prefix(dataset: str) -> str:
    """Lists a dataset's manifests, in order of sequence."""
    return f"raw/{_checked(DATASET, dataset, 'dataset')}/manifests/"


def contract_key(dataset: str, sha256: str) -> str:
    """The immutable text of the contract that an upload was accepted under."""
    return f"raw/{_checked(DATASET, dataset, 'dataset')}/contracts/{_checked(SHA256, sha256, 'SHA-256')}.yaml"


def decision_key(dataset: str, number: int) -> str:
    """The immutable record of what a person decided about the dataset's uploads: decision 1, 2, 3, ..."""
    return f"{decision_prefix(dataset)}{_seq(number)}.json"


def decision_prefix(dataset: str) -> str:
    """Lists a dataset's decisions, in order."""
    return f"raw/{_checked(DATASET, dataset, 'dataset')}/decisions/"


def rejected_key(dataset: str, upload_id: str, name: str) -> str:
    """`name` is `file` (the bytes as uploaded) or `reason.json`."""
    return f"rejected/{_checked(DATASET, dataset, 'dataset')}/{_checked(UPLOAD_ID, upload_id, 'upload id')}/{name}"


# Tables bucket


def table_uri(bucket: str, table: str) -> str:
    """Root of a Delta table: a dataset, its events, `uploads` or `quarantine`. Spark reads it as s3a."""
    return f"s3://{bucket}/tables/{_checked(_TABLE, table, 'table')}"


def events_table(dataset: str) -> str:
    """The table of what a dataset's merge mode has to remember; no dataset can have such a name."""
    return f"{_checked(DATASET, dataset, 'dataset')}{EVENTS_SUFFIX}"


def staging_uri(bucket: str, dataset: str, last_seq: int) -> str:
    """Where executors stage the parsed rows of a large run before its merge."""
    return f"s3://{bucket}/staging/{_checked(DATASET, dataset, 'dataset')}/{_seq(last_seq)}"


def checkpoint_uri(bucket: str) -> str:
    """Where Spark remembers how far it read the event source; safe to delete at any time."""
    return f"s3://{bucket}/checkpoints/stream"


# Progress


def app_id(dataset: str) -> str:
    """appId of the Delta `txn` action whose version is the last applied sequence number."""
    return f"ingest:{_checked(DATASET, dataset, 'dataset')}"


# Ledger items (DynamoDB, partition key `pk`, sort key `sk`, both text)


def upload_item(upload_id: str) -> dict[str, str]:
    """One upload: its grant, its acceptance, its outcome."""
    return {"pk": f"upload#{_checked(UPLOAD_ID, upload_id, 'upload id')}", "sk": "upload"}


def counter_item(dataset: str) -> dict[str, str]:
    """The last sequence number given in a dataset."""
    return {"pk": f"dataset#{_checked(DATASET, dataset, 'dataset')}", "sk": "counter"}


def acceptance_item(dataset: str, seq: int) -> dict[str, str]:
    """The dataset's upload number `seq`; a range query over `sk` lists them in order."""
    return {"pk": f"dataset#{_checked(DATASET, dataset, 'dataset')}", "sk": f"seq#{_seq(seq)}"}


def listing_item(dataset: str, tenant: str, upload_id: str) -> dict[str, str]:
    """A tenant's upload to a dataset; a range query over `sk` lists them in order of time."""
    return {
        "pk": f"listing#{_checked(DATASET, dataset, 'dataset')}#{tenant}",
        "sk": _checked(UPLOAD_ID, upload_id, "upload id"),
    }


def hold_item(dataset: str, upload_id: str) -> dict[str, str]:
    """A held upload about which nobody has decided yet, as far as the ledger knows."""
    return {
        "pk": f"holds#{_checked(DATASET, dataset, 'dataset')}",
        "sk": _checked(UPLOAD_ID, upload_id, "upload id"),
    }


def delivery_item(dataset: str, fingerprint: str) -> dict[str, str]:
    """Which upload brought this delivery first; `fingerprint` is that of its manifest."""
    return {
        "pk": f"delivery#{_checked(DATASET, dataset, 'dataset')}#{_checked(SHA256, fingerprint, 'SHA-256')}",
        "sk": "first",
    }


def lease_item(dataset: str) -> dict[str, str]:
    """Who may write a table now, until when, with which fencing number."""
    return {"pk": f"lease#{_checked(DATASET, dataset, 'dataset')}", "sk": "lease"}
